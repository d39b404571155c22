//! The claim as a whole: planted exfiltrations through two processes with two workers each, over
//! eight partitions on three brokers, while processes are killed, wiped, added and removed. What a
//! read_committed reader finds must equal the slow reference, by finding uid and content.

#![expect(clippy::indexing_slicing, reason = "two processes by number, JSON by name")]

use crate::broker::{Broker, Isolation, Outcome, Read, wait_until};
use crate::process::Process;
use crate::reference::{self, Ask, Collect, Kind, Reference};
use crate::tidegate_run::Instance;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::time::Duration;
use tidegate::event::{
    Amount, DecodeLimits, Decoder, Entry, Event, FieldId, Format, Number, Source, Value,
};
use tidegate::generate::{Organization, OrganizationSettings, Random};
use tidegate::rule::{
    self, CollectHow, Comparison, LoadOptions, Matched, Measure, MissingGroup, RuleSet, WindowKind,
};
use tidegate::units::{EventTime, Span};
use uuid::Uuid;

pub(crate) const PARTITIONS: i32 = 8;
const LIMIT: Duration = Duration::from_mins(2);
const FINDINGS_LEAST: usize = 200;
/// Name space of alerts.md §3.
const NAME_SPACE: &str = "d5ac540e-d213-5277-829d-4af3edab2cba";

/// Ten kills: four at a point inside an open transaction that carries drained alerts, the others at
/// a random moment; one disk wiped; one process added and removed.
pub(crate) fn killed_ten_times(_one_node: &Broker) -> Outcome<()> {
    let broker = Broker::start(3)?;
    let app = "chaos";
    let changelog = [("cleanup.policy", "compact"), ("segment.ms", "5000")];
    broker.create_topic("chaos-in", PARTITIONS, &[])?;
    broker.create_topic("tidegate-chaos-ct-changelog", PARTITIONS, &changelog)?;
    broker.create_topic("chaos-alerts", 3, &[("compression.type", "gzip")])?;
    broker.create_topic("chaos-dlq", 1, &[])?;
    let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
    let disabled = others(&ASKED)?;
    let instance = |name| Instance::new(&broker.bootstrap, app, name, dir.path(), &disabled);
    let (a, b, c) = (instance("a")?, instance("b")?, instance("c")?);

    let organization = Organization::generate(&OrganizationSettings {
        seed: 11,
        events: 30_000,
        downloads: 14,
        counts: 2,
        forged: 0,
        ..OrganizationSettings::default()
    });
    let mut input = Publisher::new(&broker, "chaos-in", organization)?;
    let mut random = Random::new(7);
    let mut running = [a.start("")?, b.start("")?];
    let mut added = None;
    let mut inside_transactions = 0;
    for kill in 0..10 {
        input.publish_tenth()?;
        let victim = kill % 2;
        let of = if victim == 0 { &a } else { &b };
        if kill % 3 == 0 {
            // It is killed and started again with the wish to die in a transaction with alerts.
            running[victim].kill()?;
            running[victim] = of.start("AfterDrainWithAlerts:2")?;
            if has_died_by_itself(&mut running[victim])? {
                inside_transactions += 1;
            }
        } else {
            let moment = Duration::from_millis(random.between(50, 1200));
            // A random moment is the point of it; nothing is waited for.
            if running[victim].wait_for("ended", moment).is_ok() {
                return Err("a process ended by itself".to_owned());
            }
        }
        running[victim].kill()?;
        match kill {
            4 => std::fs::remove_dir_all(&of.state).map_err(|error| error.to_string())?,
            5 => added = Some(c.start("")?),
            8 => {
                let mut leaving = added.take().ok_or("nobody was added")?;
                leaving.signal("TERM")?;
                leaving.wait_end(LIMIT)?;
            }
            _ => {}
        }
        running[victim] = of.start("")?;
    }
    input.publish_rest()?;
    wait_until("everything to be committed", LIMIT, || caught_up(&broker, app, PARTITIONS))?;
    for process in &mut running {
        process.signal("TERM")?;
        process.wait_end(LIMIT)?;
    }

    let input = broker.read("chaos-in", Isolation::Committed)?;
    let expected = expected(&input, PARTITIONS, &ASKED)?;
    let committed = broker.read("chaos-alerts", Isolation::Committed)?;
    let uncommitted = broker.read("chaos-alerts", Isolation::Uncommitted)?;
    compare(&expected, &committed)?;
    let escalates = expected.values().filter(|said| said.kind == "escalate").count();
    println!(
        "{} findings expected ({escalates} Escalates), {} delivered, 0 lost, 0 double; {} aborted \
         duplicates seen; {inside_transactions} kills inside a transaction with alerts",
        expected.len(),
        committed.len(),
        uncommitted.len() - committed.len(),
    );
    if expected.len() < FINDINGS_LEAST || escalates == 0 {
        return Err(format!("only {} findings, {escalates} Escalates", expected.len()));
    }
    if inside_transactions < 3 || uncommitted.len() <= committed.len() {
        return Err("the faults did not hit open transactions".to_owned());
    }
    Ok(())
}

/// Waits until the process has killed itself; `false` when no alert came by for a while.
fn has_died_by_itself(process: &mut Process) -> Outcome<bool> {
    let died = process.wait_for("dying", Duration::from_secs(20)).is_ok();
    if died {
        process.wait_end(LIMIT)?;
    }
    Ok(died)
}

pub(crate) fn caught_up(broker: &Broker, app: &str, partitions: i32) -> Outcome<Option<()>> {
    let topic = format!("{app}-in");
    // A new cluster is still choosing the group's coordinator.
    let Ok(committed) = broker.committed(app, &topic, partitions) else { return Ok(None) };
    let ends = broker.ends(&topic, partitions)?;
    let done = committed.iter().zip(&ends).all(|(at, end)| at.unwrap_or(0) >= *end);
    Ok(done.then_some(()))
}

/// Publishes a generated organization bit by bit.
pub(crate) struct Publisher {
    topic: String,
    producer: BaseProducer,
    organization: Organization,
    next: usize,
}

impl Publisher {
    pub(crate) fn new(broker: &Broker, topic: &str, organization: Organization) -> Outcome<Self> {
        let mut config = broker.config();
        config.set("partitioner", "murmur2_random").set("enable.idempotence", "true");
        config.set("linger.ms", "5").set("queue.buffering.max.messages", "200000");
        let producer = config.create().map_err(|error| error.to_string())?;
        Ok(Self { topic: topic.to_owned(), producer, organization, next: 0 })
    }

    fn publish_tenth(&mut self) -> Outcome<()> {
        self.publish_until((self.next + self.organization.len() / 11).min(self.organization.len()))
    }

    pub(crate) fn publish_rest(&mut self) -> Outcome<()> {
        self.publish_until(self.organization.len())
    }

    pub(crate) fn publish_until(&mut self, end: usize) -> Outcome<()> {
        let (mut key, mut value) = (String::new(), String::new());
        while self.next < end {
            if !self.organization.write(self.next, &mut key, &mut value) {
                return Err("the organization ended early".to_owned());
            }
            let time = self.organization.arrival(self.next).map_or(0, EventTime::as_millis);
            let record = BaseRecord::to(&self.topic).key(&key).payload(&value).timestamp(time);
            self.producer.send(record).map_err(|(error, _)| error.to_string())?;
            self.next += 1;
        }
        self.producer.flush(LIMIT).map_err(|error| error.to_string())
    }
}

/// What an alert says, as far as it must equal the reference.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    kind: String,
    pub(crate) rule: String,
    severity: i64,
    group: Json,
    opened_ms: i64,
    amount: Option<u64>,
    count: u64,
    first_ms: i64,
    last_ms: i64,
    events: Vec<String>,
}

/// Findings by (finding uid, sequence).
pub(crate) type Findings = BTreeMap<(String, u64), Said>;

/// The rules of this test: sums, a count, different values, first sightings and matches. The slow
/// reference takes its time over longer windows.
const ASKED: [&str; 6] = [
    "s3_large_download",
    "s3_large_download_principal",
    "s3_object_count",
    "s3_distinct_objects",
    "s3_uncommon_client",
    "vpce_s3_external_ip",
];

/// All other shipped rules.
pub(crate) fn others(asked: &[&str]) -> Outcome<Vec<String>> {
    let rules = shipped(key())?;
    let names = rules.rules().iter().filter(|rule| !rule.silent).map(|rule| &rule.text.name);
    Ok(names.filter(|name| !asked.contains(&name.as_str())).cloned().collect())
}

/// What the input is keyed by.
#[expect(clippy::unnecessary_wraps, reason = "none would mean one partition")]
pub(crate) fn key() -> Option<Vec<String>> {
    Some(vec!["tidegate.principal".to_owned()])
}

/// The shipped rules, as they load for an input with this key; `None` is one partition.
pub(crate) fn shipped(key: Option<Vec<String>>) -> Outcome<RuleSet> {
    let options =
        LoadOptions { partition_key: vec![(Source::CloudTrail, key)], ..LoadOptions::default() };
    let loaded = rule::load(&rule::builtin(), &options);
    loaded.rules.ok_or_else(|| "the shipped rules do not load".to_owned())
}

/// Shipped rules that do not load for an input with this key, by name: their groups are spread over
/// partitions, or a list that they need is empty. A process that has them disabled does not warn of them
/// at each start.
pub(crate) fn left_out(key: Option<Vec<String>>) -> BTreeSet<String> {
    let options =
        LoadOptions { partition_key: vec![(Source::CloudTrail, key)], ..LoadOptions::default() };
    let problems = rule::load(&rule::builtin(), &options).problems;
    let named = problems.iter().filter(|one| ["list-empty", "not-local"].contains(&one.code));
    named.filter_map(|problem| problem.what.split('"').nth(1)).map(str::to_owned).collect()
}

/// Runs the reference with the shipped rules of these names over each partition of the input, in
/// offset order.
pub(crate) fn expected(input: &[Read], partitions: i32, asked: &[&str]) -> Outcome<Findings> {
    // As the program loads them: what no single partition can count is left out.
    let options = LoadOptions {
        partition_key: vec![(Source::CloudTrail, key())],
        disable: others(asked)?,
        ..LoadOptions::default()
    };
    let rules = rule::load(&rule::builtin(), &options).rules.ok_or("the rules do not load")?;
    let mut findings = Findings::new();
    let parts = std::thread::scope(|scope| {
        let rules = &rules;
        let threads: Vec<_> = (0..partitions)
            .map(|partition| scope.spawn(move || expected_of(input, partition, rules)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| "the reference panicked"))
            .collect::<Vec<_>>()
    });
    for part in parts {
        for (key, said) in part?? {
            if findings.insert(key, said).is_some() {
                return Err("the reference has one record twice".to_owned());
            }
        }
    }
    Ok(findings)
}

/// What one partition leads to.
fn expected_of(
    input: &[Read],
    partition: i32,
    rules: &RuleSet,
) -> Outcome<Vec<((String, u64), Said)>> {
    let limits = DecodeLimits { max_record_bytes: 8 << 20, max_inflated_bytes: 64 << 20 };
    let mut decoder = Decoder::new(rules.fields(), Format::Auto, limits);
    let settings = reference::Settings {
        lateness: Span::from_hours(1).as_millis(),
        future_skew: Span::from_minutes(5).as_millis(),
        duplicate_horizon: Span::from_hours(1).as_millis(),
        look_back: tidegate::detect::Limits::default().look_back,
        distinct_values: tidegate::detect::Limits::default().distinct_values,
        // Findings are compared by their identity, whatever their order.
        order: |_| (0, 0),
    };
    let own = rules.rules().iter().map(|rule| reference_rule(rule, rules)).collect();
    let mut reference = Reference::new(own, settings);
    let mut matched = Vec::new();
    for read in input.iter().filter(|read| read.partition == partition) {
        let done: Result<(), Infallible> = decoder.decode(&read.value, |entry| {
            if let Entry::Event(event) = entry {
                rules.matching(event, &mut matched);
                reference.take(&reference_event(event, rules, &matched));
            }
            Ok(())
        });
        let Ok(()) = done;
    }
    let said = reference.findings.iter().map(|finding| {
        let key = (uid(finding, rules)?, u64::from(finding.sequence));
        Ok((key, said_by_reference(finding, rules)))
    });
    said.collect()
}

fn reference_rule(rule: &rule::Rule, rules: &RuleSet) -> reference::Rule {
    let name = |field: &FieldId| rules.fields().name(*field).to_owned();
    let kind = match &rule.kind {
        rule::Kind::Match => Kind::Match,
        rule::Kind::NewTerms(terms) => {
            Kind::NewTerms { history: terms.history.as_millis(), learn: terms.learn.as_millis() }
        }
        rule::Kind::Window(window) => Kind::Window {
            sliding: window.kind == WindowKind::Sliding,
            span: window.span.as_millis(),
            measure: match &window.measure {
                Measure::Count => reference::Measure::Count,
                Measure::Sum(field) => reference::Measure::Sum(name(field)),
                Measure::Distinct { fields, .. } => {
                    reference::Measure::Distinct(fields.iter().map(name).collect())
                }
                Measure::Signals { of } => reference::Measure::Signals(numbered(of)),
                Measure::Mean(field) => reference::Measure::Mean(name(field)),
                Measure::Percentile { field, percent } => {
                    reference::Measure::Percentile(name(field), *percent)
                }
                Measure::Rules { any_of, ordered } => {
                    let any_of = any_of.iter().map(|one| (one.all.clone(), one.none.clone()));
                    reference::Measure::Rules { any_of: any_of.collect(), ordered: *ordered }
                }
            },
            tiers: window.tiers.iter().map(|tier| (tier.gte, tier.level as u8)).collect(),
            asks: window
                .closes
                .then(|| window.condition.0.iter().map(|(how, to)| (ask(*how), *to)).collect()),
        },
    };
    let collect = |collect: &rule::Collect| {
        let how = match collect.how {
            CollectHow::Sample(count) | CollectHow::Set(count) => Collect::Distinct(count),
            CollectHow::Sum => Collect::Sum,
            CollectHow::Min => Collect::Min,
            CollectHow::Max => Collect::Max,
            CollectHow::Distinct => Collect::Different,
        };
        (collect.name.clone(), name(&collect.field), how)
    };
    reference::Rule {
        group_by_of: rule
            .group_by_of
            .iter()
            .map(|fields| fields.iter().map(name).collect())
            .collect(),
        first_way: rule.first_way.iter().map(|way| usize::from(*way)).collect(),
        feeds: rule.feeds.iter().map(|(outer, base)| (usize::from(outer.0), *base)).collect(),
        silent: rule.silent,
        kind,
        group_by: rule.group_by.iter().map(name).collect(),
        skip_missing_group: rule.missing_group == MissingGroup::Skip,
        lateness: rule.allowed_lateness.map(Span::as_millis),
        level: rule.level as u8,
        period: rule.dedup.period.as_millis(),
        dedup_key: rule.dedup.key.as_ref().map(|key| key.iter().map(name).collect()),
        collect: rule.collect.iter().map(collect).collect(),
    }
}

fn ask(how: Comparison) -> Ask {
    match how {
        Comparison::Above => Ask::Above,
        Comparison::AtLeast => Ask::AtLeast,
        Comparison::Below => Ask::Below,
        Comparison::AtMost => Ask::AtMost,
        Comparison::Equal => Ask::Equal,
        Comparison::Other => Ask::Other,
    }
}

/// Different numbers for different signals.
fn numbered(signals: &[Option<u64>]) -> Vec<Option<u8>> {
    let first = |signal: &u64| signals.iter().position(|other| other.as_ref() == Some(signal));
    let number = |signal: &u64| first(signal).and_then(|at| u8::try_from(at).ok());
    signals.iter().map(|signal| signal.as_ref().and_then(number)).collect()
}

fn reference_event(event: &Event<'_>, rules: &RuleSet, of: &[Matched]) -> reference::Event {
    let fields = rules.fields().iter();
    reference::Event {
        bases: of.iter().map(|one| (usize::from(one.rule.0), one.bases)).collect(),
        id: event.id.to_string(),
        shared_id: event.shared_identity.map(|identity| format!("shared {}", identity.0)),
        time: event.time.as_millis(),
        record_time: None,
        fields: fields.map(|(id, name)| (name.to_owned(), text(event.value(id)))).collect(),
        rules: of.iter().map(|one| usize::from(one.rule.0)).collect(),
    }
}

fn text(value: &Value<'_>) -> Option<String> {
    match value {
        Value::Absent | Value::Null => None,
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(Number::Float(_)) => match value.as_amount() {
            Amount::Of(amount) => Some(amount.to_string()),
            Amount::Absent | Amount::Unreadable => None,
        },
        Value::Number(Number::Unsigned(number)) => Some(number.to_string()),
        Value::Number(Number::Signed(number)) => Some(number.to_string()),
        Value::Text(text) | Value::Object(text) => Some(text.to_string()),
        Value::List(values) => {
            let texts: Vec<String> = values.iter().filter_map(text).collect();
            (!texts.is_empty()).then(|| texts.join(","))
        }
    }
}

/// alerts.md §3.
fn uid(finding: &reference::Finding, rules: &RuleSet) -> Outcome<String> {
    let rule = rules.rules().get(finding.rule).ok_or("an unknown rule")?;
    let mut pairs: Vec<Json> =
        finding.dedup_key.iter().map(|(name, value)| json!([name, value])).collect();
    if finding.per_event {
        pairs.push(json!(["event", finding.trigger]));
    }
    let name = json!(["finding", rule.text.id, pairs, finding.opened]).to_string();
    let space = Uuid::parse_str(NAME_SPACE).map_err(|error| error.to_string())?;
    Ok(Uuid::new_v5(&space, name.as_bytes()).to_string())
}

fn said_by_reference(finding: &reference::Finding, rules: &RuleSet) -> Said {
    let rule = rules.rules().get(finding.rule);
    Said {
        kind: if finding.escalates { "escalate" } else { "create" }.to_owned(),
        rule: rule.map(|rule| rule.text.id.clone()).unwrap_or_default(),
        severity: i64::from(finding.level) + 1,
        group: finding.group.iter().map(|(name, value)| (name.clone(), json!(value))).collect(),
        opened_ms: finding.opened,
        amount: finding.threshold.map(|_| finding.amount),
        count: finding.count,
        first_ms: finding.first_seen,
        last_ms: finding.last_seen,
        events: finding.events.clone(),
    }
}

pub(crate) fn said_by_alert(value: &[u8]) -> Outcome<((String, u64), Said)> {
    let alert: Json = serde_json::from_slice(value).map_err(|error| error.to_string())?;
    let context = &alert["unmapped"]["alert_context"];
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let events = alert["finding_info"]["related_events"].as_array();
    let said = Said {
        kind: text(&context["kind"]),
        rule: text(&context["rule_id"]),
        severity: alert["severity_id"].as_i64().unwrap_or(-1),
        group: context["group"].clone(),
        opened_ms: context["episode_opened_ms"].as_i64().unwrap_or(-1),
        amount: context["amount"].as_u64(),
        count: alert["count"].as_u64().unwrap_or(0),
        first_ms: alert["start_time"].as_i64().unwrap_or(-1),
        last_ms: alert["end_time"].as_i64().unwrap_or(-1),
        events: events.into_iter().flatten().map(|event| text(&event["uid"])).collect(),
    };
    let uid = text(&alert["finding_info"]["uid"]);
    Ok(((uid, alert["metadata"]["sequence"].as_u64().unwrap_or(0)), said))
}

/// Whether a reader has got the expected findings and nothing else, each once.
pub(crate) fn compare(expected: &Findings, alerts: &[Read]) -> Outcome<()> {
    let mut delivered = Findings::new();
    let mut double = 0;
    for read in alerts {
        let (key, said) = said_by_alert(&read.value)?;
        if key.0 != read.key {
            return Err(format!("the record key {} is not the finding uid {}", read.key, key.0));
        }
        double += usize::from(delivered.insert(key, said).is_some());
    }
    let lost = expected.keys().filter(|key| !delivered.contains_key(*key)).count();
    let foreign = delivered.keys().filter(|key| !expected.contains_key(*key)).count();
    if lost + foreign + double > 0 {
        return Err(format!(
            "of {} findings {lost} lost, {foreign} not expected, {double} double",
            expected.len()
        ));
    }
    for (key, said) in expected {
        if delivered.get(key) != Some(said) {
            let other = delivered.get(key);
            return Err(format!("{key:?} differs: expected {said:#?}, delivered {other:#?}"));
        }
    }
    Ok(())
}
