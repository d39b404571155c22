//! What the workers compute here: totals by key that alert at each multiple of a threshold, with rows
//! that are deleted again; and the truth about it.

use super::disk::{Disks, Kill, SimStore};
use crate::detect::{FindingKind, Origin};
use crate::rule::Level;
use crate::state::{Changes, MetaRow, Store, StoreError};
use crate::stream::cluster::TaskId;
use crate::stream::edition::RuleNumber;
use crate::stream::processing::{Outcomes, OwnedRecord, PendingAlert, Processor, Processors};
use crate::units::{EventTime, Position};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Units between two alerts of a key.
const THRESHOLD: u64 = 10;
const META: &[u8] = b"\0meta";

/// A record: its key, and what it adds; nothing forgets the key.
pub(super) fn record(key: u64, adds: u64) -> Vec<u8> {
    format!("k{key} {adds}").into_bytes()
}

fn read(record: &[u8]) -> Option<(&str, u64)> {
    let (key, adds) = std::str::from_utf8(record).ok()?.split_once(' ')?;
    Some((key, adds.parse().ok()?))
}

/// Totals after a record, and the alert that it leads to.
fn step(
    totals: &mut BTreeMap<String, u64>,
    record: &[u8],
    place: (i32, i64),
) -> Option<(String, String)> {
    let (key, adds) = read(record)?;
    if adds == 0 {
        totals.remove(key);
        return None;
    }
    let total = totals.entry(key.to_owned()).or_default();
    let before = *total / THRESHOLD;
    *total += adds;
    let (partition, offset) = place;
    (*total / THRESHOLD > before).then(|| (key.to_owned(), format!("{partition}:{offset}:{total}")))
}

/// The alerts of a partition's records in their order, and its totals in the end.
pub(super) fn truth(
    partition: i32,
    records: &[(i64, Vec<u8>)],
) -> (Vec<(String, String)>, BTreeMap<String, u64>) {
    let mut totals = BTreeMap::new();
    let alerts = records
        .iter()
        .filter_map(|(offset, record)| step(&mut totals, record, (partition, *offset)));
    let alerts = alerts.collect();
    (alerts, totals)
}

/// The totals that rows of a store or changelog say, and the input position that they stand for.
pub(super) fn of_rows(rows: &BTreeMap<Vec<u8>, Vec<u8>>) -> (BTreeMap<String, u64>, Option<i64>) {
    let totals = rows.iter().filter(|(key, _)| *key != META).filter_map(|(key, value)| {
        let total = u64::from_be_bytes(value.as_slice().try_into().ok()?);
        Some((String::from_utf8_lossy(key).into_owned(), total))
    });
    let meta = rows.get(META).and_then(|value| meta_of(value));
    (totals.collect(), meta.map(|meta| meta.next_input.0))
}

fn meta_of(value: &[u8]) -> Option<MetaRow> {
    let (next, sequence) = std::str::from_utf8(value).ok()?.split_once(' ')?;
    Some(MetaRow {
        next_input: Position(next.parse().ok()?),
        watermark: None,
        rules: Vec::new(),
        learning: Vec::new(),
        sequence: sequence.parse().ok()?,
        instance: "sim".to_owned(),
    })
}

pub(super) struct Counting {
    store: SimStore,
    totals: BTreeMap<String, u64>,
    dirty: BTreeMap<String, Option<u64>>,
    meta: Option<MetaRow>,
    /// Of the rules; it counts the same under all of them.
    edition: u64,
}

impl Processor for Counting {
    fn process(
        &mut self,
        record: &[u8],
        origin: &Origin,
        out: &mut Outcomes,
    ) -> Result<(), StoreError> {
        let alert = step(&mut self.totals, record, (origin.partition.0, origin.offset.0));
        if let Some((key, _)) = read(record) {
            self.dirty.insert(key.to_owned(), self.totals.get(key).copied());
        }
        out.counts.matched += 1;
        if let Some((key, value)) = alert {
            out.alerts.push(PendingAlert {
                record: OwnedRecord {
                    key: Some(key.into_bytes()),
                    value: Some(value.into_bytes()),
                    headers: Vec::new(),
                    time: None,
                },
                rule: RuleNumber(0),
                level: Level::High,
                kind: FindingKind::Create,
                event_time: EventTime::from_millis(0),
                record_time: origin.record_time,
            });
        }
        Ok(())
    }

    fn collect_changes(&mut self, next_input: Position, into: &mut Changes) {
        for (key, total) in &self.dirty {
            match total {
                Some(total) => {
                    into.put(key.as_bytes(), |value| {
                        value.extend_from_slice(&total.to_be_bytes());
                    });
                }
                None => into.delete(key.as_bytes()),
            }
        }
        let sequence = self.meta.as_ref().map_or(0, |meta| meta.sequence) + 1;
        into.put(META, |value| value.extend(format!("{next_input} {sequence}").bytes()));
    }

    fn committed(
        &mut self,
        changes: &Changes,
        changelog: Option<Position>,
    ) -> Result<(), StoreError> {
        self.store.apply(changes, changelog)?;
        self.dirty.clear();
        let mut meta = None;
        self.store.get(META, &mut |value| meta = meta_of(value))?;
        self.meta = meta;
        Ok(())
    }

    fn meta(&self) -> Option<&MetaRow> {
        self.meta.as_ref()
    }

    fn watermark(&self) -> Option<EventTime> {
        None
    }

    fn windows(&self) -> usize {
        self.totals.len()
    }

    fn dirty_bytes(&self) -> usize {
        self.dirty.len() * 64
    }
}

/// Makes the processors of one process.
pub(super) struct CountingProcessors {
    pub(super) process: usize,
    pub(super) disks: Disks,
    pub(super) kill: Arc<Kill>,
    /// Of the rules, replaced now and then.
    pub(super) edition: Arc<std::sync::atomic::AtomicU64>,
}

impl CountingProcessors {
    fn newest(&self) -> u64 {
        self.edition.load(std::sync::atomic::Ordering::Relaxed)
    }
}

impl Processors for CountingProcessors {
    type Store = SimStore;
    type Processor = Counting;

    fn open_store(&self, task: TaskId) -> Result<SimStore, StoreError> {
        self.disks.open((self.process, task), &self.kill)
    }

    fn discard_store(&self, task: TaskId) -> Result<(), StoreError> {
        self.kill.at("before", "discard_store");
        self.disks.remove((self.process, task));
        self.kill.at("after", "discard_store");
        Ok(())
    }

    fn open(&self, _task: TaskId, store: SimStore) -> Result<Counting, StoreError> {
        let mut rows = BTreeMap::new();
        store.scan(&[], &mut |key, value| drop(rows.insert(key.to_vec(), value.to_vec())))?;
        let (totals, _) = of_rows(&rows);
        let meta = rows.get(META).and_then(|value| meta_of(value));
        Ok(Counting { store, totals, dirty: BTreeMap::new(), meta, edition: self.newest() })
    }

    fn is_stale(&self, processor: &Counting) -> bool {
        processor.edition != self.newest()
    }

    fn renew(&self, task: TaskId, processor: Counting) -> Result<Counting, StoreError> {
        self.open(task, processor.store)
    }
}
