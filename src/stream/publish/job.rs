//! Goes through the files, splits them, paces, and keeps the memory of what is safe.

use super::compact::compact_json;
use super::key::{Key, key_text};
use super::progress::{Known, ProgressError, ProgressFile};
use crate::event::{DecodeLimits, Decoder, Entry, Event, FieldId, Format, Refusal, RefusalReason};
use crate::scan::{Input, ReadBytes, Summary, open_input, read_entries};
use crate::units::{EventTime, RecordTime, Span};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Takes events, in the order of their numbers, and says which of them are safe.
pub trait Sink {
    /// Takes one event; waits while too many are on their way.
    ///
    /// # Errors
    /// The brokers cannot be reached or refuse; or this one record is too large.
    fn send(&mut self, number: u64, record: &Outgoing<'_>) -> Result<(), PublishError>;

    /// Counts `number` as safe without sending anything.
    fn pass_over(&mut self, number: u64);

    /// Lets acknowledgements in for about `wait`; every number below the result is safe.
    ///
    /// # Errors
    /// A record was refused for good.
    fn acknowledged(&mut self, wait: Duration) -> Result<u64, PublishError>;
}

/// One record on its way.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// `None`: any partition.
    pub key: Option<&'a str>,
    /// Compact JSON.
    pub value: &'a [u8],
    /// Kafka's timestamp; `None` = now.
    pub time: Option<RecordTime>,
}

/// Which clock stamps a record. Never event time: brokers delete what is older than the retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RecordTimeOf {
    /// The moment of sending.
    #[default]
    Now,
    /// The delivery stamp in the file's name, else the moment of sending.
    File,
}

/// How to publish.
#[derive(Debug, Clone)]
pub struct PublishOptions {
    /// What decides the partition.
    pub key: Key,
    /// Bounds of one record; a delivery file is one.
    pub decode: DecodeLimits,
    /// Events a second at most.
    pub rate: Option<u32>,
    /// Kafka's timestamp.
    pub record_time: RecordTimeOf,
    /// Events before are passed over.
    pub from: Option<EventTime>,
    /// Events at or after are passed over.
    pub to: Option<EventTime>,
    /// How long the last acknowledgements may take.
    pub drain_limit: Span,
}

/// What a run did. `read` counts files, skips, refusals and places as a scan does.
#[derive(Debug, Clone, Default)]
pub struct Published {
    /// What was read and what could not be.
    pub read: Summary,
    /// Events handed to the brokers.
    pub sent: u64,
    /// Their bytes.
    pub sent_bytes: u64,
    /// Events that an earlier run had published.
    pub published_before: u64,
    /// Events without a value for the key.
    pub without_key: u64,
}

/// Why publishing stops.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Nobody answers at any of the addresses.
    #[error("cannot reach a broker at {brokers} ({why})")]
    NoBroker {
        /// Addresses that were tried.
        brokers: String,
        /// What the client says.
        why: String,
    },
    /// The topic is not there.
    #[error(
        "topic \"{topic}\" does not exist; create it with: tidegate topics create --with-source"
    )]
    NoTopic {
        /// Its name.
        topic: String,
    },
    /// One record is larger than the client or the topic allows.
    #[error("the record is larger than the brokers take ({bytes} bytes)")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The brokers refuse.
    #[error("the brokers do not take the records: {why}")]
    Refused {
        /// What the client says.
        why: String,
    },
    /// The last acknowledgements did not come in time.
    #[error("{open} records were not acknowledged within {limit}")]
    NotAcknowledged {
        /// How many.
        open: u64,
        /// How long was waited.
        limit: Span,
    },
    /// The memory of the run cannot be kept.
    #[error(transparent)]
    Progress(#[from] ProgressError),
}

/// How often what is acknowledged is written down.
const SAVE_EVERY: Duration = Duration::from_millis(500);
/// How often acknowledgements are let in, in events.
const POLL_EVERY: u64 = 100;

/// Publishes `inputs` in their order; `watch` sees the counts now and then.
///
/// # Errors
/// The brokers or the disk fail; the memory then holds what was acknowledged until then. Files that
/// cannot be read are noted in the result and are no error.
pub fn publish(
    inputs: &[Input],
    sink: &mut dyn Sink,
    progress: Option<&mut ProgressFile>,
    options: &PublishOptions,
    taken: &ReadBytes,
    watch: &mut dyn FnMut(&Published),
) -> Result<Published, PublishError> {
    let (fields, key_field) = options.key.fields();
    let mut decoder = Decoder::new(&fields, Format::Auto, options.decode);
    let mut job = Job {
        options,
        key_field,
        sink,
        progress,
        watch,
        done: Published::default(),
        next_number: 0,
        open: VecDeque::new(),
        text: Vec::new(),
        started: Instant::now(),
        saved: Instant::now(),
    };
    for input in inputs {
        let result = job.publish_file(input, &mut decoder, taken);
        if result.is_err() {
            // What is acknowledged so far must not be sent again.
            job.save().ok();
        }
        result?;
    }
    job.drain()?;
    Ok(job.done)
}

struct Job<'a> {
    options: &'a PublishOptions,
    key_field: Option<FieldId>,
    sink: &'a mut dyn Sink,
    progress: Option<&'a mut ProgressFile>,
    watch: &'a mut dyn FnMut(&Published),
    done: Published,
    /// Number of the next event over all files of this run.
    next_number: u64,
    /// Files with events that are not all safe yet, oldest first.
    open: VecDeque<OpenFile>,
    text: Vec<u8>,
    started: Instant,
    saved: Instant,
}

struct OpenFile {
    input: Input,
    /// Number of the first event of this run.
    first_number: u64,
    /// Events before it that were safe already.
    safe_before: u64,
    /// One past the last number, once the file is read to its end.
    end_number: Option<u64>,
}

impl Job<'_> {
    fn publish_file(
        &mut self,
        input: &Input,
        decoder: &mut Decoder,
        taken: &ReadBytes,
    ) -> Result<(), PublishError> {
        self.done.read.files += 1;
        let safe_before = match self.progress.as_deref_mut() {
            Some(progress) => match progress.known(input) {
                Known::Everything => return Ok(()),
                Known::Events(0) => {
                    progress.forget(input);
                    0
                }
                Known::Events(count) => count,
            },
            None => 0,
        };
        let reader = match open_input(input, taken) {
            Ok(reader) => reader,
            Err(error) => {
                self.done.read.note_unreadable(input.name(), &error);
                return Ok(());
            }
        };
        self.open.push_back(OpenFile {
            input: input.clone(),
            first_number: self.next_number,
            safe_before,
            end_number: None,
        });
        let mut place = 0;
        let read = read_entries(reader, decoder, self.options.decode, |line, entry| {
            match entry {
                Entry::Event(event) => {
                    place += 1;
                    if place <= safe_before {
                        self.done.published_before += 1;
                        return Ok(());
                    }
                    return self.publish_event(input, line, event);
                }
                Entry::Skipped(skip) => *self.done.read.skipped.entry(skip).or_default() += 1,
                Entry::Refused(refusal) => {
                    self.done.read.note_refusal(&input.name(), line, refusal);
                }
            }
            Ok(())
        });
        match read {
            Ok(result) => {
                result?;
                if let Some(file) = self.open.back_mut() {
                    file.end_number = Some(self.next_number);
                }
            }
            // Its end was not seen, so it is not complete: the next run reads it again.
            Err(error) => self.done.read.note_unreadable(input.name(), &error),
        }
        Ok(())
    }

    fn publish_event(
        &mut self,
        input: &Input,
        line: usize,
        event: &Event<'_>,
    ) -> Result<(), PublishError> {
        let number = self.next_number;
        self.next_number += 1;
        let options = self.options;
        if options.from.is_some_and(|from| event.time < from)
            || options.to.is_some_and(|to| event.time >= to)
        {
            self.done.read.outside += 1;
            self.sink.pass_over(number);
            return Ok(());
        }
        self.keep_pace()?;
        compact_json(event.raw, &mut self.text);
        let key = key_text(event, self.key_field);
        if key.is_none() && self.key_field.is_some() {
            self.done.without_key += 1;
        }
        let time = match options.record_time {
            RecordTimeOf::Now => None,
            RecordTimeOf::File => input.stamp,
        };
        let record = Outgoing { key: key.as_deref(), value: &self.text, time };
        match self.sink.send(number, &record) {
            Ok(()) => {
                self.done.sent += 1;
                self.done.sent_bytes += u64::try_from(self.text.len()).unwrap_or(0);
            }
            Err(PublishError::TooLarge { bytes }) => {
                self.sink.pass_over(number);
                let detail = format!("the event has {bytes} bytes: more than the brokers take");
                let (reason, index) = (RefusalReason::TooLarge, None);
                let refusal = Refusal { reason, index, line: None, detail };
                self.done.read.note_refusal(&input.name(), line, refusal);
            }
            Err(error) => return Err(error),
        }
        if number.is_multiple_of(POLL_EVERY) || self.saved.elapsed() >= SAVE_EVERY {
            self.let_acknowledgements_in(Duration::ZERO)?;
        }
        Ok(())
    }

    /// Waits until the next event is due.
    fn keep_pace(&mut self) -> Result<(), PublishError> {
        let Some(rate) = self.options.rate else { return Ok(()) };
        let due = Duration::from_secs(self.done.sent) / rate.max(1);
        while let Some(wait) = due.checked_sub(self.started.elapsed()).filter(|w| !w.is_zero()) {
            self.let_acknowledgements_in(wait.min(Duration::from_millis(20)))?;
        }
        Ok(())
    }

    fn let_acknowledgements_in(&mut self, wait: Duration) -> Result<u64, PublishError> {
        let safe = self.sink.acknowledged(wait)?;
        if self.saved.elapsed() >= SAVE_EVERY {
            self.save()?;
            (self.watch)(&self.done);
        }
        Ok(safe)
    }

    /// Writes down what is acknowledged, file by file.
    fn save(&mut self) -> Result<(), PublishError> {
        self.saved = Instant::now();
        // Also after a refusal: what came before it is safe.
        let safe = self.sink.acknowledged(Duration::ZERO).unwrap_or(0);
        let Some(progress) = self.progress.as_deref_mut() else { return Ok(()) };
        while let Some(file) = self.open.front() {
            let of_this_run = safe.saturating_sub(file.first_number);
            let is_complete = file.end_number.is_some_and(|end| safe >= end);
            let events = match file.end_number {
                Some(end) => of_this_run.min(end - file.first_number),
                None => of_this_run,
            };
            progress.note(&file.input, file.safe_before + events, is_complete);
            if !is_complete {
                break;
            }
            self.open.pop_front();
        }
        progress.save()?;
        Ok(())
    }

    fn drain(&mut self) -> Result<(), PublishError> {
        let begun = Instant::now();
        loop {
            let safe = self.let_acknowledgements_in(Duration::from_millis(20))?;
            if safe >= self.next_number {
                return self.save();
            }
            if begun.elapsed() > self.options.drain_limit.to_std() {
                self.save()?;
                let (open, limit) = (self.next_number - safe, self.options.drain_limit);
                return Err(PublishError::NotAcknowledged { open, limit });
            }
        }
    }
}

#[cfg(test)]
#[path = "job_tests.rs"]
mod tests;
