//! The whole pipeline without Kafka, for tests of behaviour: records in, findings and alerts out.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use tidegate::alert::{self, Writer};
use tidegate::detect::{Engine, Finding, FindingKind, Limits, Origin, Outcome};
use tidegate::event::{DecodeLimits, Decoder, Entry, Format};
use tidegate::generate::{Organization, Sighting};
use tidegate::rule::{self, ListValues, LoadOptions, Place, RuleSet, Tune};
use tidegate::state::{Changes, MemoryStore, Store};
use tidegate::units::{Offset, PartitionId, Position, RecordTime, Span, WallTime};

/// What alerts of these tests name as the topic that their trigger came from.
pub(crate) const SOURCE_TOPIC: &str = "scan";

/// What a generous deployment would use.
pub(crate) fn limits() -> Limits {
    Limits {
        allowed_lateness: Span::from_hours(1),
        max_future_skew: Span::from_minutes(5),
        duplicate_horizon: None,
        cache_bytes: 64 << 20,
        ..Limits::default()
    }
}

/// Room for one delivery file.
pub(crate) fn decode_limits() -> DecodeLimits {
    DecodeLimits { max_record_bytes: 8 << 20, max_inflated_bytes: 64 << 20 }
}

/// The shipped rules but those in `disable`, as a scan loads them.
pub(crate) fn shipped_rules(disable: &[&str]) -> Arc<RuleSet> {
    let options = LoadOptions {
        disable: disable.iter().map(ToString::to_string).collect(),
        ..LoadOptions::default()
    };
    let loaded = rule::load(&rule::builtin(), &options);
    Arc::new(loaded.rules.expect("the shipped rules load"))
}

/// The shipped rules for a deployment of one account, those in `on` switched on.
pub(crate) fn pack_of(account: &str, on: &[String]) -> Arc<RuleSet> {
    let place = || Place { file: "test".into(), line: 0, column: 0 };
    let accounts = ListValues {
        name: "our_accounts".into(),
        kind: None,
        values: vec![account.to_owned()],
        places: Vec::new(),
        required: false,
        empty: None,
        place: place(),
    };
    let on = on.iter().map(|name| Tune { enabled: Some(true), ..Tune::new(name, place()) });
    let options = LoadOptions {
        lists: vec![accounts],
        tune: on.collect(),
        deny_warnings: true,
        ..LoadOptions::default()
    };
    let loaded = rule::load(&rule::builtin(), &options);
    Arc::new(loaded.rules.unwrap_or_else(|| panic!("{:#?}", loaded.problems)))
}

/// The same with every rule, those that ship switched off too: whoever has tests can alert.
pub(crate) fn whole_pack(account: &str) -> Arc<RuleSet> {
    let (tests, _) = rule::tests::of(&rule::builtin());
    let mut names: Vec<String> = tests.into_iter().map(|test| test.rule).collect();
    names.dedup();
    pack_of(account, &names)
}

/// The names of the rules that match a record of one event.
pub(crate) fn matching(rules: &RuleSet, record: &[u8]) -> Vec<String> {
    let mut decoder = Decoder::new(rules.fields(), Format::Auto, decode_limits());
    let (mut found, mut matched, mut events) = (Vec::new(), Vec::new(), 0);
    let done: Result<(), Infallible> = decoder.decode(record, |entry| {
        let Entry::Event(event) = entry else { panic!("{entry:?}") };
        events += 1;
        rules.matching(event, &mut matched);
        found.extend(matched.iter().map(|one| rules.rule(one.rule).text.name.clone()));
        Ok(())
    });
    let Ok(()) = done;
    assert_eq!(events, 1, "{}", String::from_utf8_lossy(record));
    found
}

/// An alert writer of an ordinary deployment.
pub(crate) fn writer(rules: &Arc<RuleSet>) -> Writer {
    Writer::new(alert::Settings::default(), Arc::<RuleSet>::clone(rules))
}

/// One record as Kafka would hand it over.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) time: Option<RecordTime>,
    pub(crate) value: String,
}

/// Everything that an organization sends, in arrival order.
pub(crate) fn records(organization: &Organization) -> Vec<Record> {
    let (mut key, mut value) = (String::new(), String::new());
    let mut records = Vec::with_capacity(organization.len());
    for place in 0..organization.len() {
        assert!(organization.write(place, &mut key, &mut value), "every place holds an event");
        let arrival = organization.arrival(place).expect("every place holds an event");
        let time = Some(RecordTime::from_millis(arrival.as_millis()));
        records.push(Record { time, value: value.clone() });
    }
    records
}

/// Decoder and engine over one partition.
pub(crate) struct Pipeline<S> {
    decoder: Decoder,
    engine: Engine<S>,
    limits: Limits,
    /// How far our clock is behind event time, in milliseconds.
    pub(crate) wall_shift_ms: i64,
    pub(crate) rules: Arc<RuleSet>,
    pub(crate) findings: Vec<Finding>,
    /// What became of each event, in order.
    pub(crate) outcomes: Vec<Outcome>,
    changes: Changes,
    /// Number of the next record.
    next: usize,
    /// Record, findings and outcomes at the last commit.
    committed: (usize, usize, usize),
}

impl Pipeline<MemoryStore> {
    /// A pipeline in memory.
    pub(crate) fn new(rules: Arc<RuleSet>) -> Self {
        Self::open(rules, limits(), MemoryStore::default())
    }
}

impl<S: Store> Pipeline<S> {
    /// A pipeline that goes on from what `store` holds, which is nothing when it is new.
    pub(crate) fn open(rules: Arc<RuleSet>, limits: Limits, store: S) -> Self {
        Self {
            decoder: Decoder::new(rules.fields(), Format::Auto, decode_limits()),
            engine: Engine::open(Arc::clone(&rules), limits, store).expect("the store opens"),
            limits,
            wall_shift_ms: 0,
            rules,
            findings: Vec::new(),
            outcomes: Vec::new(),
            changes: Changes::default(),
            next: 0,
            committed: (0, 0, 0),
        }
    }

    /// Takes one record; our clock shows the time of its event, so that alerts are repeatable.
    pub(crate) fn take(&mut self, record: &[u8], record_time: Option<RecordTime>) {
        let offset = Offset(i64::try_from(self.next).expect("few records"));
        self.next += 1;
        let (engine, findings, outcomes) =
            (&mut self.engine, &mut self.findings, &mut self.outcomes);
        let wall_shift_ms = self.wall_shift_ms;
        let done: Result<(), Infallible> = self.decoder.decode(record, |entry| {
            match entry {
                Entry::Event(event) => {
                    let wall = WallTime::from_millis(event.time.as_millis() + wall_shift_ms);
                    let partition = PartitionId(0);
                    let origin = Origin { partition, offset, record_time, wall };
                    outcomes.push(engine.step(event, &origin, findings).expect("rows are read"));
                }
                Entry::Skipped(_) => {}
                Entry::Refused(refusal) => panic!("refused: {refusal:?}"),
            }
            Ok(())
        });
        let Ok(()) = done;
    }

    /// Does what a commit does: dirty and expired rows go to the store.
    pub(crate) fn commit(&mut self) {
        let next = Position(i64::try_from(self.next).expect("few records"));
        self.changes.clear();
        self.engine.collect_changes(next, "test", &mut self.changes);
        self.engine.committed(&self.changes, None).expect("rows are written");
        self.committed = (self.next, self.findings.len(), self.outcomes.len());
    }

    /// Does what a crash does: everything since the last commit is gone, and `reopen` gives the rows
    /// back. The next record to take is that of [`Self::next`].
    pub(crate) fn crash(self, reopen: impl FnOnce(S) -> S) -> Self {
        let (next, findings_len, outcomes_len) = self.committed;
        let Self { engine, limits, wall_shift_ms, rules, mut findings, mut outcomes, .. } = self;
        findings.truncate(findings_len);
        outcomes.truncate(outcomes_len);
        let again = Self::open(rules, limits, reopen(engine.into_store()));
        let told = again.engine.meta().map_or(0, |meta| meta.next_input.0);
        assert_eq!(usize::try_from(told), Ok(next), "the meta row names the next record");
        Self { wall_shift_ms, findings, outcomes, next, committed: self.committed, ..again }
    }

    /// Does what a restart with other rules does, right after a commit.
    pub(crate) fn with_rules(self, rules: Arc<RuleSet>) -> Self {
        assert_eq!(self.committed.0, self.next, "everything is committed");
        let Self { engine, limits, wall_shift_ms, next, committed, .. } = self;
        let again = Self::open(rules, limits, engine.into_store());
        Self { wall_shift_ms, next, committed: (committed.0, 0, 0), ..again }
    }

    /// Number of the next record to take.
    pub(crate) fn next(&self) -> usize {
        self.next
    }

    /// The findings as alerts.
    pub(crate) fn alerts(&self) -> Vec<alert::Alert> {
        let writer = writer(&self.rules);
        self.findings.iter().map(|finding| writer.write(finding, SOURCE_TOPIC)).collect()
    }

    /// All records of each finding taken together.
    pub(crate) fn sightings(&self) -> Vec<Sighting> {
        let mut found = BTreeMap::<_, Sighting>::new();
        for finding in &self.findings {
            let rule = self.rules.rule(finding.rule);
            let key = (finding.rule.0, finding.dedup_key.clone(), finding.opened.as_millis());
            let sighting = found.entry(key).or_insert_with(|| {
                assert_eq!(finding.kind, FindingKind::Create, "an episode begins with Create");
                Sighting {
                    rule: rule.text.name.clone(),
                    group: finding.group.clone(),
                    level: finding.level,
                    opened: finding.opened,
                }
            });
            sighting.level = sighting.level.max(finding.level);
        }
        found.into_values().collect()
    }
}
