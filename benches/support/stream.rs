//! Streams of matched events for the benches of the windows.
#![allow(dead_code, unreachable_pub, reason = "each bench uses its half")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a bench measures: it reads the CPU clock, and its own numbers are small"
)]

use std::sync::Arc;
use tidegate::detect::{Catalogue, Engine, Limits, Origin};
use tidegate::event::{Event, FieldId, FieldSet, Identity, Number, Source, Value};
use tidegate::rule::{
    Collect, CollectHow, Condition, Dedup, Kind, Level, Matched, Measure, MissingGroup, Rule,
    RuleIndex, RuleText, StateId, Status, Tier, Window, WindowKind,
};
use tidegate::state::{Changes, MemoryStore, Store, StoreError};
use tidegate::units::{EventTime, Offset, PartitionId, Position, Span, WallTime};

const PRINCIPAL: FieldId = FieldId(0);
const BUCKET: FieldId = FieldId(1);
const BYTES: FieldId = FieldId(2);
const KEY: FieldId = FieldId(3);
const ADDRESS: FieldId = FieldId(4);
const AGENT: FieldId = FieldId(5);
const START_MS: i64 = 1_736_899_200_000;

/// Every event matches every rule.
struct All {
    rules: Vec<Rule>,
    fields: FieldSet,
}

impl All {
    fn new(rules: Vec<Rule>) -> Arc<Self> {
        let mut fields = FieldSet::default();
        for name in ["principal", "bucket", "bytes", "key", "address", "agent"] {
            fields.intern(name);
        }
        Arc::new(Self { rules, fields })
    }
}

impl Catalogue for All {
    fn rules(&self) -> &[Rule] {
        &self.rules
    }

    fn matching(&self, _: &Event<'_>, out: &mut Vec<Matched>) {
        out.clear();
        let all = (0u16..).map(|rule| Matched { rule: RuleIndex(rule), bases: 1 });
        out.extend(all.take(self.rules.len()));
    }

    fn fields(&self) -> &FieldSet {
        &self.fields
    }
}

fn rule(number: u64, span: Span, measure: Measure, group_by: Vec<FieldId>, tiers: &[u64]) -> Rule {
    let levels = [Level::Low, Level::Medium, Level::High];
    let tiers: Vec<_> = tiers.iter().zip(levels).map(|(&gte, level)| Tier { gte, level }).collect();
    let name = format!("rule {number}");
    let condition = Condition::at_least(tiers.first().map_or(0, |tier| tier.gte));
    Rule {
        group_by_of: Vec::new(),
        first_way: Vec::new(),
        feeds: Vec::new(),
        silent: false,
        text: RuleText {
            id: name.clone(),
            name: name.clone(),
            title: name,
            description: String::new(),
            author: String::new(),
            version: String::new(),
            status: Status::Other,
            tags: Vec::new(),
            references: Vec::new(),
            category: String::new(),
            runbook: String::new(),
            alert_title: None,
            alert_context: Vec::new(),
        },
        source: Source::CloudTrail,
        kind: Kind::Window(Window {
            kind: WindowKind::Sliding,
            span,
            measure,
            condition,
            tiers,
            closes: false,
        }),
        state_id: StateId(number),
        group_by,
        missing_group: MissingGroup::Group,
        allowed_lateness: None,
        level: Level::Low,
        level_from: None,
        bump: None,
        dedup: Dedup { period: Span::from_hours(1), key: None },
        collect: vec![Collect { name: "keys".into(), field: KEY, how: CollectHow::Sample(10) }],
    }
}

/// How principals are chosen.
#[derive(Clone, Copy)]
pub enum Keys {
    Uniform,
    Zipf,
}

/// `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Input of the window bench.
pub struct Stream {
    random: Random,
    names: Vec<String>,
    /// Cumulated weights of the principals.
    cumulated: Vec<f64>,
    disorder_s: i64,
    now_ms: i64,
    number: u64,
}

impl Stream {
    pub fn new(principals: usize, keys: Keys, disorder_s: i64) -> Self {
        let weight = |rank: usize| match keys {
            Keys::Uniform => 1.0,
            Keys::Zipf => 1.0 / (rank as f64 + 1.0).powf(1.1),
        };
        let mut sum = 0.0;
        let cumulated = (0..principals).map(|rank| {
            sum += weight(rank);
            sum
        });
        Self {
            random: Random(7),
            cumulated: cumulated.collect(),
            names: (0..principals)
                .map(|number| format!("arn:aws:iam::111111111111:user/person-{number}"))
                .collect(),
            disorder_s,
            now_ms: START_MS,
            number: 0,
        }
    }

    fn next(&mut self) -> (usize, i64, u64, u64) {
        // 1,000 events a second of event time.
        self.number += 1;
        self.now_ms += 1;
        let total = self.cumulated.last().copied().unwrap_or(1.0);
        let point = self.random.unit() * total;
        let who = self.cumulated.partition_point(|&sum| sum < point).min(self.names.len() - 1);
        let behind = (self.random.unit() * self.disorder_s as f64) as i64 * 1000;
        // Log-normal, as object sizes are: half below 100 KB, a few of many MB.
        let normal: f64 = (0..12).map(|_| self.random.unit()).sum::<f64>() - 6.0;
        let bytes = (11.5 + 2.0 * normal).exp() as u64;
        (who, (self.now_ms - behind) / 1000 * 1000, bytes, self.number)
    }
}

/// CPU time of this thread in nanoseconds, so that a busy machine tells the same ratios.
fn cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let spent = text.split_whitespace().next().and_then(|number| number.parse().ok());
    spent.expect("Linux tells a thread's CPU time")
}

/// What is measured.
#[derive(Clone, Copy)]
pub enum Counts {
    /// Two sums over ten minutes and a count over an hour.
    Sums,
    /// Different keys of a principal in an hour, of which each has many.
    Values,
}

impl Counts {
    fn rules(self) -> Vec<Rule> {
        let sum = || Measure::Sum(BYTES);
        let mib = 1 << 20;
        let ten = Span::from_minutes(10);
        let hour = Span::from_hours(1);
        match self {
            Counts::Sums => vec![
                rule(1, ten, sum(), vec![PRINCIPAL, BUCKET], &[50 * mib, 100 * mib, 1024 * mib]),
                rule(2, ten, sum(), vec![PRINCIPAL], &[500 * mib, 5 << 30]),
                rule(3, hour, Measure::Count, vec![PRINCIPAL], &[1000]),
            ],
            Counts::Values => {
                let values = Measure::Distinct { fields: vec![BYTES], sampled: 0 };
                vec![rule(1, hour, values, vec![PRINCIPAL], &[1000, 5000])]
            }
        }
    }
}

/// Events a CPU second through the engine, commits left out.
pub fn measure(counts: Counts, mut stream: Stream, events: usize) -> f64 {
    let mut engine = Engine::open(
        All::new(counts.rules()),
        Limits { cache_bytes: 2 << 30, ..Limits::default() },
        MemoryStore::default(),
    )
    .expect("an empty store opens");
    let mut findings = Vec::new();
    let mut spent_ns = 0;
    let mut changes = Changes::default();
    let mut batch = Vec::with_capacity(10_000);
    for round in 0..events / 10_000 {
        batch.clear();
        batch.extend((0..10_000).map(|_| stream.next()));
        let prepared: Vec<_> = batch
            .iter()
            .map(|&(who, time, bytes, number)| {
                (
                    event(&stream.names[who], time, bytes, number),
                    format!("{number:08x}-0000-4000-8000-00000000{:04x}", number >> 32),
                )
            })
            .collect();
        let start = cpu_ns();
        for (event, id) in &prepared {
            // The id is borrowed, as a decoder's would be.
            let event = Event { id: id.as_str().into(), ..event.clone() };
            engine.step(&event, &origin(), &mut findings).expect("memory does not fail");
            findings.clear();
        }
        spent_ns += cpu_ns() - start;
        changes.clear();
        engine.collect_changes(Position(round as i64 + 1), "bench", &mut changes);
        engine.committed(&changes, None).expect("memory does not fail");
    }
    events as f64 * 1e9 / spent_ns as f64
}

fn origin() -> Origin {
    Origin {
        partition: PartitionId(0),
        offset: Offset(0),
        record_time: None,
        wall: WallTime::from_millis(0),
    }
}

fn event(who: &str, time: i64, bytes: u64, number: u64) -> Event<'_> {
    Event {
        source: Source::CloudTrail,
        time: EventTime::from_millis(time),
        identity: Identity(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        shared_identity: None,
        id: "".into(),
        raw: b"{}",
        values: vec![
            Value::Text(who.into()),
            Value::Text("bucket-with-a-name".into()),
            Value::Number(Number::Unsigned(bytes)),
            Value::Text(["reports/2025/a.csv", "reports/2025/b.csv"][number as usize % 2].into()),
        ],
    }
}

/// What one event costs: the rules, and its share of a commit.
#[derive(Clone, Copy)]
pub struct Cost {
    pub step_ns: f64,
    pub commit_ns: f64,
}

/// Keeps nothing: what a disk costs is not the engine's. Right while the cache holds every group.
#[derive(Default)]
struct Discard;

impl Store for Discard {
    fn get(&self, _: &[u8], _: &mut dyn FnMut(&[u8])) -> Result<bool, StoreError> {
        Ok(false)
    }

    fn scan(&self, _: &[u8], _: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreError> {
        Ok(())
    }

    fn apply(&mut self, _: &Changes, _: Option<Position>) -> Result<(), StoreError> {
        Ok(())
    }

    fn changelog_position(&self) -> Result<Option<Position>, StoreError> {
        Ok(None)
    }
}

fn collect(name: &str, field: FieldId, how: CollectHow) -> Collect {
    Collect { name: name.into(), field, how }
}

/// The three window rules of the rule pack, as they group, sum and collect.
fn pack() -> Vec<Rule> {
    let mib = 1 << 20;
    let ten = Span::from_minutes(10);
    let seen = || {
        vec![
            collect("keys", KEY, CollectHow::Sample(10)),
            collect("addresses", ADDRESS, CollectHow::Set(10)),
            collect("agents", AGENT, CollectHow::Set(10)),
        ]
    };
    let mut with_buckets = seen();
    with_buckets.insert(0, collect("buckets", BUCKET, CollectHow::Set(10)));
    let mut with_bytes = with_buckets.clone();
    with_bytes.push(collect("bytes", BYTES, CollectHow::Sum));
    let by_bucket = vec![PRINCIPAL, BUCKET];
    let tiers = [50 * mib, 100 * mib, 1024 * mib];
    vec![
        Rule { collect: seen(), ..rule(1, ten, Measure::Sum(BYTES), by_bucket, &tiers) },
        Rule {
            collect: with_buckets,
            ..rule(2, ten, Measure::Sum(BYTES), vec![PRINCIPAL], &tiers)
        },
        Rule {
            collect: with_bytes,
            ..rule(3, Span::from_hours(1), Measure::Count, vec![PRINCIPAL], &[1001, 5000, 20_000])
        },
    ]
}

/// Nanoseconds of CPU for each event of the rule pack, commits of 5,000 events beside it.
pub fn measure_pack(mut stream: Stream, events: usize) -> Cost {
    const PER_COMMIT: usize = 5000;
    let limits = Limits { cache_bytes: 8 << 30, ..Limits::default() };
    let mut engine = Engine::open(All::new(pack()), limits, Discard).expect("an empty store");
    let (mut findings, mut changes) = (Vec::new(), Changes::default());
    let (mut step_ns, mut commit_ns) = (0, 0);
    for round in 0..events / PER_COMMIT {
        let prepared: Vec<_> = (0..PER_COMMIT)
            .map(|_| {
                let (who, time, bytes, number) = stream.next();
                let id = format!("{number:08x}-0000-4000-8000-00000000{:04x}", number >> 32);
                let key = format!("year=2025/month=01/part-{number:010}.parquet");
                let bucket = format!("company-data-{:03}", (who * 7 + number as usize % 3) % 200);
                let address = format!("198.51.{}.{}", who % 250, number % 2);
                let agent = format!("[aws-sdk-java/1.12.{} Linux/5.10 OpenJDK/17.0]", who % 8);
                (who, time, bytes, number, [id, key, bucket, address, agent])
            })
            .collect();
        let prepared: Vec<_> = prepared
            .iter()
            .map(|(who, time, bytes, number, [id, key, bucket, address, agent])| Event {
                id: id.as_str().into(),
                values: vec![
                    Value::Text(stream.names[*who].as_str().into()),
                    Value::Text(bucket.as_str().into()),
                    Value::Number(Number::Unsigned(*bytes)),
                    Value::Text(key.as_str().into()),
                    Value::Text(address.as_str().into()),
                    Value::Text(agent.as_str().into()),
                ],
                ..event("", *time, 0, *number)
            })
            .collect();
        let start = cpu_ns();
        for event in &prepared {
            engine.step(event, &origin(), &mut findings).expect("nothing is read");
            findings.clear();
        }
        let stepped = cpu_ns();
        changes.clear();
        engine.collect_changes(Position(round as i64 + 1), "bench", &mut changes);
        engine.committed(&changes, None).expect("nothing is written");
        step_ns += stepped - start;
        commit_ns += cpu_ns() - stepped;
    }
    let each = |spent: u64| spent as f64 / events as f64;
    Cost { step_ns: each(step_ns), commit_ns: each(commit_ns) }
}

/// Where a hot group's threshold lies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Threshold {
    /// Far above its sum.
    FarAbove,
    /// A little above its sum.
    JustAbove,
    /// Below its sum: an episode is open.
    Crossed,
}

/// One group with an event of one byte in every second.
pub struct HotGroup {
    engine: Engine<MemoryStore, All>,
    now_s: i64,
    number: u64,
}

/// More than the longest window and lateness.
const FILLED_S: i64 = 7200;
const MEASURED: i64 = 100;
/// Events for each reading of the clock.
const PER_READING: i64 = 1000;

impl HotGroup {
    pub fn new(window_s: i64, threshold: Threshold) -> Self {
        let sum = window_s.unsigned_abs();
        let gte = match threshold {
            Threshold::FarAbove => u64::MAX / 2,
            // Measuring adds events of no bytes, the sum stays.
            Threshold::JustAbove => sum + 1,
            Threshold::Crossed => 1,
        };
        let window = Span::from_secs(window_s);
        let rules = All::new(vec![Rule {
            dedup: Dedup { period: Span::from_hours(24), key: None },
            ..rule(1, window, Measure::Sum(BYTES), vec![PRINCIPAL], &[gte])
        }]);
        let limits = Limits { cache_bytes: 1 << 30, ..Limits::default() };
        let engine = Engine::open(rules, limits, MemoryStore::default()).expect("an empty store");
        let mut group = Self { engine, now_s: 0, number: 0 };
        for _ in 0..FILLED_S {
            group.now_s += 1;
            group.step(0, 1);
        }
        group
    }

    /// Nanoseconds for one event that lies so far behind the newest.
    pub fn cost_ns(mut self, behind_s: i64) -> f64 {
        let mut spent_ns = 0;
        for _ in 0..MEASURED {
            self.now_s += 1;
            self.step(0, 1);
            let start = cpu_ns();
            for _ in 0..PER_READING {
                self.step(behind_s, 0);
            }
            spent_ns += cpu_ns() - start;
        }
        spent_ns as f64 / (MEASURED * PER_READING) as f64
    }

    fn step(&mut self, behind_s: i64, bytes: u64) {
        self.number += 1;
        let time = START_MS + (self.now_s - behind_s) * 1000;
        let mut event = event("alice", time, bytes, self.number);
        event.id = "0b0e4c52-7b3a-4a65-9f1d-0c6f6a4f8b11".into();
        let mut findings = Vec::new();
        self.engine.step(&event, &origin(), &mut findings).expect("memory does not fail");
    }
}
