//! The meta row: what a committed prefix of the input has led to (exactly-once.md §2 step 3).

use super::StoreError;
use super::codec::{Reader, put_bytes, put_number, put_signed};
use crate::units::{EventTime, Position};

/// One row of each partition, written in every transaction that touches the partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaRow {
    /// Next input record to read; must equal the committed offset (invariant X4).
    pub next_input: Position,
    /// Watermark of the partition; `None` before the first event.
    pub watermark: Option<EventTime>,
    /// State ids of the rules that were loaded.
    pub rules: Vec<u64>,
    /// Since which watermark rules that learn have been loaded, by state id.
    pub learning: Vec<(u64, EventTime)>,
    /// Number of this commit, from 1.
    pub sequence: u64,
    /// `app.instance` that wrote it.
    pub instance: String,
}

/// Version 1 had no `learning`.
const VERSION: u8 = 2;

impl MetaRow {
    /// Key of the row, before all rows of other kinds.
    pub const KEY: &'static [u8] = b"\0meta";

    /// Appends the row's value.
    pub fn encode(&self, into: &mut Vec<u8>) {
        into.push(VERSION);
        put_signed(into, self.next_input.0);
        put_number(into, self.sequence);
        into.push(u8::from(self.watermark.is_some()));
        if let Some(watermark) = self.watermark {
            put_signed(into, watermark.as_millis());
        }
        put_number(into, self.rules.len() as u64);
        for rule in &self.rules {
            into.extend_from_slice(&rule.to_be_bytes());
        }
        put_bytes(into, self.instance.as_bytes());
        put_number(into, self.learning.len() as u64);
        for (rule, since) in &self.learning {
            into.extend_from_slice(&rule.to_be_bytes());
            put_signed(into, since.as_millis());
        }
    }

    /// Reads a row's value.
    ///
    /// # Errors
    /// The bytes are damaged, or of a newer version.
    pub fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut row = Reader::new("the meta row", bytes);
        let version = row.version(VERSION)?;
        let next_input = Position(row.signed()?);
        let sequence = row.number()?;
        let watermark = match row.byte()? {
            0 => None,
            1 => Some(EventTime::from_millis(row.signed()?)),
            _ => return Err(row.damaged()),
        };
        let rules = (0..row.count()?)
            .map(|_| row.array().map(u64::from_be_bytes))
            .collect::<Result<_, _>>()?;
        let instance = row.text()?.to_owned();
        let mut learning = Vec::new();
        if version > 1 {
            for _ in 0..row.count()? {
                let rule = u64::from_be_bytes(row.array()?);
                learning.push((rule, EventTime::from_millis(row.signed()?)));
            }
        }
        row.finish()?;
        Ok(Self { next_input, watermark, rules, learning, sequence, instance })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_meta_row_comes_back_as_it_was_written(
            next: i64, time: Option<i64>, rules: Vec<u64>, learning: Vec<(u64, i64)>,
            sequence: u64, instance: String,
        ) {
            let row = MetaRow {
                next_input: Position(next),
                watermark: time.map(EventTime::from_millis),
                rules,
                learning: learning
                    .into_iter()
                    .map(|(rule, since)| (rule, EventTime::from_millis(since)))
                    .collect(),
                sequence,
                instance,
            };
            let mut bytes = Vec::new();
            row.encode(&mut bytes);
            prop_assert_eq!(MetaRow::decode(&bytes).unwrap(), row);
            for length in 0..bytes.len() {
                prop_assert!(MetaRow::decode(&bytes[..length]).is_err());
            }
        }

        #[test]
        fn a_row_of_version_1_is_read(next: i64, rules: Vec<u64>) {
            let row = MetaRow {
                next_input: Position(next),
                watermark: None,
                rules,
                learning: Vec::new(),
                sequence: 7,
                instance: "app.one".to_owned(),
            };
            let mut bytes = Vec::new();
            row.encode(&mut bytes);
            // It ended where the number of learning rules stands now.
            bytes.pop();
            bytes[0] = 1;
            prop_assert_eq!(MetaRow::decode(&bytes).unwrap(), row);
        }

        #[test]
        fn damaged_bytes_never_panic(bytes: Vec<u8>) {
            let _ = MetaRow::decode(&bytes);
        }
    }
}
