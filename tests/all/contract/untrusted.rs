//! Text that the adversary chooses reaches nobody's terminal, ticket or chat as it was (§8, A11).

use super::fixture::{GET_OBJECT, create, json, matched, triggered_by, write};
use serde_json::{Value, json};
use tidegate::alert::visible;
use tidegate::detect::{Collected, Finding};

const EVIL: &str = "a\u{1b}]0;x\u{7}\u{202e}gpj.exe\u{200b}\u{feff}\n\r\u{2066}\u{85}`|<b>";

fn hostile() -> Finding {
    let mut event: Value = serde_json::from_str(GET_OBJECT).expect("the fixture is JSON");
    let identity = &mut event["userIdentity"];
    for name in ["arn", "principalId", "userName", "accessKeyId", "accountId", "invokedBy"] {
        identity[name] = EVIL.into();
    }
    for name in [
        "eventName",
        "eventSource",
        "awsRegion",
        "sourceIPAddress",
        "userAgent",
        "vpcEndpointId",
        "recipientAccountId",
        "errorCode",
    ] {
        event[name] = EVIL.into();
    }
    event["requestParameters"] = json!({"bucketName": EVIL, "key": EVIL, EVIL: EVIL});
    let mut finding = triggered_by(create(), &event);
    for key in [&mut finding.group, &mut finding.dedup_key] {
        for (_, value) in key {
            *value = Some(EVIL.into());
        }
    }
    for (_, collected) in &mut finding.collected {
        if let Collected::Values(values) = collected {
            *values = vec![EVIL.into()];
        }
    }
    finding.trigger_id = tidegate::event::EventId::Text(EVIL.into());
    finding.events[1].id = finding.trigger_id.clone();
    finding
}

/// Every text of a value, names among them.
fn texts(value: &Value, each: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => each(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, each)),
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            each(name);
            texts(value, each);
        }),
        _ => {}
    }
}

/// A text of the alert that would act on a terminal or reorder what a person reads.
pub(crate) fn hostile_text(body: &Value) -> Option<String> {
    let mut found = None;
    texts(body, &mut |text| {
        // The runbook is the rule author's, in lines.
        let is_runbook = text.starts_with("1. Verify");
        if !is_runbook && visible(text, usize::MAX) != text {
            found = Some(text.to_owned());
        }
    });
    found
}

#[test]
fn a11_no_hostile_character_survives_in_any_text_of_an_alert() {
    for finding in [hostile(), Finding { rule: super::fixture::MATCH, ..hostile() }] {
        let alert = write(&finding);
        let body = json(&alert);
        assert_eq!(hostile_text(&body), None);
        for (name, value) in &alert.headers {
            assert!(visible(value, usize::MAX) == value.as_str(), "{name}: {value:?}");
        }
        assert_eq!(body["unmapped"]["alert_context"]["sanitized"], true);
    }
}

#[test]
fn the_identity_of_a_hostile_key_is_that_of_the_original_text() {
    let alert = write(&hostile());
    let correlation =
        json(&alert)["metadata"]["correlation_uid"].as_str().expect("text").to_owned();
    let key: (String, Vec<(String, String)>) =
        serde_json::from_str(&correlation).expect("a correlation is JSON");
    assert_eq!(key.1[0].1, EVIL);
    assert_ne!(alert.key, write(&create()).key);
}

#[test]
fn a_harmless_alert_does_not_claim_to_be_sanitized() {
    for finding in [create(), matched()] {
        assert!(json(&write(&finding))["unmapped"]["alert_context"].get("sanitized").is_none());
    }
}
