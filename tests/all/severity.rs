//! How severe a finding is when the event or its bucket has a say, and that a filter tunes a rule in place.

use crate::support::Pipeline;
use serde_json::{Value, json};
use std::sync::Arc;
use tidegate::detect::FindingKind;
use tidegate::rule::{self, Level, LoadOptions, Place, RuleFile, RuleSet, Tune};

fn rules(text: &str, options: &LoadOptions) -> Arc<RuleSet> {
    let file = RuleFile { name: "own.yml".into(), text: text.into(), builtin: false };
    let loaded = rule::load(&[file], options);
    Arc::new(loaded.rules.unwrap_or_else(|| panic!("{:#?}", loaded.problems)))
}

/// A read of one object, `second` seconds after the start.
fn read(second: u32, bucket: &str, score: &Value) -> Vec<u8> {
    let event = json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/alice",
            "accountId": "111122223333", "userName": "alice",
        },
        "eventTime": format!("2025-03-10T08:00:{second:02}Z"),
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "awsRegion": "eu-central-1",
        "sourceIPAddress": "198.51.100.24",
        "requestParameters": {"bucketName": bucket, "key": "k", "score": score},
        "eventID": format!("00000000-0000-4000-8000-{second:012}"),
        "eventType": "AwsApiCall",
        "recipientAccountId": "111122223333",
        "eventCategory": "Data",
    });
    event.to_string().into_bytes()
}

/// What each finding says: kind, level, level before.
fn said(
    pipeline: &Pipeline<tidegate::state::MemoryStore>,
) -> Vec<(FindingKind, Level, Option<Level>)> {
    let findings = pipeline.findings.iter();
    findings.map(|finding| (finding.kind, finding.level, finding.previous_level)).collect()
}

const READ: &str = "title: Read\nname: read\nlogsource: {product: aws, service: cloudtrail}\n\
    detection: {s: {eventName: GetObject}, condition: s}\nlevel: low\n";

#[test]
fn a_level_out_of_the_event_escalates_within_its_episode_and_never_falls() {
    let text = format!(
        "{READ}tidegate:\n  level-from: {{field: requestParameters.score, map: [{{gte: 7, level: high}}, {{gte: 4, level: medium}}]}}\n"
    );
    let mut pipeline = Pipeline::new(rules(&text, &LoadOptions::default()));

    for (second, score) in [(0, json!("none")), (1, json!(8)), (2, json!(5)), (3, json!(9))] {
        pipeline.take(&read(second, "b", &score), None);
    }

    assert_eq!(
        said(&pipeline),
        [
            (FindingKind::Create, Level::Low, None),
            (FindingKind::Escalate, Level::High, Some(Level::Low)),
        ]
    );
}

const BUMP: &str =
    "context: {bump: [precious]}, lists: {precious: {type: glob, values: ['vault-*']}}";

#[test]
fn a_bucket_that_matters_raises_a_finding_by_one_step_and_the_alert_says_why() {
    let text = format!("{READ}tidegate: {{{BUMP}}}\n");
    let mut pipeline = Pipeline::new(rules(&text, &LoadOptions::default()));

    pipeline.take(&read(0, "vault-1", &Value::Null), None);
    pipeline.take(&read(1, "other", &Value::Null), None);

    let alerts: Vec<Value> = pipeline
        .alerts()
        .iter()
        .map(|alert| serde_json::from_slice(&alert.value).expect("an alert is JSON"))
        .collect();
    let shown = alerts.iter().map(|alert| {
        let context = &alert["unmapped"]["alert_context"];
        (alert["severity"].clone(), context["tier"].clone(), context["severity_reason"].clone())
    });
    assert_eq!(
        shown.collect::<Vec<_>>(),
        [
            (json!("Medium"), json!("low"), json!("one step above Low: the bucket is in precious")),
            (json!("Low"), json!("low"), Value::Null),
        ]
    );
}

#[test]
fn tiers_of_a_window_are_raised_when_the_finding_is_created_and_when_it_escalates() {
    let text = format!(
        "{READ}---\ntitle: Reads\nname: reads\nlevel: low\n\
         correlation: {{type: event_count, rules: [read], group-by: [tidegate.principal], timespan: 1m, condition: {{gte: 2}}}}\n\
         tidegate: {{tiers: [{{gte: 3, level: medium}}, {{gte: 4, level: critical}}], {BUMP}}}\n"
    );
    let mut pipeline = Pipeline::new(rules(&text, &LoadOptions::default()));

    for (second, bucket) in [(0, "other"), (1, "vault-1"), (2, "other"), (3, "vault-2")] {
        pipeline.take(&read(second, bucket, &Value::Null), None);
    }

    assert_eq!(
        said(&pipeline),
        [
            (FindingKind::Create, Level::Medium, None),
            // The same severity, since the bump was the first event's: the amount is what rose.
            (FindingKind::Escalate, Level::Medium, Some(Level::Medium)),
            (FindingKind::Escalate, Level::Critical, Some(Level::Medium)),
        ]
    );
}

#[test]
fn a_filter_and_a_threshold_change_what_fires_and_reset_nothing() {
    let count = format!(
        "{READ}---\ntitle: Reads\nname: reads\nlevel: low\n\
         correlation: {{type: event_count, rules: [read], group-by: [tidegate.principal], timespan: 1m, condition: {{gte: 2}}}}\n"
    );
    let filter = "---\ntitle: Only one\nlogsource: {product: aws, service: cloudtrail}\n\
         filter: {rules: [reads], wanted: {tidegate.bucket: archive}, condition: wanted}\n";
    let place = Place { file: "tidegate.toml".into(), line: 1, column: 1 };
    let tune = Tune { threshold: Some(3), ..Tune::new("reads", place) };
    let tuned = LoadOptions { tune: vec![tune], ..LoadOptions::default() };
    let narrowed = rules(&format!("{count}{filter}"), &tuned);
    let mut pipeline = Pipeline::new(rules(&count, &LoadOptions::default()));

    // One read is counted before the change …
    pipeline.take(&read(0, "archive", &Value::Null), None);
    pipeline.commit();
    let mut pipeline = pipeline.with_rules(Arc::clone(&narrowed));
    // … and is the first of three after it; reads of another bucket count no more.
    for (second, bucket) in [(1, "other"), (2, "archive"), (3, "other"), (4, "archive")] {
        pipeline.take(&read(second, bucket, &Value::Null), None);
    }

    let amounts: Vec<_> = pipeline.findings.iter().map(|it| (it.last_seen, it.amount)).collect();
    let last = amounts.first().map(|(last, _)| last.as_millis() / 1000 % 60);
    assert_eq!((amounts.len(), last, amounts.first().map(|it| it.1)), (1, Some(4), Some(3)));
}
