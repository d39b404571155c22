//! Each row of sources.md §3.1 and of its verdicts in §8.

use super::*;
use base64::Engine as _;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write as _;

fn record(id: u32) -> String {
    format!(
        r#"{{"eventVersion":"1.11","userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/dana"}},"eventTime":"2025-03-10T08:01:07Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","eventID":"{id}"}}"#
    )
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("into memory");
    encoder.finish().expect("into memory")
}

/// One word for each entry: an event's id, a skip, or a refusal with its place.
fn words(entries: &[Read]) -> Vec<String> {
    let word = |entry: &Read| match entry {
        Read::Event(event) => event.id.clone(),
        Read::Skipped(skip) => format!("{skip:?}"),
        Read::Refused(refusal) => {
            assert!(refusal.detail.len() <= 512 && !refusal.detail.is_empty());
            let mut word = format!("{:?}", refusal.reason);
            if let Some(index) = refusal.index {
                word.push_str(&format!("@{index}"));
            }
            if let Some(line) = refusal.line {
                word.push_str(&format!(":{line}"));
            }
            word
        }
    };
    entries.iter().map(word).collect()
}

fn check(bytes: impl AsRef<[u8]>, expected: &[&str]) {
    let bytes = bytes.as_ref();
    let found = words(&decode(bytes));
    let shown = String::from_utf8_lossy(bytes.get(..200).unwrap_or(bytes));
    assert_eq!(found, expected, "{shown}");
}

#[test]
fn compressed_and_wrapped_bytes_are_unwrapped() {
    let records = format!("{{\"Records\":[{},{}]}}", record(1), record(2));
    check(gzip(records.as_bytes()), &["1", "2"]);
    check(gzip(&gzip(records.as_bytes())), &["1", "2"]);
    check([gzip(records.as_bytes()), gzip(record(3).as_bytes())].concat(), &["1", "2", "3"]);
    check(base64::engine::general_purpose::STANDARD.encode(gzip(record(1).as_bytes())), &["1"]);
    check(["\u{feff}", &record(1)].concat(), &["1"]);
    check(gzip(b""), &["Empty"]);
    let packed = gzip(records.as_bytes());
    check(&packed[..packed.len() - 4], &["Envelope"]);
    check([&packed[..], b"x"].concat(), &["Envelope"]);
}

#[test]
fn a_text_that_inflates_beyond_the_limit_is_too_large() {
    let limits = DecodeLimits { max_record_bytes: 500, max_inflated_bytes: 1000 };
    let several = [record(1), record(2), record(3), record(4), record(5)].join("\n");

    let entries = decode_with(&gzip(several.as_bytes()), &[], Format::Auto, limits);

    assert!(several.len() > 1000);
    assert_eq!(words(&entries), ["TooLarge"]);
}

#[test]
fn a_record_over_the_limit_is_too_large_and_its_neighbours_are_read() {
    let limits = DecodeLimits { max_record_bytes: 300, max_inflated_bytes: 10_000 };
    let big = record(2).replace("dana", &"d".repeat(200));
    let read = |text: &str| words(&decode_with(text.as_bytes(), &[], Format::Auto, limits));

    assert_eq!(read(&big), ["TooLarge"]);
    assert_eq!(read(&format!("{}\n{big}\n{}\n", record(1), record(3))), ["1", "TooLarge@1:2", "3"]);
    assert_eq!(
        read(&format!("{{\"Records\":[{},{big},{}]}}", record(1), record(3))),
        ["1", "TooLarge@1", "3"]
    );
    let huge = record(2).replace("dana", &"d".repeat(20_000));
    assert_eq!(
        read(&format!("{}\n{huge}\n{}\n", record(1), record(3))),
        ["1", "TooLarge@1:2", "3"]
    );
    assert_eq!(read(&huge), ["TooLarge"]);
}

#[test]
fn notifications_and_wrappers_never_become_events() {
    let s3 = r#"{"eventVersion":"2.1","eventSource":"aws:s3","eventTime":"2025-03-10T08:46:00.000Z","eventName":"ObjectCreated:Put","s3":{}}"#;
    let sqs = r#"{"messageId":"m","body":"{}","eventSource":"aws:sqs"}"#;
    let sns = r#"{"EventSource":"aws:sns","EventVersion":"1.0","Sns":{}}"#;
    for element in [s3, sqs, sns] {
        check(format!("{{\"Records\":[{element}]}}"), &["Envelope"]);
        check(element, &["Envelope"]);
        check(
            format!("{{\"Records\":[{},{element},{}]}}", record(1), record(2)),
            &["1", "Envelope@1", "2"],
        );
        check(format!("[{},{element}]", record(1)), &["1", "Envelope@1"]);
    }
    check(r#"{"Type":"Notification","Message":"{}"}"#, &["Envelope"]);
    check(r#"{"Type":"SubscriptionConfirmation","Message":"x"}"#, &["Envelope"]);
    check(r#"{"s3Bucket":"b","s3ObjectKey":["k"]}"#, &["Envelope"]);
    check(r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}"#, &["TestEvent"]);
}

#[test]
fn delivery_files_and_arrays_deliver_each_record() {
    check(r#"{"Records":[]}"#, &["Empty"]);
    check("[]", &["Empty"]);
    check(format!("[{}, {}]", record(1), record(2)), &["1", "2"]);
    check(format!("[[{}],{}]", record(1), record(2)), &["1", "2"]);
    check(
        format!("{{\"Records\":[{},{{\"a\":1}},7,{}]}}", record(1), record(2)),
        &["1", "Envelope@1", "Envelope@2", "2"],
    );
    let no_time = record(9).replace("eventTime", "time");
    let wrong = record(9).replace("\"GetObject\"", "{}");
    let text = record(9)
        .replace(r#"{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/dana"}"#, "\"x\"");
    check(
        format!("{{\"Records\":[{no_time},{wrong},{text},{}]}}", record(1)),
        &["NoEventTime@0", "FieldType@1", "FieldType@2", "1"],
    );
}

#[test]
fn cloudwatch_payloads_eventbridge_and_lookup_answers_are_unwrapped() {
    let quoted = |text: &str| serde_json::to_string(text).expect("a string");
    let message =
        |text: &str| format!("{{\"id\":\"0\",\"timestamp\":1,\"message\":{}}}", quoted(text));
    let payload =
        |events: &str| format!("{{\"messageType\":\"DATA_MESSAGE\",\"logEvents\":[{events}]}}");
    check(payload(&[message(&record(1)), message(&record(2))].join(",")), &["1", "2"]);
    check(
        payload(
            &[message(&record(1)), message("START RequestId"), message("{"), "{}".into()].join(","),
        ),
        &["1", "Json@1", "Json@2", "Envelope@3"],
    );
    check(payload(""), &["Empty"]);
    check(r#"{"messageType":"CONTROL_MESSAGE","logEvents":[{"message":"x"}]}"#, &["Control"]);
    check(r#"{"messageType":"OTHER","logEvents":[]}"#, &["Envelope"]);
    let packed = base64::engine::general_purpose::STANDARD
        .encode(gzip(payload(&message(&record(1))).as_bytes()));
    check(format!("{{\"awslogs\":{{\"data\":\"{packed}\"}}}}"), &["1"]);
    check(r#"{"awslogs":{"data":"x"}}"#, &["Envelope"]);

    let bridge = |kind: &str| format!("{{\"detail-type\":\"{kind}\",\"detail\":{}}}", record(1));
    check(bridge("AWS API Call via CloudTrail"), &["1"]);
    check(bridge("AWS Console Sign In via CloudTrail"), &["1"]);
    check(bridge("AWS Service Event via CloudTrail"), &["1"]);
    check(bridge("AWS Something New via CloudTrail"), &["1"]);
    check(bridge("GuardDuty Finding"), &["Envelope"]);
    check(bridge("Object Created"), &["Envelope"]);
    check(r#"{"detail-type":"AWS API Call via CloudTrail","detail":"x"}"#, &["Envelope"]);

    check(format!("{{\"Events\":[{{\"CloudTrailEvent\":{}}}]}}", quoted(&record(1))), &["1"]);
    check(r#"{"Events":[]}"#, &["Empty"]);
}

#[test]
fn kinds_that_are_no_calls_are_left_aside() {
    check(r#"{"digestStartTime":"x","logFiles":[]}"#, &["Digest"]);
    check(r#"{"eventVersion":"1.08","eventCategory":"Insight"}"#, &["Insight"]);
    check(r#"{"eventType":"AwsCloudTrailInsight"}"#, &["Insight"]);
    check(r#"{"eventVersion":"1.11","eventCategory":"Aggregated"}"#, &["Aggregated"]);
    check(r#"{"eventType":"AwsAggregatedEvent"}"#, &["Aggregated"]);
    check("", &["Empty"]);
    check(" \n\t ", &["Blank"]);
}

#[test]
fn other_sources_are_refused_by_what_they_look_like() {
    for text in [
        r#"{"schemaVersion":"2.0","service":{},"type":"x"}"#,
        r#"{"SchemaVersion":"2.0","Service":{}}"#,
        r#"{"category":"POLICY","resourcesAffected":{}}"#,
        r#"{"Findings":[]}"#,
        r#"{"class_uid":6003,"metadata":{}}"#,
        r#"{"schema_version_id":"V_1_0","bucket_arn":"x"}"#,
        "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be orders [06/Feb/2019:00:00:38 +0000] 192.0.2.3",
        "version account-id interface-id srcaddr",
        "2 111122223333 eni-0a 10.0.1.5 198.51.100.20 1 443 6 10 840000 1 2 ACCEPT OK",
        "{}",
        r#"{"hello":1}"#,
        "42",
    ] {
        let expected = if text == "42" { "Json" } else { "Envelope" };
        check(text, &[expected]);
    }
}

#[test]
fn a_record_without_version_is_read_only_when_the_format_says_cloudtrail() {
    let cut = r#"{"eventName":"GetObject","eventTime":"2025-03-10T08:01:07Z","eventID":"1"}"#;

    check(cut, &["Envelope"]);
    let entries = decode_with(cut.as_bytes(), &[], Format::CloudTrail, DecodeLimits::default());
    assert_eq!(words(&entries), ["1"]);
}

#[test]
fn json_lines_lose_only_the_line_that_is_broken() {
    let half = &record(9)[..100];
    check(format!("{}\n{half}\n{}\n", record(1), record(2)), &["1", "Json@1:2", "2"]);
    check(format!("{half}\n{}\n{}", record(1), record(2)), &["Json@0:1", "1", "2"]);
    check(format!("{}{}", record(1), record(2)), &["1", "2"]);
    check(format!("{}\r\n\r\n{} {}", record(1), record(2), record(3)), &["1", "Blank", "2", "3"]);
    check(format!("garbage\n{}\n", record(1)), &["Json@0:1", "1"]);
    check(
        format!("{}\n{{\"Records\":[{},{{}}]}}\n", record(1), record(2)),
        &["1", "2", "Envelope@1:2"],
    );
    let mut bytes = format!("{}\n{}\n", record(1), record(2)).into_bytes();
    bytes.extend(b"{\"a\":\"\xff\"}\n");
    bytes.extend(record(3).into_bytes());
    check(bytes, &["1", "2", "Utf8@2:3", "3"]);
    check(format!("{}x", record(1)), &["1", "Json@1:1"]);
}

#[test]
fn a_broken_document_is_one_refusal() {
    let pretty = serde_json::to_string_pretty(
        &serde_json::from_str::<serde_json::Value>(&record(1)).expect("JSON"),
    )
    .expect("JSON");
    check(&pretty, &["1"]);
    check(format!("{pretty}\n{pretty}\n"), &["1", "1"]);
    check(&pretty[..pretty.len() - 1], &["Json"]);
    check(pretty.replace("\"eventName\"", "eventName"), &["Json"]);
    check(&record(1)[..60], &["Json"]);
    check("{\"Records\":[", &["Json"]);
    check("no JSON at all", &["Json"]);
    check(b"\xff\xfe", &["Utf8"]);
    check(b"{\"eventVersion\":\"1.1\",\"x\":\"\xc3(\"}", &["Utf8"]);
    check("{\"eventVersion\":\"1.1\",\"eventName\":\"x\u{1}\"}", &["Json"]);
}

#[test]
fn nesting_over_64_levels_is_refused_and_64_are_read() {
    let nested = |levels: usize| {
        let value = format!("{}{}", "[".repeat(levels - 1), "]".repeat(levels - 1));
        record(1).replace("{\"eventVersion\"", &format!("{{\"x\":{value},\"eventVersion\""))
    };
    check(nested(64), &["1"]);
    check(nested(65), &["Json"]);
    check("[".repeat(1_000_000), &["Json"]);
    check("{\"a\":".repeat(1_000_000), &["Json"]);
    let braces_in_text = record(1).replace("dana", &"[{".repeat(500));
    check(braces_in_text, &["1"]);
}

#[test]
fn raw_is_the_records_own_text_in_every_container() {
    let one = record(1);
    let quoted = serde_json::to_string(&one).expect("a string");
    for text in [
        one.clone(),
        format!("  {one}\n"),
        format!("{{\"Records\":[ {one} ]}}"),
        format!("[{one}]"),
        format!("{{\"detail-type\":\"x via CloudTrail\",\"detail\":{one}}}"),
        format!("{{\"messageType\":\"DATA_MESSAGE\",\"logEvents\":[{{\"message\":{quoted}}}]}}"),
        format!("{one}\n{{\"Records\":[]}}"),
    ] {
        let event = decode(text.as_bytes()).remove(0).event();
        assert_eq!(String::from_utf8(event.raw).expect("UTF-8"), one);
    }
}

#[test]
fn a_callback_that_fails_stops_the_record_and_the_decoder_can_go_on() {
    let fields = fields(&["eventID"]);
    let mut decoder = Decoder::new(&fields, Format::Auto, DecodeLimits::default());
    let text = format!("[{},{}]", record(1), record(2));

    let mut seen = 0;
    let answer = decoder.decode(text.as_bytes(), |_| {
        seen += 1;
        Err("stop")
    });
    assert_eq!((answer, seen), (Err("stop"), 1));

    let again: Result<(), &str> = decoder.decode(record(3).as_bytes(), |entry| {
        assert!(matches!(entry, Entry::Event(event) if event.id == "3"));
        Ok(())
    });
    assert_eq!(again, Ok(()));
}
