//! Reads inputs one after the other through decoder, engine and alert writer.

use super::chunks::{Chunk, Chunks};
use super::inputs::Input;
use super::reader::{ReadBytes, open_input};
use super::summary::{Summary, Unreadable};
use crate::alert::{Alert, Writer};
use crate::detect::{Engine, Finding, Limits, Origin};
use crate::event::{
    DecodeLimits, Decoder, Entry, Event, FieldSet, Format, Refusal, RefusalReason, Skip,
};
use crate::rule::RuleSet;
use crate::state::{Changes, MemoryStore, Store};
use crate::units::{EventTime, Offset, PartitionId, Position, WallTime};
use std::io::{self, BufRead};
use std::sync::Arc;

/// What stamps an alert (alerts.md §9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The time of the event that triggered it: the same input gives the same bytes.
    Event,
    /// A fixed reading of our clock.
    Wall(WallTime),
}

/// How to scan.
#[derive(Debug, Clone, Copy)]
pub struct ScanOptions {
    /// Bounds of one record; a delivery file is one record.
    pub decode: DecodeLimits,
    /// Bounds of time and memory.
    pub detect: Limits,
    /// What stamps alerts.
    pub clock: Clock,
    /// Events before are passed over.
    pub from: Option<EventTime>,
    /// Events at or after are passed over.
    pub to: Option<EventTime>,
}

/// An alert and the finding behind it.
#[derive(Debug)]
pub struct Found<'a> {
    /// What the engine said.
    pub finding: &'a Finding,
    /// What `run` would write to the alerts topic.
    pub alert: Alert,
}

/// Why a scan cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The engine failed. With rows in memory this is a fault of tidegate, else the disk's.
    #[error("the engine cannot go on")]
    Engine(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Nobody takes the alerts any more.
    #[error("an alert cannot be written")]
    Output(#[source] io::Error),
}

/// Rows that may wait in the cache before they are moved to the store.
const MAX_DIRTY_BYTES: usize = 32 << 20;
/// What alerts name as their topic.
const SOURCE_TOPIC: &str = "scan";

/// One scan over any number of inputs.
pub struct Scanner<S = MemoryStore> {
    decoder: Decoder,
    work: Work<S>,
}

/// Everything but the decoder, which is busy while entries are worked on.
struct Work<S> {
    rules: Arc<RuleSet>,
    engine: Engine<S>,
    writer: Writer,
    options: ScanOptions,
    summary: Summary,
    findings: Vec<Finding>,
    changes: Changes,
    /// Number of the next event over all inputs.
    next: i64,
}

impl Scanner {
    /// Prepares a scan with an empty state.
    ///
    /// # Errors
    /// The engine does not open.
    pub fn new(
        rules: Arc<RuleSet>,
        writer: Writer,
        options: ScanOptions,
    ) -> Result<Self, ScanError> {
        Self::over(MemoryStore::default(), rules, writer, options)
    }
}

impl<S: Store> Scanner<S> {
    /// Prepares a scan that goes on from what `store` holds.
    ///
    /// # Errors
    /// The engine does not open.
    pub fn over(
        store: S,
        rules: Arc<RuleSet>,
        writer: Writer,
        options: ScanOptions,
    ) -> Result<Self, ScanError> {
        let decoder = Decoder::new(rules.fields(), Format::Auto, options.decode);
        let engine = Engine::open(Arc::clone(&rules), options.detect, store)
            .map_err(|error| ScanError::Engine(error.into()))?;
        let next = engine.meta().map_or(0, |meta| meta.next_input.0);
        let (summary, findings, changes) = Default::default();
        let work = Work { rules, engine, writer, options, summary, findings, changes, next };
        Ok(Self { decoder, work })
    }

    /// Reads one input to its end and gives each alert to `found` as soon as it fires.
    ///
    /// What cannot be read is noted in the summary and is no error.
    ///
    /// # Errors
    /// `found` failed, or the engine.
    pub fn read(
        &mut self,
        input: &Input,
        taken: &ReadBytes,
        found: &mut dyn FnMut(Found<'_>) -> io::Result<()>,
    ) -> Result<(), ScanError> {
        let name = input.name();
        self.work.summary.files += 1;
        let (events, refusals) = (self.work.summary.events(), self.work.summary.refusals());
        let reader = match open_input(input, taken) {
            Ok(reader) => reader,
            Err(error) => {
                self.work.summary.note_unreadable(name, &error);
                return Ok(());
            }
        };
        let mut chunks = Chunks::new(reader, self.work.options.decode.max_record_bytes);
        loop {
            match chunks.next_chunk() {
                Ok(Some(chunk)) => self.read_chunk(input, &name, &chunk, found)?,
                Ok(None) => break,
                Err(error) => {
                    self.work.summary.note_unreadable(name, &error);
                    return Ok(());
                }
            }
        }
        let summary = &self.work.summary;
        if summary.events() == events && summary.refusals() > refusals {
            let why = "nothing in it can be read as a log".to_owned();
            self.work.summary.unreadable.push(Unreadable { path: name, why });
        }
        Ok(())
    }

    /// Reads one record that is in memory; `name` is what the summary calls its place.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_record(
        &mut self,
        name: &str,
        record: &[u8],
        found: &mut dyn FnMut(Found<'_>) -> io::Result<()>,
    ) -> Result<(), ScanError> {
        let input = Input { path: None, stamp: None, bytes: 0 };
        self.read_chunk(&input, name, &Chunk::Record { bytes: record, line: 1 }, found)
    }

    fn read_chunk(
        &mut self,
        input: &Input,
        name: &str,
        chunk: &Chunk<'_>,
        found: &mut dyn FnMut(Found<'_>) -> io::Result<()>,
    ) -> Result<(), ScanError> {
        let work = &mut self.work;
        match *chunk {
            Chunk::TooLarge { line } => {
                work.summary.note_refusal(
                    name,
                    line,
                    too_large(work.options.decode.max_record_bytes),
                );
                Ok(())
            }
            Chunk::Record { bytes, .. } if bytes.trim_ascii().is_empty() => {
                *work.summary.skipped.entry(Skip::Blank).or_default() += 1;
                Ok(())
            }
            Chunk::Record { bytes, line } => {
                work.summary.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                self.decoder.decode(bytes, |entry| match entry {
                    Entry::Event(event) => work.step(input, event, found),
                    Entry::Skipped(skip) => {
                        *work.summary.skipped.entry(skip).or_default() += 1;
                        Ok(())
                    }
                    Entry::Refused(refusal) => {
                        work.summary.note_refusal(name, line, refusal);
                        Ok(())
                    }
                })
            }
        }
    }

    /// What was counted so far.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.work.summary
    }

    /// What was counted so far; the caller may add what it could not open.
    pub fn summary_mut(&mut self) -> &mut Summary {
        &mut self.work.summary
    }

    /// Ends the scan and gives its state back, for one that goes on from it.
    ///
    /// # Errors
    /// The engine failed.
    pub fn into_state(mut self) -> Result<S, ScanError> {
        self.work.move_rows_to_store()?;
        Ok(self.work.engine.into_store())
    }

    /// What was counted.
    #[must_use]
    pub fn finish(self) -> Summary {
        self.work.summary
    }
}

impl<S: Store> Work<S> {
    fn step(
        &mut self,
        input: &Input,
        event: &Event<'_>,
        found: &mut dyn FnMut(Found<'_>) -> io::Result<()>,
    ) -> Result<(), ScanError> {
        if self.options.from.is_some_and(|from| event.time < from)
            || self.options.to.is_some_and(|to| event.time >= to)
        {
            self.summary.outside += 1;
            return Ok(());
        }
        let origin = Origin {
            partition: PartitionId(0),
            offset: Offset(self.next),
            record_time: input.stamp,
            wall: match self.options.clock {
                Clock::Event => WallTime::from_millis(event.time.as_millis()),
                Clock::Wall(now) => now,
            },
        };
        self.next += 1;
        self.findings.clear();
        let outcome = self
            .engine
            .step(event, &origin, &mut self.findings)
            .map_err(|error| ScanError::Engine(error.into()))?;
        *self.summary.outcomes.entry(outcome).or_default() += 1;
        self.summary.waiting = self.engine.waiting() as u64;
        for finding in &self.findings {
            let name = self.rules.rule(finding.rule).text.name.clone();
            *self.summary.alerts.entry((name, finding.level)).or_default() += 1;
            let alert = self.writer.write(finding, SOURCE_TOPIC);
            found(Found { finding, alert }).map_err(ScanError::Output)?;
        }
        if self.engine.dirty_bytes() > MAX_DIRTY_BYTES {
            self.move_rows_to_store()?;
        }
        Ok(())
    }

    /// What a commit is for `run`: expired rows leave, the cache becomes small again.
    fn move_rows_to_store(&mut self) -> Result<(), ScanError> {
        self.changes.clear();
        self.engine.collect_changes(Position(self.next), SOURCE_TOPIC, &mut self.changes);
        self.engine.committed(&self.changes, None).map_err(|error| ScanError::Engine(error.into()))
    }
}

fn too_large(max_record_bytes: usize) -> Refusal {
    Refusal {
        reason: RefusalReason::TooLarge,
        index: None,
        line: None,
        detail: format!("the record is larger than {max_record_bytes} bytes and was passed over"),
    }
}

/// Reads the entries of `reader` until `each` returns an error; for the first event of a file and
/// for `publish`. The line is that of the record that an entry was found in.
///
/// # Errors
/// The outer error: the text cannot be read any further. The inner one: what `each` returned.
pub fn read_entries<E>(
    reader: impl BufRead,
    decoder: &mut Decoder,
    limits: DecodeLimits,
    mut each: impl FnMut(usize, Entry<'_, '_>) -> Result<(), E>,
) -> io::Result<Result<(), E>> {
    let mut chunks = Chunks::new(reader, limits.max_record_bytes);
    while let Some(chunk) = chunks.next_chunk()? {
        let done = match chunk {
            Chunk::TooLarge { line } => {
                each(line, Entry::Refused(too_large(limits.max_record_bytes)))
            }
            // To the decoder no bytes at all are a tombstone, which no file can hold.
            Chunk::Record { bytes, line } if bytes.trim_ascii().is_empty() => {
                each(line, Entry::Skipped(Skip::Blank))
            }
            Chunk::Record { bytes, line } => decoder.decode(bytes, |entry| each(line, entry)),
        };
        if done.is_err() {
            return Ok(done);
        }
    }
    Ok(Ok(()))
}

/// The time of the first event of a file; `None` when there is none or it cannot be read.
#[must_use]
pub fn first_event_time(input: &Input, limits: DecodeLimits) -> Option<EventTime> {
    let reader = open_input(input, &ReadBytes::default()).ok()?;
    let mut decoder = Decoder::new(&FieldSet::default(), Format::Auto, limits);
    let found = read_entries(reader, &mut decoder, limits, |_, entry| match entry {
        Entry::Event(event) => Err(event.time),
        Entry::Skipped(_) | Entry::Refused(_) => Ok(()),
    });
    found.ok()?.err()
}

#[cfg(test)]
#[path = "scanner_tests.rs"]
mod tests;
