//! Brings an alert under `alerts.max_bytes`, least important things first (alerts.md §7).
//!
//! Never touched: ids, severity, times, counts, amount, principal, bucket, account, first source IP.

use super::context::{AlertContext, ContextValue, Scalar};
use super::evidence::observables;
use super::ocsf::{Actor, DetectionFinding, Evidence, SrcEndpoint};
use super::related::keep_ends;
use super::text::shorten;

/// Every text that is neither principal nor bucket, in the last step.
const LAST_TEXT_BYTES: usize = 128;
/// Titles, descriptions and object keys in the last steps.
const LAST_PROSE_BYTES: usize = 256;

/// One measure against size, in the order in which they are taken.
const STEPS: [fn(&mut DetectionFinding); 6] = [
    |body| keep_ends(&mut body.finding_info.related_events, 2),
    |body| cut_rule_lists(body, 3),
    |body| cut_words(body, 5),
    cut_prose,
    |body| body.observables.truncate(7),
    cut_everything_else,
];

/// The encoded body, at most `max_bytes` where the steps can reach it; they do for 65,536.
pub(super) fn encode(mut body: DetectionFinding, max_bytes: usize) -> Vec<u8> {
    let whole = to_json(&body);
    if whole.len() <= max_bytes {
        return whole;
    }
    body.metadata.is_truncated = Some(true);
    body.metadata.untruncated_size = u64::try_from(whole.len()).ok();
    let mut value = whole;
    for step in STEPS {
        step(&mut body);
        value = to_json(&body);
        if value.len() <= max_bytes {
            break;
        }
    }
    value
}

fn to_json(body: &DetectionFinding) -> Vec<u8> {
    serde_json::to_vec(body).expect("every member name is text, so the body is always JSON")
}

fn cut_rule_lists(body: &mut DetectionFinding, len: usize) {
    for evidence in &mut body.evidences {
        if let Some(data) = &mut evidence.data {
            data.sample_objects.truncate(len);
        }
    }
    for (_, value) in &mut body.unmapped.alert_context.named.0 {
        if let ContextValue::List(values) = value {
            values.truncate(len);
        }
    }
}

fn cut_words(body: &mut DetectionFinding, len: usize) {
    body.finding_info.tags.truncate(len);
    body.metadata.labels.truncate(len);
    if let Some(remediation) = &mut body.remediation {
        remediation.references.truncate(len);
    }
}

fn cut_prose(body: &mut DetectionFinding) {
    shorten(&mut body.finding_info.desc, LAST_PROSE_BYTES);
    if let Some(remediation) = &mut body.remediation {
        shorten(&mut remediation.desc, LAST_PROSE_BYTES);
    }
}

fn cut_everything_else(body: &mut DetectionFinding) {
    cut_rule_lists(body, 1);
    body.finding_info.related_events.clear();
    shorten(&mut body.message, LAST_PROSE_BYTES);
    shorten(&mut body.finding_info.title, LAST_PROSE_BYTES);
    cut_rule_texts(body);
    for evidence in &mut body.evidences {
        cut_evidence(evidence);
    }
    cut_context(&mut body.unmapped.alert_context);
    body.observables = observables(body);
}

fn cut_rule_texts(body: &mut DetectionFinding) {
    let text = |text: &mut String| shorten(text, LAST_TEXT_BYTES);
    text(&mut body.metadata.event_code);
    text(&mut body.metadata.product.vendor_name);
    text(&mut body.metadata.log_name);
    body.metadata.labels.iter_mut().for_each(text);
    let info = &mut body.finding_info;
    let analytic = &mut info.analytic;
    let parts =
        [&mut analytic.name, &mut analytic.version, &mut analytic.category, &mut analytic.desc];
    parts.into_iter().flatten().for_each(text);
    // The first three are ids.
    for tag in info.tags.iter_mut().skip(3) {
        text(&mut tag.name);
        text(&mut tag.value);
    }
    if let Some(remediation) = &mut body.remediation {
        // Half a link leads nowhere, or elsewhere.
        remediation.references.retain(|url| url.len() <= LAST_TEXT_BYTES);
    }
}

fn cut_evidence(evidence: &mut Evidence) {
    let text = |text: &mut String| shorten(text, LAST_TEXT_BYTES);
    if let Some(actor) = &mut evidence.actor {
        cut_actor(actor);
    }
    if let Some(api) = &mut evidence.api {
        text(&mut api.operation);
        api.service.iter_mut().for_each(|service| text(&mut service.name));
    }
    if let Some(SrcEndpoint { domain, svc_name, uid, .. }) = &mut evidence.src_endpoint {
        [domain, svc_name, uid].into_iter().flatten().for_each(text);
    }
    evidence.http_request.iter_mut().for_each(|http| text(&mut http.user_agent));
    if let Some(data) = &mut evidence.data {
        for key in &mut data.sample_objects {
            shorten(key, LAST_PROSE_BYTES);
        }
    }
}

/// The user's uid is the principal and stays.
fn cut_actor(actor: &mut Actor) {
    let text = |text: &mut String| shorten(text, LAST_TEXT_BYTES);
    actor.invoked_by.iter_mut().for_each(text);
    if let Some(user) = &mut actor.user {
        [&mut user.uid_alt, &mut user.name].into_iter().flatten().for_each(text);
        user.programmatic_credentials.iter_mut().for_each(|credential| text(&mut credential.uid));
    }
    if let Some(session) = &mut actor.session {
        text(&mut session.issuer);
        session.uid.iter_mut().for_each(text);
    }
}

fn is_principal_or_bucket(field: &str) -> bool {
    matches!(field, "tidegate.principal" | "tidegate.bucket" | "userIdentity.arn")
}

/// Principal, bucket and address under the names of alerts.md §4.5.
fn is_kept_name(name: &str) -> bool {
    matches!(name, "user_arn" | "bucket_name" | "source_ip" | "source_ips" | "account_id")
}

fn cut_context(context: &mut AlertContext) {
    for text in [&mut context.rule_name, &mut context.rule_author].into_iter().flatten() {
        shorten(text, LAST_TEXT_BYTES);
    }
    for (field, value) in &mut context.group.0 {
        if let Some(text) = value.as_mut().filter(|_| !is_principal_or_bucket(field)) {
            shorten(text, LAST_TEXT_BYTES);
        }
    }
    for (name, value) in context.named.0.iter_mut().filter(|(name, _)| !is_kept_name(name)) {
        // Keys of objects keep a little more.
        let cap = if name == "sample_objects" { LAST_PROSE_BYTES } else { LAST_TEXT_BYTES };
        let scalars = match value {
            ContextValue::One(scalar) => std::slice::from_mut(scalar),
            ContextValue::List(values) => values.as_mut_slice(),
        };
        for scalar in scalars {
            if let Scalar::Text(text) = scalar {
                shorten(text, cap);
            }
        }
    }
}
