//! What a scan has seen, in numbers.

use crate::detect::Outcome;
use crate::event::{Refusal, RefusalReason, Skip};
use crate::rule::Level;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// An input that could not be read, or not to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The path as given.
    pub path: String,
    /// One sentence for people.
    pub why: String,
}

/// Where something was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The path as given.
    pub path: String,
    /// From 1.
    pub line: usize,
    /// Which entry of the container in that line, from 0; `None` for the container itself.
    pub index: Option<usize>,
    /// Why, without any text of the input.
    pub detail: String,
}

/// Everything that a scan counted. Each entry is in exactly one of the counts.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Inputs that were read, unreadable ones among them.
    pub files: usize,
    /// Files in folders that are no logs.
    pub left_aside: usize,
    /// Inputs that could not be read to their end.
    pub unreadable: Vec<Unreadable>,
    /// Events by what became of them.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Events before `--from` or after `--to`.
    pub outside: u64,
    /// Entries that were recognised and left aside.
    pub skipped: BTreeMap<Skip, u64>,
    /// Entries that could not be read.
    pub refused: BTreeMap<RefusalReason, u64>,
    /// Where the first of them were, for each reason.
    pub places: BTreeMap<RefusalReason, Vec<Place>>,
    /// Alerts by rule name and level: Creates and Escalates.
    pub alerts: BTreeMap<(String, Level), u64>,
    /// Windows of rules that wait until they have closed, and which no event has closed.
    pub waiting: u64,
    /// Bytes of the records, inflated.
    pub bytes: u64,
}

/// How many places are kept for each reason.
const PLACES: usize = 5;

impl Unreadable {
    /// Says what `error` means for the person who typed the path.
    #[must_use]
    pub fn new(path: &Path, error: &io::Error) -> Self {
        Self { path: path.display().to_string(), why: explain(error) }
    }
}

/// The reason in words that name what to look at.
fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        io::ErrorKind::PermissionDenied => "reading it is not permitted".to_owned(),
        io::ErrorKind::UnexpectedEof => "the gzip data ends too early".to_owned(),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            format!("the gzip data is broken ({error})")
        }
        _ => error.to_string(),
    }
}

impl Summary {
    /// All events, whatever became of them.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.outcomes.values().sum::<u64>() + self.outside
    }

    /// All entries that could not be read.
    #[must_use]
    pub fn refusals(&self) -> u64 {
        self.refused.values().sum()
    }

    /// All alerts.
    #[must_use]
    pub fn alert_count(&self) -> u64 {
        self.alerts.values().sum()
    }

    /// The highest level of an alert.
    #[must_use]
    pub fn highest(&self) -> Option<Level> {
        self.alerts.keys().map(|(_, level)| *level).max()
    }

    /// Counts an entry that could not be read; `line` is that of the record which held it.
    pub fn note_refusal(&mut self, path: &str, line: usize, refusal: Refusal) {
        *self.refused.entry(refusal.reason).or_default() += 1;
        let places = self.places.entry(refusal.reason).or_default();
        if places.len() < PLACES {
            places.push(Place {
                path: path.to_owned(),
                line: line + refusal.line.unwrap_or(1).saturating_sub(1),
                index: refusal.index,
                detail: refusal.detail,
            });
        }
    }

    /// Notes an input that could not be read to its end.
    pub fn note_unreadable(&mut self, path: String, error: &io::Error) {
        self.unreadable.push(Unreadable { path, why: explain(error) });
    }
}
