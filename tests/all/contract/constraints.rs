//! The twelve hard constraints of alerts.md §1.1, and what a consumer finds in a record.

use super::fixture::{
    GET_OBJECT, create, escalate, json, matched, rules, settings, triggered_by, write,
};
use serde_json::{Value, json};
use std::sync::Arc;
use tidegate::alert::{Writer, stable};
use tidegate::detect::Finding;
use tidegate::event::EventId;
use tidegate::rule::Level;
use tidegate::units::WallTime;

#[test]
fn a1_a_value_is_one_plain_json_object() {
    for finding in [create(), escalate(), matched()] {
        let value = write(&finding).value;
        let text = std::str::from_utf8(&value).expect("a value is UTF-8");
        assert!(text.starts_with('{') && text.ends_with('}'));
        assert!(serde_json::from_str::<Value>(text).expect("a value is JSON").is_object());
    }
}

#[test]
fn a2_message_is_first_and_the_first_hundred_characters_tell_the_story() {
    let value = write(&create()).value;
    assert!(value.starts_with(
        br#"{"message":"Large S3 download detected: arn:aws:iam::111111111111:user/suspicious-user"#
    ));
}

#[test]
fn members_are_in_the_promised_order() {
    let value = String::from_utf8(write(&escalate()).value).expect("a value is UTF-8");
    let order = [
        "message",
        "severity",
        "severity_id",
        "time_dt",
        "time",
        "start_time_dt",
        "start_time",
        "end_time_dt",
        "end_time",
        "activity_id",
        "activity_name",
        "class_uid",
        "class_name",
        "category_uid",
        "category_name",
        "type_uid",
        "type_name",
        "status_id",
        "status",
        "duration",
        "count",
        "confidence_id",
        "confidence",
        "risk_level_id",
        "risk_level",
        "risk_score",
        "is_alert",
        "timezone_offset",
        "metadata",
        "cloud",
        "finding_info",
        "evidences",
        "resources",
        "observables",
        "remediation",
        "unmapped",
    ];
    assert_eq!(top_level_names(&value), order);
}

#[test]
fn a3_a_value_is_never_empty_even_when_the_trigger_cannot_be_read() {
    let finding = Finding { trigger: b"\xff not json".as_slice().into(), ..create() };
    let alert = write(&finding);
    assert!(!alert.value.is_empty() && !alert.key.is_empty());
    assert_eq!(json(&alert)["resources"][0]["name"], "sensitive-data-bucket");
}

#[test]
fn a5_every_header_repeats_the_body() {
    let alert = write(&escalate());
    let body = json(&alert);
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let expected = [
        ("content-type", Some("application/json".into())),
        ("ce_specversion", Some("1.0".into())),
        ("ce_id", text("/metadata/uid")),
        ("ce_source", Some("/tidegate/prod".into())),
        ("ce_type", Some("dev.tidegate.finding.escalated.v1".into())),
        ("ce_subject", text("/finding_info/uid")),
        ("ce_time", text("/time_dt")),
        (
            "ce_dataschema",
            Some(
                "https://schema.ocsf.io/1.8.0/classes/detection_finding?profiles=cloud,datetime"
                    .into(),
            ),
        ),
        ("ce_partitionkey", text("/finding_info/uid")),
        ("ce_ruleid", text("/finding_info/analytic/uid")),
        ("ce_severitytext", Some("HIGH".into())),
        ("ce_accountid", text("/cloud/account/uid")),
    ];
    let headers: Vec<_> =
        alert.headers.iter().map(|(name, value)| (*name, Some(value.clone()))).collect();
    assert_eq!(headers, expected);
    assert_eq!(Some(alert.key), text("/finding_info/uid"));
    assert_eq!(Some(alert.uid), text("/metadata/uid"));
}

#[test]
fn a_header_without_a_value_is_left_out() {
    let mut event: Value = serde_json::from_str(GET_OBJECT).expect("the fixture is JSON");
    event.as_object_mut().expect("an object").remove("recipientAccountId");
    let alert = write(&triggered_by(create(), &event));
    assert!(alert.headers.iter().all(|(name, value)| *name != "ce_accountid" && !value.is_empty()));
}

#[test]
fn a6_create_and_escalate_are_alerts_with_their_activity() {
    for (finding, activity, type_uid, kind) in
        [(create(), 1, 200_401, "create"), (escalate(), 2, 200_402, "escalate")]
    {
        let body = json(&write(&finding));
        assert_eq!(body["is_alert"], true);
        assert_eq!(body["status_id"], 1);
        assert_eq!(body["activity_id"], activity);
        assert_eq!(body["type_uid"], type_uid);
        assert_eq!(body["unmapped"]["alert_context"]["kind"], kind);
    }
}

#[test]
fn a7_the_record_timestamp_is_the_wall_clock_of_creation() {
    let finding = escalate();
    let alert = write(&finding);
    assert_eq!(alert.time, finding.wall);
    assert_eq!(json(&alert)["time"], finding.wall.as_millis());
}

#[test]
fn a8_a_record_that_is_written_again_has_the_same_ids_whatever_the_clock_says() {
    let again = Finding {
        wall: WallTime::from_millis(1_900_000_000_000),
        created: WallTime::from_millis(1_900_000_000_000),
        ..create()
    };
    let (one, two) = (write(&create()), write(&again));
    assert_eq!((&one.key, &one.uid), (&two.key, &two.uid));
    assert_ne!(one.value, two.value);
    assert_eq!(stable(&json(&one)), stable(&json(&two)));
}

#[test]
fn a8_an_escalation_has_the_uid_of_its_finding_and_its_own_record_uid() {
    let (one, two) = (write(&create()), write(&escalate()));
    assert_eq!(one.key, "fba6fbfd-b6c1-5da7-a260-082f3291ee23");
    assert_eq!(one.key, two.key);
    assert_eq!(one.uid, "a6556560-885f-50dc-aa7d-8c818382fe8a");
    assert_eq!(two.uid, "ba7dfda8-e48e-53e4-b81f-0cb9b8bcd5b7");
}

#[test]
fn a8_partition_offset_topic_and_version_are_no_part_of_an_identity() {
    let mut finding = create();
    finding.origin.partition = tidegate::units::PartitionId(77);
    finding.origin.offset = tidegate::units::Offset(1);
    let other = tidegate::alert::Settings { version: "9".into(), app_id: "x".into(), ..settings() };
    let alert = Writer::new(other, Arc::new(rules())).write(&finding, "elsewhere");
    assert_eq!((alert.key, alert.uid), (write(&create()).key, write(&create()).uid));
}

#[test]
fn two_matches_of_one_key_in_one_second_are_two_findings_without_a_period() {
    let of = |id: &str| {
        write(&Finding { per_event: true, trigger_id: EventId::Text(id.into()), ..matched() }).key
    };
    assert_ne!(of("a"), of("b"));
    assert_eq!(of("a"), of("a"));
}

#[test]
fn a12_every_time_agrees_with_its_text_to_the_millisecond() {
    for finding in [create(), escalate(), matched()] {
        let body = json(&write(&finding));
        assert!(check_times(&body) >= 8);
    }
}

/// Checks each `x` with an `x_dt` beside it and tells how many there were.
pub(crate) fn check_times(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(check_times).sum(),
        Value::Object(members) => {
            let mut pairs = 0;
            for (name, text) in members {
                let Some(number) = name.strip_suffix("_dt").and_then(|name| members.get(name))
                else {
                    pairs += check_times(text);
                    continue;
                };
                let time: jiff::Timestamp =
                    text.as_str().expect("text").parse().expect("a timestamp");
                assert_eq!(Some(time.as_millisecond()), number.as_i64(), "{name}");
                pairs += 1;
            }
            pairs
        }
        _ => 0,
    }
}

#[test]
fn the_large_download_reads_as_panther_would_say_it() {
    let body = json(&write(&escalate()));
    assert_eq!(
        body["message"],
        "Large S3 download detected: arn:aws:iam::111111111111:user/suspicious-user downloaded \
         1024.0MB from sensitive-data-bucket"
    );
    assert_eq!(body["message"], body["finding_info"]["title"]);
    let context = &body["unmapped"]["alert_context"];
    assert_eq!(context["total_mb_downloaded"], json!(1024.0));
    assert_eq!(context["total_bytes_downloaded"], 1_073_742_000_u64);
    assert_eq!(context["object_count"], 200);
    assert_eq!(context["first_download_time"], "2025-01-15T15:00:00Z");
    assert_eq!(context["largest"], 9_000_000);
    assert_eq!(context["previous_severity"], "Medium");
    assert_eq!(context["rules_fingerprint"], "3f1c9a70");
}

#[test]
fn a_missing_source_is_left_out_and_a_fixed_name_cannot_be_taken() {
    let body = json(&write(&create()));
    let context = body["unmapped"]["alert_context"].as_object().expect("an object");
    assert!(!context.contains_key("missing") && !context.contains_key("nothing"));
    assert_eq!(context["rule_id"], super::fixture::RULE_ID);
}

#[test]
fn objects_lists_and_named_lists_become_scalars_and_lists() {
    let body = json(&write(&matched()));
    let context = &body["unmapped"]["alert_context"];
    assert_eq!(
        context["request_parameters"],
        r#"{"bucketName":"sensitive-data-bucket","key":"data/model1.bin"}"#
    );
    assert_eq!(context["resources"][1], "arn:aws:s3:::sensitive-data-bucket");
    assert_eq!(context["read_only"], true);
    assert_eq!(context["config.operations_monitored"], json!(["GetObject", "PutObject"]));
    assert_eq!(body["message"], "GetObject at s3 by nobody");
    assert_eq!(context.get("amount"), None);
}

#[test]
fn an_absent_group_value_is_null_in_the_group_and_unknown_in_the_title() {
    let mut finding = create();
    for key in [&mut finding.group, &mut finding.dedup_key] {
        key[1].1 = None;
    }
    let mut event: Value = serde_json::from_str(GET_OBJECT).expect("the fixture is JSON");
    event["requestParameters"] = Value::Null;
    event["resources"] = Value::Null;
    let body = json(&write(&triggered_by(finding, &event)));
    assert!(body["message"].as_str().expect("text").ends_with("from unknown"));
    assert_eq!(body["unmapped"]["alert_context"]["group"]["tidegate.bucket"], Value::Null);
    assert!(body.get("resources").is_none());
}

#[test]
fn plain_links_of_a_rule_are_left_out_and_references_need_a_text() {
    let body = json(&write(&matched()));
    assert_eq!(body["remediation"]["references"], json!(["https://docs.example.com/vpce"]));
    assert_eq!(
        body["finding_info"]["src_url"],
        format!("https://tidegate.example.com/findings/{}", write(&matched()).key)
    );
}

#[test]
fn every_level_has_its_row_of_the_severity_table() {
    let rows = [
        (Level::Informational, 1, "Informational", 0, "Info", 1, "INFORMATIONAL"),
        (Level::Low, 2, "Low", 1, "Low", 21, "LOW"),
        (Level::Medium, 3, "Medium", 2, "Medium", 47, "MEDIUM"),
        (Level::High, 4, "High", 3, "High", 73, "HIGH"),
        (Level::Critical, 5, "Critical", 4, "Critical", 99, "CRITICAL"),
    ];
    for (level, id, caption, risk_id, risk, score, header) in rows {
        let alert = write(&Finding { level, ..create() });
        let body = json(&alert);
        assert_eq!((&body["severity_id"], &body["severity"]), (&json!(id), &json!(caption)));
        assert_eq!((&body["risk_level_id"], &body["risk_level"]), (&json!(risk_id), &json!(risk)));
        assert_eq!(body["risk_score"], score);
        assert!(alert.headers.contains(&("ce_severitytext", header.to_owned())));
    }
}

#[test]
fn stable_drops_the_clock_and_the_version_and_nothing_else() {
    let body = json(&write(&create()));
    let kept = stable(&body);
    for pointer in [
        "/time",
        "/time_dt",
        "/finding_info/created_time",
        "/finding_info/created_time_dt",
        "/finding_info/modified_time",
        "/finding_info/modified_time_dt",
        "/metadata/logged_time",
        "/metadata/logged_time_dt",
        "/metadata/product/version",
    ] {
        assert!(body.pointer(pointer).is_some() && kept.pointer(pointer).is_none(), "{pointer}");
    }
    assert_eq!(leaves(&body) - leaves(&kept), 9);
    assert_eq!(stable(&Value::Null), Value::Null);
}

fn leaves(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(leaves).sum(),
        Value::Object(members) => members.values().map(leaves).sum(),
        _ => 1,
    }
}

/// Names at depth one, in the order in which they are written.
fn top_level_names(json: &str) -> Vec<String> {
    struct Names(Vec<String>);
    impl<'de> serde::Deserialize<'de> for Names {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Names;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(
                    self,
                    mut map: A,
                ) -> Result<Names, A::Error> {
                    let mut names = Vec::new();
                    while let Some((name, _)) = map.next_entry::<String, serde::de::IgnoredAny>()? {
                        names.push(name);
                    }
                    Ok(Names(names))
                }
            }
            deserializer.deserialize_map(Visitor)
        }
    }
    serde_json::from_str::<Names>(json).expect("an object").0
}
