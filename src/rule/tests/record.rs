//! One step of a test → records with times and ids.

use super::template;
use crate::rule::report::{Report, nearest_or_all, shown};
use crate::rule::shape;
use crate::rule::yaml::{Key, Mark, Node};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

/// Most events that one test may make.
const EVENTS_MAX: u64 = 100_000;

/// 2025-03-10T08:00:00Z, where tests begin.
const START_SECONDS: i64 = 1_741_593_600;

/// One entry of `events`.
#[derive(Debug, Clone)]
pub(super) struct Step {
    at: Option<At>,
    every: SignedDuration,
    repeat: u64,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Record(Value),
    /// Events of a file, as they are.
    File(Attached),
}

/// A file whose events belong into a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// Its path, from the folder of the rule.
    pub path: String,
    /// Before which of the test's own events its events come.
    pub before: usize,
}

#[derive(Debug, Clone, Copy)]
enum At {
    SinceStart(SignedDuration),
    Time(Timestamp),
}

/// Reads one entry, whose keys and types have been checked.
pub(super) fn read(node: &Node, report: &mut Report) -> Option<Step> {
    let at = match shape::text(node.get("at")) {
        Some(text) => Some(read_at(&text, report)?),
        None => None,
    };
    if let Some(path) = shape::text(node.get("file")) {
        if let Some((other, _)) =
            shape::entries(Some(node)).iter().find(|(key, _)| key.text != "file")
        {
            let what = format!("{:?} beside \"file\" means nothing", shown(&other.text));
            let hint = "a file's events are taken as they are".to_owned();
            report.error_with_hint(other.mark, "value", what, hint);
        }
        let every = SignedDuration::ZERO;
        let what = What::File(Attached { path: path.text, before: 0 });
        return Some(Step { at: None, every, repeat: 1, what });
    }
    let every = shape::span(node.get("every")).unwrap_or_default();
    let repeat = shape::count(node.get("repeat")).unwrap_or(1);
    if repeat > EVENTS_MAX {
        let mark = node.get("repeat").map_or(node.mark, |node| node.mark);
        let what = format!("a test makes at most {EVENTS_MAX} events");
        report.error(mark, "value", what);
        return None;
    }
    let mut record = match shape::text(node.get("template")) {
        Some(name) => read_template(&name, report)?,
        None if node.get("event").is_none() => {
            let hint = "template: getobject, event: {…} or file: events.jsonl".to_owned();
            let what = "the event has neither \"template\" nor \"event\"";
            report.error_with_hint(node.mark, "missing-key", what, hint);
            return None;
        }
        None => Value::Object(Map::new()),
    };
    for (key, value) in shape::entries(node.get("event")) {
        set(&mut record, &key.text, value.to_json());
    }
    for path in shape::texts(node.get("without")) {
        remove(&mut record, &path, report);
    }
    let every = SignedDuration::from_millis(every.as_millis());
    Some(Step { at, every, repeat, what: What::Record(record) })
}

fn read_template(name: &Key, report: &mut Report) -> Option<Value> {
    let record = template::record(&name.text);
    if record.is_none() {
        let what = format!("there is no template {:?}", shown(&name.text));
        let hint = nearest_or_all(&name.text, &template::NAMES);
        report.error_with_hint(name.mark, "value", what, hint);
    }
    record
}

fn read_at(text: &Key, report: &mut Report) -> Option<At> {
    let at = match text.text.strip_prefix('+') {
        Some(after) => duration(after).map(At::SinceStart),
        None => text.text.parse().ok().map(At::Time),
    };
    if at.is_none() {
        let what = format!("{:?} is no time", shown(&text.text));
        let hint = "+9m59s after the start, or 2025-03-10T08:00:00Z".to_owned();
        report.error_with_hint(text.mark, "value", what, hint);
    }
    at
}

/// `1h2m3s`, at least one part.
fn duration(text: &str) -> Option<SignedDuration> {
    let mut seconds = 0_i64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|char: char| !char.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let unit = after.chars().next()?;
        let of_unit = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return None,
        };
        let part = number.parse::<i64>().ok()?.checked_mul(of_unit)?;
        seconds = seconds.checked_add(part).filter(|seconds| *seconds < 10 * 366 * 86_400)?;
        rest = after.get(unit.len_utf8()..)?;
    }
    (!text.is_empty()).then(|| SignedDuration::from_secs(seconds))
}

/// Sets a member; dots reach inside, maps are merged, anything else is replaced.
fn set(record: &mut Value, path: &str, value: Value) {
    let (first, rest) = match path.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    if !record.is_object() {
        *record = Value::Object(Map::new());
    }
    let Some(members) = record.as_object_mut() else { return };
    let member = members.entry(first.to_owned()).or_insert(Value::Null);
    match (rest, value) {
        (Some(rest), value) => set(member, rest, value),
        (None, Value::Object(inner)) if member.is_object() => {
            for (key, value) in inner {
                set(member, &key, value);
            }
        }
        (None, value) => *member = value,
    }
}

fn remove(record: &mut Value, path: &Key, report: &mut Report) {
    let (parent, last) = match path.text.rsplit_once('.') {
        Some((parent, last)) => (format!("/{}", parent.replace('.', "/")), last),
        None => (String::new(), path.text.as_str()),
    };
    let members = record.pointer_mut(&parent).and_then(Value::as_object_mut);
    if members.is_none_or(|members| members.remove(last).is_none()) {
        let what = format!("the event has no member {:?}", shown(&path.text));
        report.error(path.mark, "value", what);
    }
}

/// The records of all steps in arrival order, as JSON texts, and the files whose events come between.
pub(super) fn expand(steps: &[Step]) -> (Vec<String>, Vec<Attached>) {
    let start = Timestamp::from_second(START_SECONDS).unwrap_or_default();
    let (mut out, mut files) = (Vec::new(), Vec::new());
    let mut time = start;
    for step in steps {
        let record = match &step.what {
            What::Record(record) => record,
            What::File(file) => {
                files.push(Attached { before: out.len(), ..file.clone() });
                continue;
            }
        };
        let first = match step.at {
            Some(At::SinceStart(after)) => start.checked_add(after).unwrap_or(start),
            Some(At::Time(time)) => time,
            None => time,
        };
        time = first;
        for index in 0..step.repeat {
            let number = u64::try_from(out.len()).unwrap_or_default();
            out.push(text_of(record, time, index, number));
            if index + 1 < step.repeat {
                time = time.checked_add(step.every).unwrap_or(time);
            }
        }
    }
    (out, files)
}

/// One record: `{n}` in its texts is the number within the step; time and id where it has none.
fn text_of(record: &Value, time: Timestamp, index: u64, number: u64) -> String {
    let mut record = record.clone();
    fill(&mut record, &index.to_string());
    if let Some(members) = record.as_object_mut() {
        let whole = Timestamp::from_second(time.as_second()).unwrap_or(time);
        members.entry("eventTime").or_insert_with(|| whole.to_string().into());
        members
            .entry("eventID")
            .or_insert_with(|| format!("00000000-0000-4000-8000-{number:012x}").into());
    }
    record.to_string()
}

fn fill(value: &mut Value, index: &str) {
    match value {
        Value::String(text) if text.contains("{n}") => *text = text.replace("{n}", index),
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, index)),
        Value::Object(members) => members.values_mut().for_each(|member| fill(member, index)),
        _ => {}
    }
}

/// How many events the steps make; too many are an error.
pub(super) fn check_count(steps: &[Step], mark: Mark, report: &mut Report) {
    let count = steps.iter().fold(0_u64, |count, step| count.saturating_add(step.repeat));
    if count > EVENTS_MAX {
        report.error(mark, "value", format!("a test makes at most {EVENTS_MAX} events"));
    }
}
