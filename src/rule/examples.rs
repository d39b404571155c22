//! An example for each key of a rule file, which editors show beside its description.
//!
//! Apart from the table of keys, so that a key's line there stays one line. A test checks each example
//! against the shape of its key.

use serde_json::{Value, json};

/// Key paths below a document with an example each; `*` is a name of the author's, `[]` an item.
pub(super) fn examples() -> Vec<(&'static str, Value)> {
    vec![
        ("title", json!("S3 large download by one principal")),
        ("id", json!("0c8e6c1a-4c1f-4a8e-9a75-6f6d4a4f8b11")),
        ("name", json!("s3_large_download")),
        ("status", json!("test")),
        (
            "description",
            json!("One principal read at least 50 MiB from one bucket in ten minutes."),
        ),
        ("references", json!(["https://attack.mitre.org/techniques/T1530/"])),
        ("author", json!("the cloud team")),
        ("date", json!("2026-08-01")),
        ("modified", json!("2026-09-15")),
        ("tags", json!(["attack.exfiltration", "attack.t1530"])),
        ("logsource", json!({"product": "aws", "service": "cloudtrail"})),
        (
            "detection",
            json!({
                "selection": {"eventSource": "s3.amazonaws.com", "eventName": ["GetObject", "HeadObject"]},
                "filter": {"userAgent|startswith": "backup/"},
                "condition": "selection and not filter",
            }),
        ),
        (
            "correlation",
            json!({
                "type": "value_sum",
                "rules": ["s3_object_read"],
                "group-by": ["tidegate.principal", "tidegate.bucket"],
                "timespan": "10m",
                "condition": {"field": "tidegate.bytes_out", "gte": 52_428_800},
            }),
        ),
        ("correlation.type", json!("event_count")),
        ("correlation.rules", json!(["s3_object_read"])),
        ("correlation.group-by", json!(["tidegate.principal", "tidegate.bucket"])),
        ("correlation.timespan", json!("10m")),
        ("correlation.condition", json!({"gte": 1000})),
        ("falsepositives", json!(["Backups; exclude their principals"])),
        ("level", json!("medium")),
        ("tidegate.window", json!("sliding")),
        ("tidegate.allowed-lateness", json!("2h")),
        (
            "tidegate.tiers",
            json!([{"gte": 104_857_600, "level": "medium"}, {"gte": 1_073_741_824, "level": "high"}]),
        ),
        ("tidegate.dedup", json!({"period": "60m", "key": ["tidegate.principal"]})),
        ("tidegate.dedup.period", json!("24h")),
        ("tidegate.dedup.key", json!(["tidegate.principal", "tidegate.bucket"])),
        ("tidegate.collect", json!({"source_ips": {"field": "tidegate.source_ip", "set": 10}})),
        ("tidegate.collect.*.field", json!("tidegate.key")),
        ("tidegate.collect.*.sample", json!(10)),
        ("tidegate.collect.*.set", json!(10)),
        ("tidegate.missing-group", json!("skip")),
        (
            "tidegate.lists",
            json!({"our_accounts": {"type": "account", "values": ["111122223333"]}}),
        ),
        ("tidegate.lists.*.type", json!("cidr")),
        ("tidegate.lists.*.values", json!(["10.0.0.0/8"])),
        ("tidegate.lists.*.empty", json!("match-none")),
        (
            "tidegate.title",
            json!("{tidegate.principal} read {amount|mb} MB from {tidegate.bucket}"),
        ),
        ("tidegate.runbook", json!("Ask the owner; if it was not meant, revoke the sessions.")),
        ("tidegate.alert-context", json!({"bucket_name": "tidegate.bucket"})),
        (
            "tidegate.tests",
            json!([{
                "name": "P: fifty MiB in ten minutes fire",
                "events": [{"repeat": 10, "every": "60s", "template": "getobject",
                    "event": {"additionalEventData.bytesTransferredOut": 5_242_880}}],
                "expect": {"alerts": 1, "level": "low"},
            }]),
        ),
        ("tidegate.tests[].name", json!("B: one byte below the threshold does not fire")),
        ("tidegate.tests[].events[].at", json!("+9m59s")),
        ("tidegate.tests[].events[].every", json!("60s")),
        ("tidegate.tests[].events[].repeat", json!(10)),
        ("tidegate.tests[].events[].template", json!("getobject")),
        ("tidegate.tests[].events[].event", json!({"requestParameters.bucketName": "other"})),
        ("tidegate.tests[].events[].without", json!(["userIdentity.arn"])),
        ("tidegate.tests[].with.lists", json!({"our_accounts": ["111122223333"]})),
        ("tidegate.tests[].with.threshold", json!(1000)),
        ("tidegate.tests[].expect.alerts", json!(1)),
        ("tidegate.tests[].expect.level", json!("low")),
        ("tidegate.tests[].expect.group", json!({"tidegate.bucket": "orders-archive"})),
    ]
}

/// Where the schema of a key path stands.
pub(super) fn pointer(path: &str) -> String {
    let mut pointer = String::new();
    for part in path.split('.') {
        let (name, is_list) = part.strip_suffix("[]").map_or((part, false), |name| (name, true));
        match name {
            "*" => pointer.push_str("/additionalProperties"),
            name => pointer.push_str(&format!("/properties/{name}")),
        }
        if is_list {
            pointer.push_str("/items");
        }
    }
    pointer
}
