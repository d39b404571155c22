//! What `run` does with a record: decoder, engine and alert writer over RocksDB.

use super::cluster::TaskId;
use super::edition::{Edition, RuleNumber, RulesInForce};
use super::processing::{Outcomes, OwnedRecord, PendingAlert, Processor, Processors};
use super::progress::Counts;
use crate::alert::{Alert, visible};
use crate::detect::{Engine, Finding, FindingKind, Limits, Origin, Outcome};
use crate::event::{DecodeLimits, Decoder, Entry, Format};
use crate::rule::{Level, RuleIndex};
use crate::state::{Changes, MetaRow, RocksOptions, RocksShared, RocksStore, StoreError};
use crate::units::{EventTime, Position, Span};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Bytes of an event id in a log line.
const ID_SHOWN: usize = 64;

/// How one source is read.
#[derive(Debug, Clone)]
pub struct SourceLogic {
    /// Input topic, as alerts name it.
    pub topic: String,
    /// What its records hold.
    pub format: Format,
    /// Bounds of the decoder.
    pub decode: DecodeLimits,
    /// Lateness, skew, horizon and the memory of one partition.
    pub limits: Limits,
}

/// Which findings leave.
#[derive(Debug, Clone, Copy)]
pub struct Emission {
    /// Lower ones are counted as suppressed.
    pub min_level: Level,
    /// Whether an Escalate is written, or Create alone.
    pub escalates: bool,
}

impl Emission {
    /// As what a finding is written, if it is: the first record of a finding that a reader gets is
    /// its Create, also when records below `min_level` came before it.
    fn kind_of(self, finding: &Finding) -> Option<FindingKind> {
        self.kind(finding.level, finding.kind, finding.previous_level)
    }

    fn kind(self, level: Level, kind: FindingKind, previous: Option<Level>) -> Option<FindingKind> {
        if level < self.min_level {
            return None;
        }
        let is_first = previous.is_none_or(|previous| previous < self.min_level);
        match kind {
            FindingKind::Escalate if is_first => Some(FindingKind::Create),
            FindingKind::Escalate => self.escalates.then_some(FindingKind::Escalate),
            FindingKind::Create => Some(FindingKind::Create),
        }
    }
}

/// Makes the processors of a process and the stores under them.
pub struct RuleProcessors {
    /// The rules, which may be replaced.
    pub rules: Arc<RulesInForce>,
    /// By [`TaskId`]'s source.
    pub sources: Vec<SourceLogic>,
    /// What is emitted.
    pub emission: Emission,
    /// `app.instance`, for the meta row.
    pub instance: String,
    /// Folder of the stores; one folder `<topic>-<partition>` for each.
    pub dir: PathBuf,
    /// Caches of all stores.
    pub shared: RocksShared,
    /// How the stores write.
    pub options: RocksOptions,
}

/// One partition's logic.
pub struct RuleProcessor {
    decoder: Decoder,
    work: Work,
}

/// Everything but the decoder, which is busy while its entries are worked on.
struct Work {
    edition: Arc<Edition>,
    engine: Engine<RocksStore>,
    emission: Emission,
    topic: String,
    instance: String,
    findings: Vec<Finding>,
}

impl RuleProcessors {
    fn path(&self, task: TaskId) -> PathBuf {
        let topic = self.sources.get(task.source.0).map_or("", |source| source.topic.as_str());
        self.dir.join(format!("{topic}-{}", task.partition))
    }
}

impl Processors for RuleProcessors {
    type Store = RocksStore;
    type Processor = RuleProcessor;

    fn open_store(&self, task: TaskId) -> Result<RocksStore, StoreError> {
        RocksStore::open(&self.path(task), &self.shared, self.options)
    }

    fn discard_store(&self, task: TaskId) -> Result<(), StoreError> {
        let path = self.path(task);
        let mut aside = path.clone().into_os_string();
        aside.push(".aside");
        let failed =
            |error: std::io::Error| StoreError::Disk(format!("{}: {error}", path.display()));
        // One copy is kept for whoever wants to know what happened.
        for result in [std::fs::remove_dir_all(&aside), std::fs::rename(&path, &aside)] {
            match result {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(failed(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn open(&self, task: TaskId, store: RocksStore) -> Result<RuleProcessor, StoreError> {
        let Some(source) = self.sources.get(task.source.0) else {
            return Err(StoreError::Disk(format!("source {} is not configured", task.source.0)));
        };
        let edition = self.rules.newest();
        let engine = Engine::open(Arc::clone(&edition.rules), source.limits, store)?;
        Ok(RuleProcessor {
            decoder: Decoder::new(edition.rules.fields(), source.format, source.decode),
            work: Work {
                edition,
                engine,
                emission: self.emission,
                topic: source.topic.clone(),
                instance: self.instance.clone(),
                findings: Vec::new(),
            },
        })
    }

    fn is_stale(&self, processor: &RuleProcessor) -> bool {
        processor.work.edition.number != self.rules.number()
    }

    fn renew(&self, task: TaskId, processor: RuleProcessor) -> Result<RuleProcessor, StoreError> {
        self.open(task, processor.work.engine.into_store())
    }
}

impl Processor for RuleProcessor {
    fn process(
        &mut self,
        record: &[u8],
        origin: &Origin,
        out: &mut Outcomes,
    ) -> Result<(), StoreError> {
        let work = &mut self.work;
        self.decoder.decode(record, |entry| {
            match entry {
                Entry::Event(event) => {
                    let outcome = work.engine.step(event, origin, &mut work.findings)?;
                    match outcome {
                        Outcome::Matched => out.counts.matched += 1,
                        Outcome::Ignored => out.counts.ignored += 1,
                        Outcome::Late => {
                            out.counts.late += 1;
                            let age = work.engine.watermark().map(|now| now.since(event.time));
                            tracing::debug!(
                                partition = origin.partition.0,
                                offset = origin.offset.0,
                                id = %visible(&event.id, ID_SHOWN),
                                age_ms = age.map_or(0, Span::as_millis),
                                "late event"
                            );
                        }
                        Outcome::Duplicate => out.counts.duplicate += 1,
                    }
                    if !work.findings.is_empty() {
                        work.write_alerts(origin, out);
                    }
                }
                Entry::Skipped(skip) => *out.counts.skipped.entry(skip).or_default() += 1,
                Entry::Refused(refusal) => out.refused.push(refusal),
            }
            Ok(())
        })
    }

    fn collect_changes(&mut self, next_input: Position, into: &mut Changes) {
        self.work.engine.collect_changes(next_input, &self.work.instance, into);
    }

    fn take_counts(&mut self, into: &mut Counts) {
        let counts = self.work.engine.take_counts();
        into.future += counts.future;
        into.bad_amount += counts.bad_amounts;
        into.bad_policy += self.decoder.take_bad_policies();
        into.expired_groups += counts.expired_groups;
        let edition = &self.work.edition;
        add_by_rule(edition, &mut into.rule_matches, &counts.matches);
        add_by_rule(edition, &mut into.suppressed, &counts.suppressed);
    }

    fn committed(
        &mut self,
        changes: &Changes,
        changelog: Option<Position>,
    ) -> Result<(), StoreError> {
        self.work.engine.committed(changes, changelog)
    }

    fn meta(&self) -> Option<&MetaRow> {
        self.work.engine.meta()
    }

    fn watermark(&self) -> Option<EventTime> {
        self.work.engine.watermark()
    }

    fn windows(&self) -> usize {
        self.work.engine.groups()
    }

    fn dirty_bytes(&self) -> usize {
        self.work.engine.dirty_bytes()
    }
}

impl Work {
    /// `origin`: of the record that made the findings; where a window has closed it is another than the
    /// trigger's.
    fn write_alerts(&mut self, origin: &Origin, out: &mut Outcomes) {
        for mut finding in self.findings.drain(..) {
            let Some(kind) = self.emission.kind_of(&finding) else {
                let rule = self.edition.number_of(finding.rule);
                *out.counts.suppressed.entry(rule).or_default() += 1;
                continue;
            };
            if kind == FindingKind::Create {
                finding.previous_level = None;
            }
            finding.kind = kind;
            let alert = self.edition.writer.write(&finding, &self.topic);
            let rule = self.edition.number_of(finding.rule);
            out.alerts.push(pending(rule, &finding, origin, alert));
        }
    }
}

fn add_by_rule(edition: &Edition, into: &mut BTreeMap<RuleNumber, u64>, counts: &[u64]) {
    for (rule, count) in (0..).map(RuleIndex).zip(counts) {
        if *count > 0 {
            *into.entry(edition.number_of(rule)).or_default() += count;
        }
    }
}

fn pending(rule: RuleNumber, finding: &Finding, origin: &Origin, alert: Alert) -> PendingAlert {
    let headers = alert.headers.into_iter();
    PendingAlert {
        record: OwnedRecord {
            key: Some(alert.key.into_bytes()),
            value: Some(alert.value),
            headers: headers.map(|(name, value)| (name.to_owned(), value.into_bytes())).collect(),
            time: Some(alert.time),
        },
        rule,
        level: finding.level,
        kind: finding.kind,
        event_time: finding.last_seen,
        record_time: origin.record_time,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use FindingKind::{Create, Escalate};
    use Level::{High, Low, Medium};

    fn from(min_level: Level, escalates: bool) -> Emission {
        Emission { min_level, escalates }
    }

    #[test]
    fn what_is_below_the_least_severity_does_not_leave() {
        assert_eq!(from(Medium, true).kind(Low, Create, None), None);
        assert_eq!(from(High, true).kind(Medium, Escalate, Some(Low)), None);
    }

    #[test]
    fn the_first_record_that_leaves_is_a_create_whatever_came_before_it() {
        assert_eq!(from(Medium, true).kind(Medium, Escalate, Some(Low)), Some(Create));
        assert_eq!(from(Medium, false).kind(High, Escalate, Some(Low)), Some(Create));
    }

    #[test]
    fn an_escalation_of_what_has_left_stays_one_if_those_are_wanted() {
        assert_eq!(from(Medium, true).kind(High, Escalate, Some(Medium)), Some(Escalate));
        assert_eq!(from(Medium, false).kind(High, Escalate, Some(Medium)), None);
    }
}
