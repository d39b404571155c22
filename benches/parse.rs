//! What does it cost to read the wanted fields of one event, and which parser should drive the walk?
//!
//! Input: 500 generated S3 data events of about 1,700 bytes (users and roles, 2 % errors, 10 % other
//! event names). Each row but two reads the fields that the volume rules want of every event; `decoder`
//! is the whole way, with UTF-8 check, identity, time and derived fields, `decoder, one rule` the same
//! for a rule that wants few fields and none that is derived, and `decoder and rules` asks these
//! rules as well.
//! How to read it: microseconds for each event on one core in the fastest of many interleaved rounds, so
//! that a busy machine distorts little. Only the ratios to `serde_json::Value` mean something
//! elsewhere. Run: `cargo bench --bench parse`.
//! Last figure (busy 2-core machine with AVX-512): Value 4.2 µs; the walk by serde_json 2.8, simd-json 2.1,
//! sonic-rs 3.7 times its speed, of plain text along its quotes 7.5; the whole decoder 6.8, for one rule 10.5,
//! with the rules 5.9.

#[path = "support/volume.rs"]
mod volume;

use std::hint::black_box;
use std::io::Write as _;
use std::time::Instant;
use tidegate::event::{
    DecodeLimits, Decoder, Entry, Event, FieldSet, Format, PlainReader, Projection, Value,
};
use tidegate::rule::{LoadOptions, Matched, load};

const EVENTS: usize = 500;
const ROUNDS: usize = 200;

/// What a rule wants that sums the bytes of downloads by caller.
const ONE_RULE: [&str; 8] = [
    "eventSource",
    "eventName",
    "errorCode",
    "userIdentity.type",
    "userIdentity.arn",
    "eventTime",
    "eventID",
    "additionalEventData.bytesTransferredOut",
];

/// Reads one event.
type Row<'a> = Box<dyn FnMut(&str) + 'a>;

fn main() -> std::io::Result<()> {
    let events: Vec<String> = (0..EVENTS).map(event).collect();
    let bytes: usize = events.iter().map(String::len).sum();
    let rules = load(&volume::files(), &LoadOptions::default());
    let rules = rules.rules.expect("the pack has no mistake");
    let fields = rules.fields();
    let mut few = FieldSet::default();
    for name in ONE_RULE {
        few.intern(name);
    }
    let projection = Projection::new(fields);
    let decoder = |fields| Decoder::new(fields, Format::Auto, DecodeLimits::default());
    let (mut pack, mut one, mut asked) = (decoder(fields), decoder(&few), decoder(fields));
    let mut matched: Vec<Matched> = Vec::new();
    let mut scratch = Vec::new();
    let mut plain = PlainReader::new(projection.clone());
    let mut rows: Vec<(&str, Row<'_>)> = vec![
        ("serde_json::Value", Box::new(|text| drop(value_of(text)))),
        ("walk by serde_json", Box::new(|text| drop(by_serde_json(&projection, text)))),
        ("walk by simd-json", Box::new(|text| by_simd_json(&projection, text, &mut scratch))),
        ("walk by sonic-rs", Box::new(|text| drop(by_sonic(&projection, text)))),
        ("walk of plain text", Box::new(|text| drop(by_scan(&mut plain, text)))),
        ("decoder", Box::new(|text| decode(&mut pack, text, |_| {}))),
        ("decoder, one rule", Box::new(|text| decode(&mut one, text, |_| {}))),
        (
            "decoder and rules",
            Box::new(|text| decode(&mut asked, text, |event| rules.matching(event, &mut matched))),
        ),
    ];
    // `cargo bench --bench parse -- decoder` runs the rows of that name alone, for a profiler.
    if let Some(wanted) = std::env::args().skip(1).find(|argument| !argument.starts_with('-')) {
        rows.retain(|(name, _)| name.contains(&wanted));
    }
    let mut times = vec![Vec::with_capacity(ROUNDS); rows.len()];
    for _ in 0..ROUNDS {
        for ((_, read), times) in rows.iter_mut().zip(&mut times) {
            let start = Instant::now();
            for event in &events {
                read(event);
            }
            times.push(start.elapsed().as_secs_f64() * 1e6 / EVENTS as f64);
        }
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{EVENTS} events of {} bytes, {} fields", bytes / EVENTS, fields.len())?;
    let mut baseline = None;
    for ((name, _), times) in rows.iter().zip(&times) {
        let fastest = times.iter().copied().fold(f64::INFINITY, f64::min);
        let baseline = *baseline.get_or_insert(fastest);
        writeln!(out, "{name:20} {fastest:6.2} µs  {:5.1} times the speed", baseline / fastest)?;
    }
    Ok(())
}

fn value_of(text: &str) -> serde_json::Value {
    serde_json::from_str(black_box(text)).expect("generated JSON")
}

fn by_serde_json<'a>(projection: &Projection, text: &'a str) -> Vec<Value<'a>> {
    let mut parser = serde_json::Deserializer::from_str(black_box(text));
    projection.project(&mut parser, Vec::with_capacity(48)).expect("generated JSON")
}

fn by_sonic<'a>(projection: &Projection, text: &'a str) -> Vec<Value<'a>> {
    let mut parser = sonic_rs::Deserializer::from_str(black_box(text));
    projection.project(&mut parser, Vec::with_capacity(48)).expect("generated JSON")
}

fn by_scan<'a>(plain: &mut PlainReader, text: &'a str) -> Vec<Value<'a>> {
    plain.read(black_box(text), Vec::with_capacity(48)).expect("plain text")
}

/// simd-json writes into its input, so it needs a copy of every record.
fn by_simd_json(projection: &Projection, text: &str, scratch: &mut Vec<u8>) {
    scratch.clear();
    scratch.extend_from_slice(black_box(text).as_bytes());
    let mut parser = simd_json::Deserializer::from_slice(scratch).expect("generated JSON");
    let values = projection.project(&mut parser, Vec::with_capacity(48)).expect("generated JSON");
    drop(black_box(values));
}

fn decode(decoder: &mut Decoder, text: &str, mut then: impl FnMut(&Event<'_>)) {
    let answer: Result<(), ()> = decoder.decode(black_box(text).as_bytes(), |entry| {
        let Entry::Event(event) = black_box(entry) else { panic!("generated events") };
        then(event);
        Ok(())
    });
    answer.expect("never fails");
}

/// One S3 data event, the same for the same number.
fn event(number: usize) -> String {
    let who = number % 700;
    let account = 111_122_223_333 + who % 40;
    let mixed = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let identity = if who % 5 < 2 {
        format!(
            r#""type":"IAMUser","principalId":"AIDA{who:016X}","arn":"arn:aws:iam::{account}:user/analyst-{who:05}","accountId":"{account}","accessKeyId":"AKIA{mixed:016X}","userName":"analyst-{who:05}""#
        )
    } else {
        format!(
            r#""type":"AssumedRole","principalId":"AROA{who:016X}:session-{who:05}","arn":"arn:aws:sts::{account}:assumed-role/data-pipeline-{who:05}/session-{who:05}","accountId":"{account}","accessKeyId":"ASIA{mixed:016X}","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"AROA{who:016X}","arn":"arn:aws:iam::{account}:role/data-pipeline-{who:05}","accountId":"{account}","userName":"data-pipeline-{who:05}"}},"attributes":{{"creationDate":"2026-01-01T00:00:00Z","mfaAuthenticated":"false"}}}}"#
        )
    };
    let name = ["HeadObject", "PutObject", "ListObjects"].get(number % 30).unwrap_or(&"GetObject");
    let error = match number % 50 {
        0 => r#""errorCode":"AccessDenied","errorMessage":"Access Denied","#,
        _ => "",
    };
    let (hour, minute, second) = (number / 3600 % 24, number / 60 % 60, number % 60);
    let (bucket, part) = (who % 400, mixed % 4000);
    let key = format!(
        "warehouse/table-{}/dt=2026-01-01/part-{part:05}-{mixed:016x}.snappy.parquet",
        who % 64
    );
    let ip = format!("{}.{}.{}.{}", 3 + who % 200, who / 8 % 256, who * 7 % 256, 1 + number % 250);
    let bytes = mixed % 5_000_000;
    format!(
        r#"{{"eventVersion":"1.11","userIdentity":{{{identity}}},"eventTime":"2026-01-01T{hour:02}:{minute:02}:{second:02}Z","eventSource":"s3.amazonaws.com","eventName":"{name}","awsRegion":"us-east-1","sourceIPAddress":"{ip}","userAgent":"[aws-sdk-java/2.29.{} Linux/6.1.{}-amzn OpenJDK_64-Bit_Server_VM/17.0.{}+10-LTS Java/17 kotlin/1.9 vendor/Amazon.com_Inc. exec-env/AWS_ECS_FARGATE io/async http/NettyNio cfg/retry-mode/standard]",{error}"requestParameters":{{"bucketName":"corp-data-lake-{bucket:03}","key":"{key}","Host":"corp-data-lake-{bucket:03}.s3.us-east-1.amazonaws.com"}},"responseElements":null,"additionalEventData":{{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0.0,"SSEApplied":"Default_SSE_S3","AuthenticationMethod":"AuthHeader","x-amz-id-2":"{mixed:016x}{mixed:016X}{mixed:016x}+abcdefghijklmnopqrstuvwxyz012345=","bytesTransferredOut":{bytes}.0}},"requestID":"{mixed:016X}","eventID":"{:08x}-{:04x}-4{:03x}-8{:03x}-{number:012x}","readOnly":true,"resources":[{{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::corp-data-lake-{bucket:03}/{key}"}},{{"accountId":"{account}","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::corp-data-lake-{bucket:03}"}}],"eventType":"AwsApiCall","managementEvent":false,"recipientAccountId":"{account}","eventCategory":"Data"}}"#,
        who % 50,
        who % 120,
        who % 12,
        mixed >> 32,
        mixed & 0xffff,
        mixed & 0xfff,
        mixed >> 20 & 0xfff,
    )
}
