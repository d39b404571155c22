//! No alert is larger than promised, whatever the adversary and the rule's author write (§7, A10).

use super::fixture::{GET_OBJECT, create, json, rules, settings, triggered_by};
use super::ocsf::validators;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;
use tidegate::alert::{Alert, Settings, Writer};
use tidegate::detect::{Collected, Finding};
use tidegate::rule::RuleText;

/// Every text of the finding, the rule, the event and the settings is `unit` over and over.
fn write_worst(unit: &str, bytes: usize, lists: usize, max_bytes: usize) -> (Alert, Finding) {
    let text = unit.repeat(bytes / unit.len() + 1);
    let mut rules = rules();
    let link = format!("https://e.example/{}", "x".repeat(220));
    rules.rules[0].text = RuleText {
        name: text.clone(),
        title: text.clone(),
        description: text.clone(),
        author: text.clone(),
        version: text.clone(),
        tags: (0..lists)
            .map(|n| format!("{n}{text}.{text}"))
            .chain((0..lists).map(|n| format!("attack.t99{:02}.001", n % 100)))
            .collect(),
        references: vec![link.clone(); lists],
        category: text.clone(),
        runbook: text.clone(),
        alert_title: Some(text.clone()),
        alert_context: ["user_arn", "bucket_name", "source_ip", "account_id"]
            .iter()
            .map(|name| ((*name).to_owned(), "userIdentity.arn".to_owned()))
            .chain((0..lists).map(|n| (format!("{n:02}{text}"), "userIdentity.arn".to_owned())))
            .collect(),
        ..rules.rules[0].text.clone()
    };
    let mut event: Value = serde_json::from_str(GET_OBJECT).expect("the fixture is JSON");
    for name in [
        "eventName",
        "eventSource",
        "awsRegion",
        "userAgent",
        "vpcEndpointId",
        "recipientAccountId",
    ] {
        event[name] = text.clone().into();
    }
    for name in ["arn", "principalId", "accountId", "accessKeyId", "userName", "invokedBy"] {
        event["userIdentity"][name] = text.clone().into();
    }
    event["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] = text.clone().into();
    event["requestParameters"]["bucketName"] = text.clone().into();
    let mut finding = triggered_by(create(), &event);
    finding.group = ["tidegate.principal", "tidegate.bucket", "userIdentity.arn"]
        .iter()
        .map(|field| ((*field).to_owned(), Some(text.clone())))
        .chain((0..lists).map(|n| (format!("{n}{text}"), Some(text.clone()))))
        .collect();
    finding.dedup_key.clone_from(&finding.group);
    let sample: Vec<String> = (0..lists).map(|n| format!("{n}{text}")).collect();
    finding.collected = (0..lists)
        .map(|n| (format!("{n}c{text}"), Collected::Values(sample.clone())))
        .chain([("sample_objects".to_owned(), Collected::Values(sample.clone()))])
        .collect();
    finding.events = (0..lists)
        .map(|n| tidegate::detect::EventRef {
            id: tidegate::event::EventId::Text(format!("{n}{text}").into()),
            time: finding.last_seen,
        })
        .collect();
    let settings = Settings {
        labels: vec![text.clone(); lists],
        vendor_name: text.clone(),
        topic: text.clone(),
        console_url: Some(link),
        max_bytes,
        ..settings()
    };
    (Writer::new(settings, Arc::new(rules)).write(&finding, &text), finding)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn a10_the_worst_alert_ends_at_or_below_the_limit(
        unit in prop_oneof![
            Just("\"".to_owned()), Just("\\".to_owned()), Just("\u{1}".to_owned()),
            Just("\u{202e}".to_owned()), Just("é\"".to_owned()), Just("🦀\\".to_owned()), "\\PC{1,3}",
        ],
        bytes in prop_oneof![Just(3000_usize), 1_usize..3000],
        lists in prop_oneof![Just(40_usize), 0_usize..40],
    ) {
        let (alert, _) = write_worst(&unit, bytes, lists, 65_536);
        prop_assert!(alert.value.len() <= 65_536, "{} bytes", alert.value.len());
        let body = json(&alert);
        for (version, validator) in validators() {
            let problems: Vec<String> =
                validator.iter_errors(&body).map(|e| e.to_string()).collect();
            prop_assert!(problems.is_empty(), "{version}: {problems:?}");
        }
        super::ocsf::check_body(&body)?;
    }
}

#[test]
fn a_cut_alert_says_so_and_keeps_what_counts() {
    let (alert, finding) = write_worst("\"", 3000, 40, 65_536);
    let (whole, _) = write_worst("\"", 3000, 40, 240_000);
    let body = json(&alert);
    assert_eq!(body["metadata"]["is_truncated"], true);
    let first_size = body["metadata"]["untruncated_size"].as_u64().expect("a number");
    assert!(first_size > 65_536);
    assert_eq!((&alert.key, &alert.uid), (&whole.key, &whole.uid));
    let whole = json(&whole);
    for pointer in [
        "/severity_id",
        "/time",
        "/start_time",
        "/end_time",
        "/count",
        "/finding_info/uid",
        "/metadata/uid",
        "/metadata/correlation_uid",
        "/cloud/account",
        "/resources/0/name",
        "/evidences/0/actor/user/uid",
        "/evidences/0/src_endpoint/ip",
        "/unmapped/alert_context/amount",
        "/unmapped/alert_context/episode_opened_ms",
        "/unmapped/alert_context/group/tidegate.principal",
        "/unmapped/alert_context/group/tidegate.bucket",
        "/unmapped/alert_context/source",
    ] {
        // The topic's name is a text like any other; everything else is the same.
        assert!(body.pointer(pointer).is_some(), "{pointer}");
        assert_eq!(body.pointer(pointer), whole.pointer(pointer), "{pointer}");
    }
    assert_eq!(body["count"], finding.count);
}

#[test]
fn the_first_steps_spare_what_the_last_would_cut() {
    let (least, _) = write_worst("\"", 3000, 40, 240_000);
    let whole = least.value.len();
    let (alert, _) = write_worst("\"", 3000, 40, whole - 1);
    let body = json(&alert);
    assert_eq!(body["finding_info"]["related_events"].as_array().map(Vec::len), Some(4));
    assert_eq!(body["metadata"]["labels"].as_array().map(Vec::len), Some(20));
    assert_eq!(body["metadata"]["untruncated_size"], json!(whole));
}

#[test]
fn an_ordinary_alert_is_small_and_whole() {
    let alert = super::fixture::write(&create());
    assert!(alert.value.len() < 8_000, "{} bytes", alert.value.len());
    assert!(json(&alert)["metadata"].get("is_truncated").is_none());
}
