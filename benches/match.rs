//! What does one event cost the matcher, when no rule wants it and when the download rules do, and
//! what changes when there are 800 rules instead of the four on volume?
//!
//! Input: four kinds of decoded event; these four, and these with 796 synthetic rules, each of which
//! names an event source and one to three event names, every fourth one a `contains` as well.
//! Read it as: nanoseconds for one event; `unwanted` must stay the same from 4 to 800 rules, since an
//! event that no rule wants costs a few hashes however many rules there are. Decoding is not in it.
//! Last figures (2 shared cores, median): unwanted 12 ns with 4 rules and 16 ns with 800; a download
//! that counts 160 ns and 120 ns.
//!
//! `shipped_rules` is one event against the whole pack, whose rules ask much alike: 750 ns for a download,
//! 960 ns when each rule asked for itself.
//!
//! What do 2,000 rules cost real events, beside 50 of the same kind, and how long do they load? The rules
//! look for calls as often as SigmaHQ's do, a tenth of them for none (`support/many_rules.rs`).
//! Input: the 2,900 management events of `tests/data/cloudtrail`, decoded and matched. Read it as: one
//! pass over all events; with 2,000 rules it may take at most twice as long as with 50.
//! Last figures (2 shared cores, median): 16.6 ms with 50 rules, 17.7 ms with 2,000; 200 rules load in
//! 17 ms, 2,000 in 203 ms.
//! `cargo bench --bench match`.

#[path = "support/many_rules.rs"]
mod many_rules;
#[path = "support/volume.rs"]
mod volume;

use divan::{Bencher, black_box};
use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::path::Path;
use tidegate::event::{
    DecodeLimits, Decoder, Entry, Event, FieldSet, Format, Identity, Number, Source, Value,
};
use tidegate::rule::{LoadOptions, Matched, RuleFile, RuleSet, builtin, load};
use tidegate::scan::{ReadBytes, find_inputs, open_input, read_entries};
use tidegate::units::EventTime;

fn main() {
    divan::main();
}

const RULES: [usize; 2] = [4, 800];

#[divan::bench(args = RULES)]
fn unwanted(bencher: Bencher<'_, '_>, rules: usize) {
    measure(bencher, rules, "ec2.amazonaws.com", "DescribeVolumes", "IAMUser");
}

#[divan::bench(args = RULES)]
fn unwanted_call_of_a_wanted_source(bencher: Bencher<'_, '_>, rules: usize) {
    measure(bencher, rules, "s3.amazonaws.com", "HeadObject", "IAMUser");
}

#[divan::bench(args = RULES)]
fn download_that_counts(bencher: Bencher<'_, '_>, rules: usize) {
    measure(bencher, rules, "s3.amazonaws.com", "GetObject", "IAMUser");
}

#[divan::bench(args = RULES)]
fn download_by_a_service(bencher: Bencher<'_, '_>, rules: usize) {
    measure(bencher, rules, "s3.amazonaws.com", "GetObject", "AWSService");
}

#[divan::bench(args = ["GetObject", "PutObject", "HeadObject"])]
fn shipped_rules(bencher: Bencher<'_, '_>, name: &str) {
    let rules = load(&builtin(), &LoadOptions::default()).rules.expect("the pack has no mistake");
    let event = event(&rules, "s3.amazonaws.com", name, "IAMUser");
    let mut out: Vec<Matched> = Vec::new();
    bencher.bench_local(|| {
        rules.matching(black_box(&event), &mut out);
        out.len()
    });
}

#[divan::bench(args = [50, 2000], sample_count = 20, sample_size = 1)]
fn all_real_events(bencher: Bencher<'_, '_>, count: usize) {
    let (rules, events) = (many(count), real_events());
    let mut decoder = Decoder::new(rules.fields(), Format::Auto, DecodeLimits::default());
    let mut out: Vec<Matched> = Vec::with_capacity(count);
    bencher.bench_local(|| {
        let mut matched = 0;
        for event in &events {
            let done: Result<(), Infallible> = decoder.decode(event, |entry| {
                if let Entry::Event(event) = entry {
                    rules.matching(event, &mut out);
                    matched += out.len();
                }
                Ok(())
            });
            let Ok(()) = done;
        }
        matched
    });
}

#[divan::bench(args = [200, 2000], sample_count = 5, sample_size = 1)]
fn load_of_rules(bencher: Bencher<'_, '_>, count: usize) {
    bencher.bench_local(|| many(black_box(count)));
}

/// So many rules as SigmaHQ's are.
fn many(count: usize) -> RuleSet {
    let file = RuleFile { name: "many.yml".into(), text: many_rules::text(count), builtin: false };
    load(&[file], &LoadOptions::default()).rules.expect("the rules have no mistake")
}

fn real_events() -> Vec<Vec<u8>> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cloudtrail");
    let limits = DecodeLimits::default();
    let mut decoder = Decoder::new(&FieldSet::default(), Format::Auto, limits);
    let mut events = Vec::new();
    for input in find_inputs(&[data]).files {
        let reader = open_input(&input, &ReadBytes::default()).expect("the file opens");
        let done = read_entries(reader, &mut decoder, limits, |_, entry| {
            if let Entry::Event(event) = entry {
                events.push(event.raw.to_vec());
            }
            Ok::<(), Infallible>(())
        });
        let Ok(()) = done.expect("the file is read");
    }
    events
}

fn measure(bencher: Bencher<'_, '_>, count: usize, source: &str, name: &str, identity: &str) {
    let rules = rule_set(count);
    let event = event(&rules, source, name, identity);
    let mut out: Vec<Matched> = Vec::with_capacity(count);
    bencher.bench_local(|| {
        rules.matching(black_box(&event), &mut out);
        out.len()
    });
}

fn rule_set(count: usize) -> RuleSet {
    let mut text = String::new();
    for number in 4..count {
        let _ = write!(
            text,
            "---\ntitle: R{number}\nname: r{number}\nlogsource: {{product: aws, service: cloudtrail}}\n\
             detection:\n  selection:\n    eventSource: service{}.amazonaws.com\n    eventName: [Call{number}, GetObject]\n",
            number % 40
        );
        if number % 4 == 0 {
            text.push_str("    userAgent|contains: [rclone, cyberduck, 'S3 Browser']\n");
        }
        text.push_str("  condition: selection\n");
    }
    let synthetic = RuleFile { name: "synthetic.yml".into(), text, builtin: false };
    let files: Vec<RuleFile> = volume::files().into_iter().chain([synthetic]).collect();
    load(&files, &LoadOptions::default()).rules.expect("the synthetic rules have no mistake")
}

fn event<'a>(rules: &RuleSet, source: &'a str, name: &'a str, identity: &'a str) -> Event<'a> {
    let text = |text: &'a str| Value::Text(Cow::Borrowed(text));
    let value = |field: &str| match field {
        "eventSource" => text(source),
        "eventName" => text(name),
        "eventType" => text("AwsApiCall"),
        "eventCategory" => text("Data"),
        "userIdentity.type" => text(identity),
        "userIdentity.accountId" => text("111122223333"),
        "userIdentity.arn" => text("arn:aws:iam::111122223333:user/alice"),
        "tidegate.principal" => text("arn:aws:iam::111122223333:user/alice"),
        "tidegate.bucket" => text("orders-archive"),
        "tidegate.key" => text("2025/03/part-0001.parquet"),
        "tidegate.outcome" => text("success"),
        "tidegate.source_kind" => text("ip"),
        "tidegate.source_ip" => text("198.51.100.24"),
        "tidegate.source_is_external" => Value::Bool(false),
        "tidegate.service_call" => Value::Bool(identity == "AWSService"),
        "tidegate.anonymous" => Value::Bool(false),
        "tidegate.bytes_out" => Value::Number(Number::Unsigned(1_048_576)),
        "userAgent" => text("[aws-cli/2.15.30 md/Botocore#2.0.0 command/s3.cp]"),
        _ => Value::Absent,
    };
    Event {
        source: Source::CloudTrail,
        time: EventTime::from_millis(1_741_593_600_000),
        identity: Identity(1),
        shared_identity: None,
        id: Cow::Borrowed("00000000-0000-4000-8000-000000000001"),
        raw: b"{}",
        values: rules.fields().iter().map(|(_, name)| value(name)).collect(),
    }
}
