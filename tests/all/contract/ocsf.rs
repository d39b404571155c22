//! Any alert that can be written is an OCSF Detection Finding, and true beyond the schema (§11).

use super::constraints::check_times;
use super::fixture::{
    GET_OBJECT, contract_path, create, escalate, event, json, matched, triggered_by, write,
};
use jsonschema::Validator;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};
use std::sync::LazyLock;
use tidegate::detect::{Collected, Finding};
use tidegate::rule::Level;
use tidegate::units::{EventTime, WallTime};

/// The releases that tests/contract/ocsf/pin.toml names.
const VERSIONS: [&str; 3] = ["1.6.0", "1.7.0", "1.8.0"];

/// The class as that release defines it.
pub(crate) fn validator(version: &str) -> Validator {
    let path = contract_path("ocsf").join(format!("detection_finding-{version}.json"));
    let text = std::fs::read_to_string(path).expect("the pinned schemas are in the clone");
    let schema: Value = serde_json::from_str(&text).expect("a schema is JSON");
    jsonschema::validator_for(&schema).expect("OCSF's schema is one")
}

#[test]
fn the_pin_names_the_releases_that_are_checked() {
    let pin = std::fs::read_to_string(contract_path("ocsf/pin.toml")).expect("the pin is there");
    let versions = VERSIONS.map(|version| format!("{version:?}")).join(", ");
    assert!(pin.contains(&format!("versions = [{versions}]")), "{pin}");
}

/// All pinned releases: the oldest shows that nothing newer than Security Hub knows is written (A9).
pub(crate) fn validators() -> &'static [(&'static str, Validator)] {
    static ALL: LazyLock<Vec<(&'static str, Validator)>> =
        LazyLock::new(|| VERSIONS.map(|version| (version, validator(version))).into());
    &ALL
}

#[test]
fn a9_the_samples_are_valid_in_every_pinned_release() {
    for finding in [create(), escalate(), matched()] {
        let body = json(&write(&finding));
        for (version, validator) in validators() {
            let problems: Vec<String> =
                validator.iter_errors(&body).map(|e| e.to_string()).collect();
            assert!(problems.is_empty(), "{version}: {problems:?}");
        }
    }
}

type Spoil = fn(&mut Value);

#[test]
fn the_pinned_schemas_refuse_eleven_defects() {
    let good = json(&write(&create()));
    let defects: [(&str, Spoil); 11] = [
        ("no finding uid", |v| remove(&mut v["finding_info"], "uid")),
        ("no cloud", |v| remove(v, "cloud")),
        ("severity 7", |v| v["severity_id"] = json!(7)),
        ("time as text", |v| v["time"] = json!("2025-01-15T15:01:01.417Z")),
        ("fractional count", |v| v["count"] = json!(1.5)),
        ("attribute that OCSF does not know", |v| v["surprise"] = json!(1)),
        ("wrong class", |v| v["class_uid"] = json!(2001)),
        ("evidence without content", |v| v["evidences"] = json!([{"name": "window"}])),
        ("attacks at the top", |v| v["attacks"] = v["finding_info"]["attacks"].clone()),
        ("actor at the top", |v| v["actor"] = v["evidences"][0]["actor"].clone()),
        ("malformed address", |v| v["evidences"][0]["src_endpoint"]["ip"] = json!("2.2.2")),
    ];
    for (version, validator) in validators() {
        for (name, spoil) in &defects {
            let mut bad = good.clone();
            spoil(&mut bad);
            assert!(!validator.is_valid(&bad), "{version} accepts: {name}");
        }
    }
}

fn remove(value: &mut Value, name: &str) {
    value.as_object_mut().expect("an object").remove(name);
}

/// What the schema does not see (alerts.md §11.1).
pub(crate) fn check_body(body: &Value) -> Result<(), TestCaseError> {
    let number = |pointer: &str| body.pointer(pointer).and_then(Value::as_i64).unwrap_or(-1);
    prop_assert_eq!(number("/type_uid"), number("/class_uid") * 100 + number("/activity_id"));
    prop_assert!(number("/start_time") <= number("/end_time"));
    prop_assert_eq!(number("/duration"), number("/end_time") - number("/start_time"));
    let related = body["finding_info"]["related_events"].as_array().map_or(0, Vec::len);
    prop_assert!(related <= 20);
    let version = body.pointer("/metadata/version").and_then(Value::as_str);
    prop_assert_eq!(version, Some("1.8.0"));
    prop_assert!(check_times(body) >= 8);
    for observable in body["observables"].as_array().into_iter().flatten() {
        let path = observable["name"].as_str().unwrap_or_default();
        let pointer = format!("/{}", path.replace(['.', '['], "/").replace(']', ""));
        prop_assert_eq!(body.pointer(&pointer), Some(&observable["value"]), "{}", path);
    }
    prop_assert!(no_empty_member(body), "{}", body);
    Ok(())
}

/// Nothing is `null`, `""` or `[]`, but for absent values of a group key.
fn no_empty_member(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty() && items.iter().all(no_empty_member),
        Value::Object(members) => {
            members.iter().all(|(name, value)| name == "group" || no_empty_member(value))
        }
        _ => true,
    }
}

fn level() -> impl Strategy<Value = Level> {
    prop_oneof![
        Just(Level::Informational),
        Just(Level::Low),
        Just(Level::Medium),
        Just(Level::High),
        Just(Level::Critical),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[ -~]{0,40}",
        1 => any::<String>(),
        1 => Just("arn:aws:sts::111111111111:assumed-role/Reader/session".to_owned()),
        1 => "[\"\\\\\u{1}\u{202e}é]{200,700}",
    ]
}

/// A JSON value where a text is expected, now and then.
fn member() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => text().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => any::<u64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => prop::collection::vec(text().prop_map(Value::from), 0..3).prop_map(Value::from),
        1 => prop::collection::hash_map(text(), text(), 0..3).prop_map(|map| json!(map)),
    ]
}

/// A CloudTrail event of which any member may be anything.
fn trigger() -> impl Strategy<Value = Value> {
    const PATHS: [&str; 22] = [
        "/eventName",
        "/eventSource",
        "/awsRegion",
        "/sourceIPAddress",
        "/userAgent",
        "/recipientAccountId",
        "/requestParameters",
        "/requestParameters/bucketName",
        "/requestParameters/key",
        "/resources",
        "/readOnly",
        "/userIdentity",
        "/userIdentity/type",
        "/userIdentity/arn",
        "/userIdentity/principalId",
        "/userIdentity/accountId",
        "/userIdentity/accessKeyId",
        "/userIdentity/userName",
        "/userIdentity/sessionContext",
        "/userIdentity/sessionContext/attributes",
        "/userIdentity/sessionContext/attributes/mfaAuthenticated",
        "/eventID",
    ];
    prop::collection::vec((prop::sample::select(&PATHS[..]), member()), 0..12).prop_map(|changes| {
        let mut event: Value = serde_json::from_str(GET_OBJECT).expect("the fixture is JSON");
        for (path, value) in changes {
            if let Some(place) = event.pointer_mut(path) {
                *place = value;
            }
        }
        event
    })
}

fn key() -> impl Strategy<Value = Vec<(String, Option<String>)>> {
    let field = prop::sample::select(vec!["tidegate.principal", "tidegate.bucket", "userAgent"]);
    prop::collection::hash_map(field, prop::option::of(text()), 0..4).prop_map(|pairs| {
        let mut key: Vec<_> =
            pairs.into_iter().map(|(field, value)| (field.to_owned(), value)).collect();
        key.sort();
        key
    })
}

prop_compose! {
    fn finding()(
        base in prop_oneof![Just(create()), Just(escalate()), Just(matched())],
        (trigger, group, dedup_key, level) in (trigger(), key(), key(), level()),
        (first, length) in (0_i64..4_000_000_000_000, 0_i64..90_000_000),
        (created, later) in (0_i64..4_000_000_000_000, 0_i64..90_000_000),
        (amount, count, sequence) in (any::<u64>(), 1_u64..1_000_000, 1_u32..9),
        (late, per_event) in (any::<bool>(), any::<bool>()),
        values in prop::collection::vec(text(), 0..12),
        events in 0_u8..20,
    ) -> Finding {
        let (first, last) = (EventTime::from_millis(first), EventTime::from_millis(first + length));
        let mut finding = Finding {
            level, group, dedup_key, amount, count, sequence, late, per_event,
            opened: last,
            first_seen: first,
            last_seen: last,
            created: WallTime::from_millis(created),
            wall: WallTime::from_millis(created + later),
            events: (0..events).map(|n| event(n, last.as_millis())).collect(),
            ..triggered_by(base, &trigger)
        };
        for (name, collected) in &mut finding.collected {
            if matches!(collected, Collected::Values(_)) && name != "user_agents" {
                *collected = Collected::Values(values.clone());
            }
        }
        finding
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 384, ..ProptestConfig::default() })]
    #[test]
    fn ocsf_accepts_every_alert_that_can_be_written(finding in finding()) {
        let alert = write(&finding);
        let body = json(&alert);
        for (version, validator) in validators() {
            let problems: Vec<String> =
                validator.iter_errors(&body).map(|e| e.to_string()).collect();
            prop_assert!(problems.is_empty(), "{version}: {problems:?} in {body}");
        }
        check_body(&body)?;
        let starts_with_message = alert.value.starts_with(br#"{"message":"#);
        prop_assert!(starts_with_message);
        prop_assert!(alert.value.len() <= 65_536);
        prop_assert_eq!(super::untrusted::hostile_text(&body), None);
        prop_assert!(alert.headers.iter().all(|(_, value)| !value.is_empty()));
        prop_assert_eq!(tidegate::alert::rewrite(&alert.value).expect("our own record"), alert.value);
    }
}
