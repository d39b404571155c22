//! The whole body of an alert, member by member (alerts.md §4.2).

use super::attack;
use super::case::Case;
use super::context::alert_context;
use super::evidence::{cloud_partition, evidence, observables, recipient_account, resources};
use super::identity::kind_name;
use super::ocsf::{
    Account, Analytic, Cloud, DetectionFinding, Feature, FindingInfo, Metadata, Product,
    Remediation, Tag, Unmapped, VERSION,
};
use super::related::related_events;
use super::severity::{confidence, severity};
use super::text::cap;
use super::time::{millis_text, seconds_text};
use super::title::title;
use crate::detect::FindingKind;
use crate::event::Source;
use crate::rule::{Kind, Measure, Rule, Window};

/// Techniques and tactics in an alert.
const ATTACKS_MAX: usize = 10;
/// Tags, labels and references in an alert, each.
const WORDS_MAX: usize = 20;

/// The body with every cap applied, before its encoded size is looked at.
pub(super) fn body(case: &Case<'_>) -> DetectionFinding {
    let finding = case.finding;
    let row = severity(finding.level);
    let (activity_id, activity_name, type_name) = activity(finding.kind);
    let (confidence_id, confidence) = confidence(case.rule.text.status);
    let (first, last) = (finding.first_seen.as_millis(), finding.last_seen.as_millis());
    let now = finding.wall.as_millis();
    let title = title(case);
    let mut body = DetectionFinding {
        message: title.clone(),
        severity: row.caption.into(),
        severity_id: row.id,
        time_dt: millis_text(now),
        time: now,
        start_time_dt: millis_text(first),
        start_time: first,
        end_time_dt: millis_text(last),
        end_time: last,
        activity_id,
        activity_name: activity_name.into(),
        class_uid: 2004,
        class_name: "Detection Finding".into(),
        category_uid: 2,
        category_name: "Findings".into(),
        type_uid: 200_400 + u32::from(activity_id),
        type_name: type_name.into(),
        status_id: 1,
        status: "New".into(),
        duration: last.saturating_sub(first),
        count: finding.count,
        confidence_id,
        confidence: confidence.into(),
        risk_level_id: row.risk_id,
        risk_level: row.risk_caption.into(),
        risk_score: row.risk_score,
        is_alert: true,
        timezone_offset: 0,
        metadata: metadata(case),
        cloud: cloud(case),
        finding_info: finding_info(case, title),
        evidences: vec![evidence(case)],
        resources: resources(case),
        observables: Vec::new(),
        remediation: remediation(case),
        unmapped: Unmapped { alert_context: alert_context(case) },
    };
    body.observables = observables(&body);
    body.unmapped.alert_context.sanitized = case.cleaner.has_replaced().then_some(true);
    body
}

/// Activity of OCSF: number, name, name of the type.
const fn activity(kind: FindingKind) -> (u8, &'static str, &'static str) {
    match kind {
        FindingKind::Create => (1, "Create", "Detection Finding: Create"),
        // OCSF knows no escalation: it is an update that is an alert.
        FindingKind::Escalate => (2, "Update", "Detection Finding: Update"),
    }
}

fn metadata(case: &Case<'_>) -> Metadata {
    let (settings, finding) = (case.settings, case.finding);
    let now = finding.wall.as_millis();
    let label = |label: &String| case.cleaner.some(label, cap::TEXT);
    Metadata {
        version: VERSION.into(),
        profiles: vec!["cloud".into(), "datetime".into()],
        uid: case.ids.record.clone(),
        correlation_uid: case.ids.correlation.clone(),
        event_code: case.cleaner.text(&format!("tidegate.{}", case.rule.text.name), cap::TEXT),
        sequence: finding.sequence,
        product: Product {
            uid: "tidegate".into(),
            name: "tidegate".into(),
            vendor_name: case.cleaner.text(&settings.vendor_name, cap::TEXT),
            version: settings.version.clone(),
            feature: Feature { uid: "sigma".into(), name: "Sigma rules".into() },
        },
        tenant_uid: recipient_account(case),
        log_name: case.cleaner.text(&settings.topic, cap::TEXT),
        log_provider: "tidegate".into(),
        original_time: seconds_text(finding.last_seen.as_millis()),
        logged_time: now,
        logged_time_dt: millis_text(now),
        labels: settings.labels.iter().filter_map(label).take(WORDS_MAX).collect(),
        is_truncated: None,
        untruncated_size: None,
    }
}

fn cloud(case: &Case<'_>) -> Cloud {
    Cloud {
        provider: "AWS".into(),
        cloud_partition: cloud_partition(case),
        region: case.clean_fact("awsRegion", cap::TEXT),
        account: recipient_account(case).map(Account::aws),
    }
}

fn finding_info(case: &Case<'_>, title: String) -> FindingInfo {
    let (finding, tags) = (case.finding, &case.rule.text.tags);
    let (created, now) = (finding.created.as_millis(), finding.wall.as_millis());
    let (first, last) = (finding.first_seen.as_millis(), finding.last_seen.as_millis());
    FindingInfo {
        uid: case.ids.finding.clone(),
        title,
        desc: case.cleaner.text(&description(case), cap::PROSE),
        types: vec![attack::finding_type(tags).into()],
        created_time: created,
        created_time_dt: millis_text(created),
        modified_time: now,
        modified_time_dt: millis_text(now),
        first_seen_time: first,
        first_seen_time_dt: millis_text(first),
        last_seen_time: last,
        last_seen_time_dt: millis_text(last),
        data_sources: vec![data_source(case.rule.source).into()],
        related_events_count: finding.count,
        analytic: analytic(case, case.rule),
        attacks: attack::attacks(tags, ATTACKS_MAX),
        related_events: related_events(case),
        src_url: src_url(case),
        tags: finding_tags(case),
    }
}

const fn data_source(source: Source) -> &'static str {
    match source {
        Source::CloudTrail => "AWS CloudTrail",
    }
}

fn analytic(case: &Case<'_>, rule: &Rule) -> Analytic {
    Analytic {
        uid: case.cleaner.text(&rule.text.id, cap::TEXT),
        name: case.cleaner.some(&rule.text.title, cap::TEXT),
        type_id: 1,
        kind: "Rule".into(),
        version: case.cleaner.some(&rule.text.version, cap::TEXT),
        category: case.cleaner.some(&rule.text.category, cap::TEXT),
        desc: case.cleaner.prose(&rule.text.description, cap::PROSE),
    }
}

/// The finding in numbers; the bucket is the only text in it that is not ours.
fn description(case: &Case<'_>) -> String {
    match &case.rule.kind {
        Kind::Match => {
            let bucket = case.bucket().map(|name| format!(" on {name}")).unwrap_or_default();
            format!("One event{bucket} matched the rule.")
        }
        Kind::Window(window) => window_description(case, window),
        Kind::NewTerms(terms) => {
            let names: Vec<&str> =
                case.finding.group.iter().map(|(name, _)| name.as_str()).collect();
            format!("{} had not been seen together for {}.", names.join(", "), terms.history)
        }
    }
}

fn window_description(case: &Case<'_>, window: &Window) -> String {
    let finding = case.finding;
    let (count, amount) = (finding.count, finding.amount);
    let field = match &window.measure {
        Measure::Count => None,
        Measure::Sum(field) => Some(case.catalogue.fields().name(*field)),
        Measure::Distinct { fields, sampled } => {
            let names: Vec<&str> =
                fields.iter().map(|field| case.catalogue.fields().name(*field)).collect();
            let about = if *sampled == 0 { "" } else { "about " };
            let what = format!("had {about}{amount} different values of {}", names.join(", "));
            return several_description(case, window, &what);
        }
        Measure::Signals { .. } => {
            return several_description(case, window, &format!("gave {amount} different signals"));
        }
        Measure::Mean(field) => {
            let field = case.catalogue.fields().name(*field);
            return several_description(
                case,
                window,
                &format!("had {amount} as the average of {field}"),
            );
        }
        Measure::Percentile { field, percent } => {
            let field = case.catalogue.fields().name(*field);
            let which = match percent {
                50 => "median".to_owned(),
                percent => format!("percentile {percent}"),
            };
            let what = format!("had {amount} as the {which} of {field}");
            return several_description(case, window, &what);
        }
        Measure::Rules { .. } => {
            return several_description(case, window, &format!("matched {amount} rules together"));
        }
    };
    let (what, place, unit) = match field {
        None => (format!("{count} events were counted"), "on", "events"),
        Some("tidegate.bytes_out") => {
            (format!("{count} objects ({amount} bytes) were read"), "from", "bytes")
        }
        Some("tidegate.bytes_in") => {
            (format!("{count} objects ({amount} bytes) were written"), "to", "bytes")
        }
        Some(field) => (format!("{count} events with a sum of {amount} in {field}"), "on", ""),
    };
    let grouped_by = |name: &str| finding.group.iter().any(|(field, _)| field == name);
    let bucket = case.bucket().filter(|_| grouped_by("tidegate.bucket"));
    let bucket = bucket.map(|name| format!(" {place} {name}")).unwrap_or_default();
    let by = if grouped_by("tidegate.principal") { " by one principal" } else { "" };
    let seconds = finding.last_seen.since(finding.first_seen).as_millis() / 1000;
    let tier = severity(finding.tier_level()).level;
    let closed = window.closes.then(|| asked_when_closed(window));
    let least = finding.threshold.map_or(String::new(), |least| {
        let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
        format!("; tier {tier} starts at {least}{unit} in {}", window.span)
    });
    format!("{what}{bucket}{by} in {seconds} s{}.", closed.unwrap_or(least))
}

/// What a rule asks of a window that has closed.
fn asked_when_closed(window: &Window) -> String {
    format!("; the rule asks for {} in a closed window of {}", window.condition, window.span)
}

/// What a window's events did; names in it are the rule's own text.
fn several_description(case: &Case<'_>, window: &Window, what: &str) -> String {
    let finding = case.finding;
    let seconds = finding.last_seen.since(finding.first_seen).as_millis() / 1000;
    let tier = severity(finding.level).level;
    let least = match (&window.measure, finding.threshold) {
        (Measure::Rules { .. }, _) => format!(" within {}", window.span),
        _ if window.closes => asked_when_closed(window),
        (_, None) => format!(" within {}", window.span),
        (_, Some(least)) => format!("; tier {tier} starts at {least} in {}", window.span),
    };
    format!("{} events {what} in {seconds} s{least}.", finding.count)
}

/// Links come from configuration and uid, never from event text.
fn src_url(case: &Case<'_>) -> Option<String> {
    let base = case.settings.console_url.as_deref().filter(|url| is_safe_link(url))?;
    Some(format!("{}/findings/{}", base.trim_end_matches('/'), case.ids.finding))
}

/// `https`, or `http` to this machine, and nothing a terminal or a browser could read otherwise.
fn is_safe_link(url: &str) -> bool {
    let is_plain = url.len() <= cap::TEXT && url.chars().all(|c| c.is_ascii_graphic());
    let is_local = url.strip_prefix("http://").is_some_and(|rest| {
        ["localhost", "127.0.0.1", "[::1]"].iter().any(|host| {
            rest.strip_prefix(host)
                .is_some_and(|port| port.is_empty() || port.starts_with([':', '/']))
        })
    });
    is_plain && (is_local || url.strip_prefix("https://").is_some_and(|rest| !rest.is_empty()))
}

fn finding_tags(case: &Case<'_>) -> Vec<Tag> {
    let tag = |name: &str, value: &str| Tag { name: name.to_owned(), value: value.to_owned() };
    let mut tags = vec![
        tag("rule_id", &case.cleaner.text(&case.rule.text.id, cap::TEXT)),
        tag("kind", kind_name(case.finding.kind)),
        tag("dedup_key", &case.ids.correlation),
    ];
    let others = case.rule.text.tags.iter().filter(|tag| !attack::is_attack_tag(tag));
    for other in others.take(WORDS_MAX - tags.len()) {
        let (name, value) = other.split_once('.').unwrap_or(("tag", other));
        let texts = (case.cleaner.some(name, cap::TEXT), case.cleaner.some(value, cap::TEXT));
        if let (Some(name), Some(value)) = texts {
            tags.push(Tag { name, value });
        }
    }
    tags
}

fn remediation(case: &Case<'_>) -> Option<Remediation> {
    let text = &case.rule.text;
    let references: Vec<String> =
        text.references.iter().filter(|url| is_safe_link(url)).take(WORDS_MAX).cloned().collect();
    let runbook = case.cleaner.prose(&text.runbook, cap::PROSE);
    // OCSF wants a text where there are references.
    let desc =
        runbook.or_else(|| (!references.is_empty()).then(|| "See the references.".into()))?;
    Some(Remediation { desc, references })
}

#[cfg(test)]
mod tests {
    use super::is_safe_link;

    #[test]
    fn only_https_and_loopback_are_links() {
        for url in ["https://a.example/x?y=1", "http://localhost:9090/x", "http://[::1]/"] {
            assert!(is_safe_link(url), "{url}");
        }
        for url in [
            "http://a.example",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "javascript:alert(1)",
            "https://",
            "https://a.example/\u{202e}",
            "https://a b",
        ] {
            assert!(!is_safe_link(url), "{url}");
        }
    }
}
