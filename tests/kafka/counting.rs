//! What the tests' workers compute: bytes by key, an alert each time another threshold is reached.
//!
//! A record is `id key bytes`. Everything is a function of the partition's prefix, so the expected
//! alerts are computed by [`expected`] without any of the code under test. Records that begin with
//! `!` cannot be read.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use tidegate::detect::{FindingKind, Origin};
use tidegate::event::{Refusal, RefusalReason};
use tidegate::rule::Level;
use tidegate::state::{Changes, MetaRow, Store, StoreError};
use tidegate::stream::{
    Outcomes, OwnedRecord, PendingAlert, Processor, Processors, RuleNumber, TaskId,
};
use tidegate::units::{EventTime, Position};

/// Bytes between two alerts of a key.
pub(crate) const THRESHOLD: u64 = 1000;
const META: &[u8] = b"\0meta";

/// The alerts (key, value) that a partition's records lead to.
pub(crate) fn expected(records: &[(i32, String, Vec<u8>)]) -> Vec<(String, String)> {
    let mut totals: BTreeMap<(i32, String), u64> = BTreeMap::new();
    let mut offsets: BTreeMap<i32, i64> = BTreeMap::new();
    let mut alerts = Vec::new();
    for (partition, key, value) in records {
        let offset = offsets.entry(*partition).or_default();
        let text = String::from_utf8_lossy(value);
        if let Some(bytes) = text.split(' ').nth(2).and_then(|bytes| bytes.parse::<u64>().ok()) {
            let total = totals.entry((*partition, key.clone())).or_default();
            let before = *total / THRESHOLD;
            *total += bytes;
            if *total / THRESHOLD > before {
                alerts.push((
                    format!("{key}-{}", *total / THRESHOLD),
                    format!("{partition}:{offset}:{total}"),
                ));
            }
        }
        *offset += 1;
    }
    alerts.sort();
    alerts
}

/// Counts bytes over a [`LogStore`].
pub(crate) struct Counting {
    store: LogStore,
    totals: BTreeMap<String, u64>,
    dirty: BTreeMap<String, u64>,
    meta: Option<MetaRow>,
    instance: String,
}

impl Processor for Counting {
    fn process(
        &mut self,
        record: &[u8],
        origin: &Origin,
        out: &mut Outcomes,
    ) -> Result<(), StoreError> {
        let text = String::from_utf8_lossy(record);
        let mut words = text.split(' ').skip(1);
        let (Some(key), Some(bytes)) = (words.next(), words.next().and_then(|b| b.parse().ok()))
        else {
            out.counts.malformed += 1;
            out.refused.push(Refusal {
                reason: RefusalReason::Line,
                index: None,
                line: None,
                detail: "three words are expected".to_owned(),
            });
            return Ok(());
        };
        let bytes: u64 = bytes;
        out.counts.matched += 1;
        let total = self.totals.entry(key.to_owned()).or_default();
        let before = *total / THRESHOLD;
        *total += bytes;
        self.dirty.insert(key.to_owned(), *total);
        if *total / THRESHOLD > before {
            let value = format!("{}:{}:{total}", origin.partition, origin.offset);
            out.alerts.push(PendingAlert {
                record: OwnedRecord {
                    key: Some(format!("{key}-{}", *total / THRESHOLD).into_bytes()),
                    value: Some(value.into_bytes()),
                    headers: vec![("ce_specversion".to_owned(), b"1.0".to_vec())],
                    time: None,
                },
                rule: RuleNumber(0),
                level: Level::High,
                kind: if before == 0 { FindingKind::Create } else { FindingKind::Escalate },
                event_time: EventTime::from_millis(0),
                record_time: origin.record_time,
            });
        }
        Ok(())
    }

    fn collect_changes(&mut self, next_input: Position, into: &mut Changes) {
        for (key, total) in &self.dirty {
            into.put(key.as_bytes(), |value| value.extend_from_slice(&total.to_be_bytes()));
        }
        let sequence = self.meta.as_ref().map_or(0, |meta| meta.sequence) + 1;
        into.put(META, |value| {
            value
                .extend_from_slice(format!("{next_input} {sequence} {}", self.instance).as_bytes());
        });
    }

    fn committed(
        &mut self,
        changes: &Changes,
        changelog: Option<Position>,
    ) -> Result<(), StoreError> {
        self.store.apply(changes, changelog)?;
        self.dirty.clear();
        self.meta = self.store.rows.get(META).and_then(|value| meta(value));
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

fn meta(value: &[u8]) -> Option<MetaRow> {
    let text = std::str::from_utf8(value).ok()?;
    let mut words = text.split(' ');
    Some(MetaRow {
        next_input: Position(words.next()?.parse().ok()?),
        watermark: None,
        rules: Vec::new(),
        learning: Vec::new(),
        sequence: words.next()?.parse().ok()?,
        instance: words.next()?.to_owned(),
    })
}

/// Makes [`Counting`] over stores in one folder.
pub(crate) struct CountingProcessors {
    pub(crate) dir: PathBuf,
    pub(crate) instance: String,
}

impl CountingProcessors {
    fn file(&self, task: TaskId) -> PathBuf {
        self.dir.join(format!("{}-{}.log", task.source.0, task.partition))
    }
}

impl Processors for CountingProcessors {
    type Store = LogStore;
    type Processor = Counting;

    fn open_store(&self, task: TaskId) -> Result<LogStore, StoreError> {
        LogStore::open(&self.file(task))
    }

    fn discard_store(&self, task: TaskId) -> Result<(), StoreError> {
        match fs::remove_file(self.file(task)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(disk(&error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn open(&self, _task: TaskId, store: LogStore) -> Result<Counting, StoreError> {
        let mut totals = BTreeMap::new();
        for (key, value) in &store.rows {
            if key != META {
                let value: [u8; 8] = value
                    .as_slice()
                    .try_into()
                    .map_err(|_| StoreError::Damaged("a total has eight bytes".to_owned()))?;
                totals.insert(String::from_utf8_lossy(key).into_owned(), u64::from_be_bytes(value));
            }
        }
        Ok(Counting {
            meta: store.rows.get(META).and_then(|value| meta(value)),
            store,
            totals,
            dirty: BTreeMap::new(),
            instance: self.instance.clone(),
        })
    }
}

/// Rows in memory and a log of batches on disk; a batch that was cut by a kill does not count.
pub(crate) struct LogStore {
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    position: Option<Position>,
    file: File,
}

impl LogStore {
    /// Opens or creates the log.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| disk(&error))?;
        }
        let mut bytes = Vec::new();
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .map_err(|error| disk(&error))?;
        file.read_to_end(&mut bytes).map_err(|error| disk(&error))?;
        let mut store = Self { rows: BTreeMap::new(), position: None, file };
        let mut whole = 0;
        let mut rest = bytes.as_slice();
        while let Some((batch, after)) = framed(rest) {
            store.replay(batch);
            whole += rest.len() - after.len();
            rest = after;
        }
        let whole = u64::try_from(whole).unwrap_or(0);
        store.file.set_len(whole).map_err(|error| disk(&error))?;
        Ok(store)
    }

    fn replay(&mut self, batch: &[u8]) {
        let Some((position, mut rest)) = batch.split_first_chunk::<8>() else { return };
        self.position = Some(Position(i64::from_be_bytes(*position)));
        while let Some((key, after)) = framed(rest) {
            let Some((kind, after)) = after.split_first() else { return };
            let Some((value, after)) = framed(after) else { return };
            match kind {
                0 => self.rows.remove(key),
                _ => self.rows.insert(key.to_vec(), value.to_vec()),
            };
            rest = after;
        }
    }
}

impl Store for LogStore {
    fn get(&self, key: &[u8], read: &mut dyn FnMut(&[u8])) -> Result<bool, StoreError> {
        let value = self.rows.get(key);
        if let Some(value) = value {
            read(value);
        }
        Ok(value.is_some())
    }

    fn scan(&self, prefix: &[u8], each: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreError> {
        for (key, value) in self.rows.range(prefix.to_vec()..) {
            if !key.starts_with(prefix) {
                break;
            }
            each(key, value);
        }
        Ok(())
    }

    fn apply(&mut self, changes: &Changes, changelog: Option<Position>) -> Result<(), StoreError> {
        let position = changelog.or(self.position).unwrap_or(Position(0));
        let mut batch = position.0.to_be_bytes().to_vec();
        for change in changes.iter() {
            frame(&mut batch, change.key);
            batch.push(u8::from(change.value.is_some()));
            frame(&mut batch, change.value.unwrap_or_default());
        }
        let mut framed = Vec::new();
        frame(&mut framed, &batch);
        self.file.write_all(&framed).map_err(|error| disk(&error))?;
        self.replay(&batch);
        Ok(())
    }

    fn changelog_position(&self) -> Result<Option<Position>, StoreError> {
        Ok(self.position)
    }
}

fn frame(into: &mut Vec<u8>, bytes: &[u8]) {
    into.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(0).to_be_bytes());
    into.extend_from_slice(bytes);
}

fn framed(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

fn disk(error: &std::io::Error) -> StoreError {
    StoreError::Disk(error.to_string())
}
