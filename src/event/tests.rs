//! Tests of decoding as a whole: shared samples, real delivery files, containers, and random input.

mod configuration;
mod containers;
mod derived;
mod random;
mod samples;
mod usual;

use super::*;
use crate::units::EventTime;
use std::convert::Infallible;

/// An entry without borrows, with values by name.
#[derive(Debug)]
enum Read {
    Event(ReadEvent),
    Skipped(Skip),
    Refused(Refusal),
}

#[derive(Debug)]
struct ReadEvent {
    id: String,
    time: EventTime,
    identity: Identity,
    shared_identity: Option<Identity>,
    raw: Vec<u8>,
    values: Vec<(String, Value<'static>)>,
}

impl ReadEvent {
    fn value(&self, name: &str) -> &Value<'static> {
        let found = self.values.iter().find(|(known, _)| known == name);
        found.map_or(&Value::Absent, |(_, value)| value)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.value(name).as_text()
    }
}

impl Read {
    fn event(self) -> ReadEvent {
        match self {
            Read::Event(event) => event,
            other => panic!("no event: {other:?}"),
        }
    }
}

fn owned(value: &Value<'_>) -> Value<'static> {
    match value {
        Value::Absent => Value::Absent,
        Value::Null => Value::Null,
        Value::Bool(value) => Value::Bool(*value),
        Value::Number(number) => Value::Number(*number),
        Value::Text(text) => Value::Text(text.to_string().into()),
        Value::Object(text) => Value::Object(text.to_string().into()),
        Value::List(members) => Value::List(members.iter().map(owned).collect()),
    }
}

fn fields(names: &[&str]) -> FieldSet {
    let mut fields = FieldSet::default();
    for name in names {
        fields.intern(name);
    }
    fields
}

/// Decodes with all derived fields and the given ones.
fn decode_with(bytes: &[u8], names: &[&str], format: Format, limits: DecodeLimits) -> Vec<Read> {
    let mut set = fields(names);
    for name in derived_names() {
        set.intern(name);
    }
    let mut decoder = Decoder::new(&set, format, limits);
    let mut entries = Vec::new();
    let answer: Result<(), Infallible> = decoder.decode(bytes, |entry| {
        entries.push(match entry {
            Entry::Skipped(skip) => Read::Skipped(skip),
            Entry::Refused(refusal) => Read::Refused(refusal),
            Entry::Event(event) => Read::Event(ReadEvent {
                id: event.id.to_string(),
                time: event.time,
                identity: event.identity,
                shared_identity: event.shared_identity,
                raw: event.raw.to_vec(),
                values: set
                    .iter()
                    .map(|(id, name)| (name.to_owned(), owned(event.value(id))))
                    .collect(),
            }),
        });
        Ok(())
    });
    answer.expect("cannot fail");
    entries
}

fn decode(bytes: &[u8]) -> Vec<Read> {
    decode_with(bytes, &[], Format::Auto, DecodeLimits::default())
}

fn decode_one(bytes: &[u8], names: &[&str]) -> ReadEvent {
    let mut entries = decode_with(bytes, names, Format::Auto, DecodeLimits::default());
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries.remove(0).event()
}

/// A file of tests/data.
fn data(path: &str) -> Vec<u8> {
    let path = format!("{}/tests/data/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}
