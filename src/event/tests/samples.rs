//! Every sample is read as `expected.jsonl` says; 2,900 real records are all read.

use super::*;
use flate2::read::MultiGzDecoder;
use std::collections::BTreeMap;
use std::io::Read as _;

fn json_text(value: &serde_json::Value) -> Option<&str> {
    value.as_str()
}

fn check_event(
    file: &str,
    event: &ReadEvent,
    expected: &serde_json::Map<String, serde_json::Value>,
) {
    for (name, value) in expected {
        let field = match name.as_str() {
            "source" => continue,
            "id" => {
                assert_eq!(Some(event.id.as_str()), json_text(value), "{file}");
                continue;
            }
            "time" => {
                let time = json_text(value).and_then(parse_event_time);
                assert_eq!(Some(event.time), time, "{file}");
                continue;
            }
            "recipient_account" => "recipientAccountId".to_owned(),
            "caller_account" => "tidegate.account".to_owned(),
            "external" => "tidegate.source_is_external".to_owned(),
            other => format!("tidegate.{other}"),
        };
        let found = event.value(&field);
        let same = match value {
            serde_json::Value::Null => found.is_nothing(),
            serde_json::Value::Bool(value) => *found == Value::Bool(*value),
            serde_json::Value::Number(number) => {
                number.as_u64().map(Number::Unsigned).map(Value::Number).as_ref() == Some(found)
            }
            serde_json::Value::String(text) => found.as_text() == Some(text),
            serde_json::Value::Array(members) => {
                let mut found: Vec<&str> = match found {
                    Value::List(found) => found.iter().filter_map(Value::as_text).collect(),
                    _ => Vec::new(),
                };
                found.sort_unstable();
                found == members.iter().filter_map(json_text).collect::<Vec<_>>()
            }
            serde_json::Value::Object(_) => false,
        };
        assert!(same, "{file}: {field} is {found:?}, expected {value}");
    }
}

#[test]
fn every_sample_is_read_as_its_list_of_expectations_says() {
    let expectations = String::from_utf8(data("samples/expected.jsonl")).expect("UTF-8");
    let mut checked = 0;
    for line in expectations.lines() {
        let expected: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let file = expected["file"].as_str().expect("a file");
        if !file.starts_with("cloudtrail/") && !file.starts_with("containers/") {
            continue;
        }
        checked += 1;
        let bytes = data(&format!("samples/{file}"));
        let entries =
            decode_with(&bytes, &["recipientAccountId"], Format::Auto, DecodeLimits::default());
        let (mut events, mut skipped, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        for entry in entries {
            match entry {
                Read::Event(event) => events.push(event),
                Read::Skipped(skip) => skipped.push(skip),
                Read::Refused(refusal) => refused.push(refusal),
            }
        }
        let wanted = expected["events"].as_array().expect("events");
        assert_eq!(events.len(), wanted.len(), "{file}: {refused:?} {skipped:?}");
        for (event, wanted) in events.iter().zip(wanted) {
            check_event(file, event, wanted.as_object().expect("an object"));
        }
        let skip = match expected.get("skipped").and_then(|kind| kind.as_str()) {
            None => {
                assert!(
                    skipped.is_empty() && refused.is_empty(),
                    "{file}: {refused:?} {skipped:?}"
                );
                continue;
            }
            Some("notification") => {
                assert_eq!(refused[0].reason, RefusalReason::Envelope, "{file}");
                continue;
            }
            Some("malformed") => {
                assert_eq!(refused[0].reason, RefusalReason::Json, "{file}");
                assert_eq!(refused[0].line, Some(3), "{file}");
                continue;
            }
            Some("digest") => Skip::Digest,
            Some("insight") => Skip::Insight,
            Some("aggregated") => Skip::Aggregated,
            Some("control") => Skip::Control,
            Some(other) => panic!("{file}: {other}"),
        };
        assert_eq!(skipped, [skip], "{file}");
    }
    assert_eq!(checked, 43);
}

#[test]
fn all_2900_records_of_real_delivery_files_are_read() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/cloudtrail/invictus");
    let names = [
        "userIdentity.type",
        "eventType",
        "eventVersion",
        "errorCode",
        "eventSource",
        "requestParameters",
        "sharedEventID",
        "sourceIPAddress",
    ];
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut ids = std::collections::BTreeSet::new();
    let mut count = |key: String| *counts.entry(key).or_default() += 1;
    for file in std::fs::read_dir(folder).expect("the folder") {
        let path = file.expect("a file").path();
        if path.extension().is_none_or(|extension| extension != "gz") {
            continue;
        }
        count("files".to_owned());
        let bytes = std::fs::read(&path).expect("readable");
        let mut text = Vec::new();
        MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut text).expect("gzip");
        let whole: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        let records = whole["Records"].as_array().expect("records");
        let entries = decode_with(&bytes, &names, Format::Auto, DecodeLimits::default());
        assert_eq!(entries.len(), records.len());
        for (entry, record) in entries.into_iter().zip(records) {
            let event = entry.event();
            let own: serde_json::Value = serde_json::from_slice(&event.raw).expect("raw is JSON");
            assert_eq!(own, *record);
            assert_eq!(record["eventID"], event.id.as_str());
            for name in names {
                let pointer = format!("/{}", name.replace('.', "/"));
                let expected = match record.pointer(&pointer) {
                    None => Value::Absent,
                    Some(serde_json::Value::Null) => Value::Null,
                    Some(serde_json::Value::String(text)) => Value::Text(text.clone().into()),
                    Some(object @ serde_json::Value::Object(_)) => {
                        let Value::Object(text) = event.value(name) else { panic!("{name}") };
                        let again: serde_json::Value = serde_json::from_str(text).expect("JSON");
                        assert_eq!(again, *object);
                        continue;
                    }
                    Some(other) => panic!("{name}: {other}"),
                };
                assert_eq!(*event.value(name), expected, "{name}");
            }
            count("records".to_owned());
            let text = |name| event.text(name).unwrap_or("none").to_owned();
            count(format!("identity {}", text("userIdentity.type")));
            count(format!("type {}", text("eventType")));
            count(format!("version {}", text("eventVersion")));
            count(format!("outcome {}", text("tidegate.outcome")));
            count(format!("source {}", text("tidegate.source_kind")));
            if event.text("eventSource") == Some("s3.amazonaws.com") {
                count("s3".to_owned());
                if matches!(event.value("tidegate.bytes_out"), Value::Number(_)) {
                    count("s3 with bytes".to_owned());
                }
            }
            if event.text("sharedEventID").is_some() {
                count("shared".to_owned());
                assert!(event.shared_identity.is_some());
            }
            if *event.value("requestParameters") == Value::Null {
                count("no parameters".to_owned());
            }
            ids.insert(event.identity);
        }
    }
    let expected = [
        ("files", 55),
        ("identity AWSService", 34),
        ("identity AssumedRole", 76),
        ("identity IAMUser", 2748),
        ("identity none", 42),
        ("no parameters", 333),
        ("records", 2900),
        ("s3", 271),
        ("s3 with bytes", 267),
        ("shared", 36),
        ("source ip", 2547),
        ("type AwsApiCall", 2855),
        ("type AwsConsoleSignIn", 3),
        ("type AwsServiceEvent", 42),
        ("version 1.08", 2865),
        ("version 1.09", 35),
    ];
    for (key, wanted) in expected {
        assert_eq!(counts.get(key), Some(&wanted), "{key} in {counts:?}");
    }
    assert_eq!(counts.get("outcome failure").copied().unwrap_or(0), 300);
    assert_eq!(ids.len(), 2900);
}
