//! A rule set, findings and a writer to make alerts from.

use serde_json::Value as Json;
use std::path::PathBuf;
use std::sync::Arc;
use tidegate::alert::{Alert, Catalogue, Settings, Writer};
use tidegate::detect::{Collected, EventRef, Finding, FindingKind, Origin, WindowSpan};
use tidegate::event::{EventId, FieldSet, Source};
use tidegate::rule::{
    Collect, CollectHow, Condition, Dedup, Kind, Level, Measure, MissingGroup, Rule, RuleIndex,
    RuleText, StateId, Status, Tier, Window, WindowKind,
};
use tidegate::units::{EventTime, Offset, PartitionId, Span, WallTime};

pub(crate) const RULE_ID: &str = "0c8e6c1a-4c1f-4a8e-9a75-6f6d4a4f8b11";
pub(crate) const DOWNLOAD: RuleIndex = RuleIndex(0);
pub(crate) const MATCH: RuleIndex = RuleIndex(1);
pub(crate) const GET_OBJECT: &str = include_str!("../../contract/events/get_object.json");

/// 2025-01-15T15:00:13Z
pub(crate) const OPENED_MS: i64 = 1_736_953_213_000;

/// Rules as data.
pub(crate) struct Rules {
    pub(crate) rules: Vec<Rule>,
    pub(crate) fields: FieldSet,
}

impl Catalogue for Rules {
    fn rule(&self, index: RuleIndex) -> &Rule {
        &self.rules[usize::from(index.0)]
    }

    fn list(&self, name: &str) -> Option<&[String]> {
        static OPERATIONS: std::sync::LazyLock<Vec<String>> =
            std::sync::LazyLock::new(|| ["GetObject", "PutObject"].map(str::to_owned).to_vec());
        (name == "vpce_s3_operations").then_some(OPERATIONS.as_slice())
    }

    fn fields(&self) -> &FieldSet {
        &self.fields
    }

    fn fingerprint(&self) -> u32 {
        0x3f1c_9a70
    }
}

pub(crate) fn rules() -> Rules {
    let mut fields = FieldSet::default();
    let download = large_download(&mut fields);
    let matching = vpc_endpoint_match(&mut fields);
    Rules { rules: vec![download, matching], fields }
}

pub(crate) fn settings() -> Settings {
    Settings {
        app_id: "prod".into(),
        topic: "tidegate.alerts.v1".into(),
        vendor_name: "tidegate".into(),
        console_url: Some("https://tidegate.example.com/".into()),
        labels: vec!["env:prod".into()],
        max_bytes: 65_536,
        version: "0.1.0".into(),
    }
}

pub(crate) fn write(finding: &Finding) -> Alert {
    Writer::new(settings(), Arc::new(rules())).write(finding, "cloudtrail")
}

pub(crate) fn json(alert: &Alert) -> Json {
    serde_json::from_slice(&alert.value).expect("an alert is JSON")
}

/// A finding with this text in place of the usual trigger.
pub(crate) fn triggered_by(finding: Finding, trigger: &Json) -> Finding {
    Finding { trigger: trigger.to_string().into_bytes().into(), ..finding }
}

/// The episode of samples/alert.json: 51.2 MB in ten objects.
pub(crate) fn create() -> Finding {
    let principal = "arn:aws:iam::111111111111:user/suspicious-user".to_owned();
    let key = vec![
        ("tidegate.principal".to_owned(), Some(principal)),
        ("tidegate.bucket".to_owned(), Some("sensitive-data-bucket".to_owned())),
    ];
    Finding {
        rule: DOWNLOAD,
        kind: FindingKind::Create,
        sequence: 1,
        level: Level::Low,
        previous_level: None,
        raised: None,
        opened: EventTime::from_millis(OPENED_MS),
        created: WallTime::from_millis(1_736_953_261_417),
        wall: WallTime::from_millis(1_736_953_261_417),
        group: key.clone(),
        dedup_key: key,
        per_event: false,
        amount: 53_687_100,
        count: 10,
        threshold: Some(52_428_800),
        window: Some(window(OPENED_MS)),
        first_seen: EventTime::from_millis(1_736_953_200_000),
        last_seen: EventTime::from_millis(OPENED_MS),
        collected: vec![
            ("source_ips".into(), Collected::Values(vec!["2.2.2.2".into()])),
            ("user_agents".into(), Collected::Values(vec!["python-requests/2.28.0".into()])),
            (
                "sample_objects".into(),
                Collected::Values(
                    ["data/model1.bin", "data/model2.bin", "logs/training.log"]
                        .map(str::to_owned)
                        .into(),
                ),
            ),
            ("largest".into(), Collected::Amount(Some(9_000_000))),
            ("nothing".into(), Collected::Amount(None)),
        ],
        events: vec![event(1, 1_736_953_200_000), event(10, OPENED_MS)],
        late: false,
        origin: Origin {
            partition: PartitionId(3),
            offset: Offset(184_010),
            record_time: None,
            wall: WallTime::from_millis(1_736_953_261_417),
        },
        trigger_id: event(10, 0).id,
        trigger: GET_OBJECT.trim().as_bytes().into(),
    }
}

/// The same episode, a gibibyte later.
pub(crate) fn escalate() -> Finding {
    let end = 1_736_953_499_000;
    Finding {
        kind: FindingKind::Escalate,
        sequence: 3,
        level: Level::High,
        previous_level: Some(Level::Medium),
        wall: WallTime::from_millis(1_736_953_531_417),
        amount: 1_073_742_000,
        count: 200,
        threshold: Some(1_073_741_824),
        window: Some(window(end)),
        last_seen: EventTime::from_millis(end),
        events: vec![event(1, 1_736_953_200_000), event(200, end)],
        ..create()
    }
}

/// A match of the stateless rule; `per_event` is P = 0.
pub(crate) fn matched() -> Finding {
    Finding {
        rule: MATCH,
        level: Level::Medium,
        amount: 1,
        count: 1,
        threshold: None,
        window: None,
        first_seen: EventTime::from_millis(OPENED_MS),
        collected: Vec::new(),
        events: vec![event(10, OPENED_MS)],
        ..create()
    }
}

pub(crate) fn event(number: u8, millis: i64) -> EventRef {
    let mut id = *b"\xb5\xa6\xd9\xd4\x3f\x3d\x4f\x0e\x8d\x2a\0\0\0\0\0\0";
    let digits = u16::from(number / 100) * 256 + u16::from(number % 100 / 10 * 16 + number % 10);
    id[14..].copy_from_slice(&digits.to_be_bytes());
    EventRef { id: EventId::Guid(id), time: EventTime::from_millis(millis) }
}

/// A file or folder of `tests/contract`.
pub(crate) fn contract_path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/contract").join(name)
}

fn window(end_ms: i64) -> WindowSpan {
    let span = Span::from_minutes(10);
    let end = EventTime::from_millis(end_ms);
    WindowSpan { kind: WindowKind::Sliding, span, start: end.minus(span), end }
}

fn large_download(fields: &mut FieldSet) -> Rule {
    let collect = |name: &str, field, how| Collect { name: name.into(), field, how };
    let group_by = vec![fields.intern("tidegate.principal"), fields.intern("tidegate.bucket")];
    let bytes = fields.intern("tidegate.bytes_out");
    Rule {
        text: RuleText {
            tags: words(&["attack.exfiltration", "attack.t1537", "origin.tidegate"]),
            alert_title: Some(
                "Large S3 download detected: {tidegate.principal} downloaded {amount|mb}MB from \
                 {tidegate.bucket}"
                    .into(),
            ),
            alert_context: pairs(&[
                ("user_arn", "userIdentity.arn"),
                ("user_name", "tidegate.actor"),
                ("user_type", "userIdentity.type"),
                ("account_id", "recipientAccountId"),
                ("bucket_name", "tidegate.bucket"),
                ("source_ip", "tidegate.source_ip"),
                ("user_agent", "userAgent"),
                ("total_bytes_downloaded", "amount"),
                ("total_mb_downloaded", "amount|mb"),
                ("object_count", "count"),
                ("first_download_time", "first_seen"),
                ("last_download_time", "last_seen"),
                ("missing", "errorCode"),
                ("rule_id", "eventName"),
            ]),
            ..text(RULE_ID, "s3_large_download", "S3 Large Download")
        },
        source: Source::CloudTrail,
        kind: Kind::Window(Window {
            kind: WindowKind::Sliding,
            span: Span::from_minutes(10),
            measure: Measure::Sum(bytes),
            condition: Condition::at_least(52_428_800),
            closes: false,
            tiers: vec![
                Tier { gte: 52_428_800, level: Level::Low },
                Tier { gte: 1_073_741_824, level: Level::High },
            ],
        }),
        state_id: StateId(1),
        group_by,
        missing_group: MissingGroup::Group,
        allowed_lateness: None,
        level: Level::Low,
        level_from: None,
        bump: None,
        dedup: Dedup { period: Span::from_minutes(60), key: None },
        collect: vec![
            collect("source_ips", fields.intern("tidegate.source_ip"), CollectHow::Set(10)),
            collect("user_agents", fields.intern("userAgent"), CollectHow::Set(10)),
            collect("sample_objects", fields.intern("tidegate.key"), CollectHow::Sample(10)),
            collect("largest", bytes, CollectHow::Max),
            collect("nothing", bytes, CollectHow::Min),
        ],
        group_by_of: Vec::new(),
        first_way: Vec::new(),
        feeds: Vec::new(),
        silent: false,
    }
}

fn vpc_endpoint_match(fields: &mut FieldSet) -> Rule {
    Rule {
        text: RuleText {
            tags: words(&["attack.exfiltration", "attack.t1048", "attack.t1599"]),
            alert_title: Some("{eventName} at {eventSource|host} by {errorCode|or:nobody}".into()),
            alert_context: pairs(&[
                ("request_parameters", "requestParameters"),
                ("resources", "resources.ARN"),
                ("read_only", "readOnly"),
                ("config.operations_monitored", "%vpce_s3_operations%"),
            ]),
            references: words(&["https://docs.example.com/vpce", "http://plain.example.com"]),
            runbook: String::new(),
            status: Status::Stable,
            ..text("9a1e40b4-5815-4a99-99e2-d15364c7a500", "vpce_s3_external_ip", "S3 via VPCE")
        },
        source: Source::CloudTrail,
        kind: Kind::Match,
        state_id: StateId(2),
        group_by: vec![fields.intern("tidegate.principal"), fields.intern("tidegate.bucket")],
        missing_group: MissingGroup::Group,
        allowed_lateness: None,
        level: Level::Medium,
        level_from: None,
        bump: None,
        dedup: Dedup { period: Span::ZERO, key: None },
        collect: Vec::new(),
        group_by_of: Vec::new(),
        first_way: Vec::new(),
        feeds: Vec::new(),
        silent: false,
    }
}

fn text(id: &str, name: &str, title: &str) -> RuleText {
    RuleText {
        id: id.into(),
        name: name.into(),
        title: title.into(),
        description: "Bytes read from one bucket by one principal exceed a threshold.\n".into(),
        author: "tidegate authors".into(),
        version: "2026-11-21".into(),
        status: Status::Test,
        tags: Vec::new(),
        references: vec!["https://docs.example.com/runbooks/s3-large-download".into()],
        category: "aws/cloudtrail".into(),
        runbook: "1. Verify that the activity is authorized.\n2. If not: revoke credentials."
            .into(),
        alert_title: None,
        alert_context: Vec::new(),
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, source)| ((*name).to_owned(), (*source).to_owned())).collect()
}
