//! What a test expected and what came, member by member.

use crate::alert::{Alert, visible};
use crate::detect::{Finding, FindingKind};
use crate::rule::tests::Expect;
use serde_json::{Map, Value};
use std::fmt;

/// Bytes of one value that are shown.
const SHOWN_BYTES: usize = 400;

/// An expectation that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What was looked at: `alerts`, `title`, `context object_count`.
    pub member: String,
    /// What the test says.
    pub expected: String,
    /// What came.
    pub got: String,
}

/// What came of one test.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Nothing when the test holds.
    pub differences: Vec<Difference>,
    /// Whether the tested rule gave a finding.
    pub has_fired: bool,
}

/// What the tested rule said about the events of one test.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) records: Vec<(Finding, Alert)>,
    pub(super) late: usize,
    pub(super) duplicates: usize,
    /// Windows that no event has closed.
    pub(super) waiting: u64,
    /// Events that the decoder did not take, and why.
    pub(super) unread: Vec<String>,
}

impl Verdict {
    /// Whether everything came as expected.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.differences.is_empty()
    }

    /// The rules of a test cannot be loaded or run.
    pub(super) fn cannot_run(why: &[String]) -> Self {
        let difference = Difference {
            member: "rules".into(),
            expected: "rules that load".into(),
            got: why.join("; "),
        };
        Self { differences: vec![difference], has_fired: false }
    }

    pub(super) fn of(seen: &Seen, expect: &Expect) -> Self {
        let mut found = Vec::new();
        let mut compare = |member: &str, expected: String, got: String| {
            if expected != got {
                found.push(Difference { member: member.to_owned(), expected, got });
            }
        };
        let count = |kind| seen.records.iter().filter(|(finding, _)| finding.kind == kind).count();
        for unread in &seen.unread {
            compare("events", "can be read".into(), unread.clone());
        }
        let alerts = count(FindingKind::Create);
        let waits = if alerts < expect.alerts && seen.waiting > 0 {
            " so far: a later event would close a window that still waits"
        } else {
            ""
        };
        compare("alerts", expect.alerts.to_string(), format!("{alerts}{waits}"));
        for (member, expected, got) in [
            ("escalations", expect.escalations, count(FindingKind::Escalate)),
            ("late", expect.late, seen.late),
            ("duplicates", expect.duplicates, seen.duplicates),
        ] {
            if let Some(expected) = expected {
                compare(member, expected.to_string(), got.to_string());
            }
        }
        let last = seen.records.last();
        let body: Value = last
            .and_then(|(_, alert)| serde_json::from_slice(&alert.value).ok())
            .unwrap_or_default();
        if let Some(level) = expect.level {
            let got = last.map_or("no finding", |(finding, _)| finding.level.name());
            compare("level", level.name().into(), got.into());
        }
        if let Some(title) = &expect.title {
            let got = body.pointer("/finding_info/title").and_then(Value::as_str);
            compare("title", title.clone(), got.unwrap_or("no finding").into());
        }
        let group = last.map(|(finding, _)| as_object(&finding.group)).unwrap_or_default();
        let context = body.pointer("/unmapped/alert_context").and_then(Value::as_object);
        let nothing = Map::new();
        for (of, expected, got) in [
            ("group", &expect.group, &group),
            ("context", &expect.context, context.unwrap_or(&nothing)),
        ] {
            for (name, expected) in expected {
                let got = got.get(name).unwrap_or(&Value::Null);
                // Numbers are compared as the alert's reader would: 50 is 50.0.
                if !is_same(expected, got) {
                    compare(&format!("{of} {name}"), expected.to_string(), got.to_string());
                }
            }
        }
        Self { differences: found, has_fired: !seen.records.is_empty() }
    }
}

fn is_same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            left == right || left.as_f64().is_some() && left.as_f64() == right.as_f64()
        }
        _ => left == right,
    }
}

fn as_object(group: &[(String, Option<String>)]) -> Map<String, Value> {
    group.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect()
}

impl Difference {
    /// The value as it may be shown: texts of events are chosen by others.
    pub(super) fn shown(text: &str) -> String {
        visible(text, SHOWN_BYTES).into_owned()
    }
}

impl fmt::Display for Difference {
    /// `alerts: expected 1, got 0`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (expected, got) = (Self::shown(&self.expected), Self::shown(&self.got));
        write!(f, "{}: expected {expected}, got {got}", Self::shown(&self.member))
    }
}
