//! `field|modifier|modifier`: what a chain of modifiers asks of a field.

use super::predicate::Comparison;
use super::report::{Report, nearest_or_all, shown};
use super::yaml::Mark;

/// How values are compared with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equals,
    StartsWith,
    EndsWith,
    Contains,
    Regex { ignore_case: bool, multi_line: bool, dot_matches_newline: bool },
    Cidr,
    Exists,
    Compares(Comparison),
}

/// A field name with its chain of modifiers, read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "modifiers are switches that combine freely")]
pub(super) struct Ask {
    pub(super) field: String,
    pub(super) operator: Operator,
    /// `cased`
    pub(super) is_cased: bool,
    /// `all`: every value must be found, not one of them.
    pub(super) wants_all: bool,
    /// `neq`
    pub(super) is_negated: bool,
    /// `expand`: values are names of lists.
    pub(super) expands: bool,
}

/// Modifiers that are read.
const SUPPORTED: [&str; 16] = [
    "all",
    "startswith",
    "endswith",
    "contains",
    "exists",
    "cased",
    "neq",
    "re",
    "i",
    "m",
    "s",
    "lt",
    "lte",
    "gt",
    "gte",
    "cidr",
];
/// Modifiers of the specification that wait.
const NOT_YET: [&str; 18] = [
    "windash",
    "base64",
    "base64offset",
    "utf16",
    "utf16le",
    "utf16be",
    "wide",
    "fieldref",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "year",
    "timestamp",
    "ignorecase",
    "multiline",
    "dotall",
];

/// Reads a key of a detection; `None` when the chain makes no sense.
pub(super) fn read(key: &str, mark: Mark, report: &mut Report) -> Option<Ask> {
    let mut parts = key.split('|');
    let field = parts.next().unwrap_or_default();
    let mut ask = Ask {
        field: field.to_owned(),
        operator: Operator::Equals,
        is_cased: false,
        wants_all: false,
        is_negated: false,
        expands: false,
    };
    let mut column = field.chars().count() + 1;
    let mut seen: Vec<&str> = Vec::new();
    let mut is_good = true;
    for part in parts {
        let at = mark.right(column);
        column += part.chars().count() + 1;
        if seen.contains(&part) {
            let what = format!("the modifier {part:?} is written twice");
            report.error(at, "modifier-chain", what);
            is_good = false;
            continue;
        }
        seen.push(part);
        is_good &= add(&mut ask, part, at, report);
    }
    (is_good && is_sensible(&ask, mark, report)).then_some(ask)
}

fn add(ask: &mut Ask, part: &str, at: Mark, report: &mut Report) -> bool {
    let operator = match part {
        "all" => {
            ask.wants_all = true;
            return true;
        }
        "cased" => {
            ask.is_cased = true;
            return true;
        }
        "neq" => {
            ask.is_negated = true;
            return true;
        }
        "expand" => {
            ask.expands = true;
            return true;
        }
        "i" | "m" | "s" => return add_flag(ask, part, at, report),
        "startswith" => Operator::StartsWith,
        "endswith" => Operator::EndsWith,
        "contains" => Operator::Contains,
        "re" => {
            Operator::Regex { ignore_case: false, multi_line: false, dot_matches_newline: false }
        }
        "cidr" => Operator::Cidr,
        "exists" => Operator::Exists,
        "lt" => Operator::Compares(Comparison::Below),
        "lte" => Operator::Compares(Comparison::AtMost),
        "gt" => Operator::Compares(Comparison::Above),
        "gte" => Operator::Compares(Comparison::AtLeast),
        other => {
            unknown(other, at, report);
            return false;
        }
    };
    if ask.operator != Operator::Equals {
        let what = format!("the modifier {part:?} contradicts the one before it");
        let hint = "use one of startswith, endswith, contains, re, cidr, exists, lt, lte, gt, gte";
        report.error_with_hint(at, "modifier-chain", what, hint.to_owned());
        return false;
    }
    ask.operator = operator;
    true
}

fn add_flag(ask: &mut Ask, part: &str, at: Mark, report: &mut Report) -> bool {
    let Operator::Regex { ignore_case, multi_line, dot_matches_newline } = &mut ask.operator else {
        let what = format!("the modifier {part:?} belongs to a regular expression");
        report.error_with_hint(at, "modifier-chain", what, format!("re|{part}"));
        return false;
    };
    match part {
        "i" => *ignore_case = true,
        "m" => *multi_line = true,
        _ => *dot_matches_newline = true,
    }
    true
}

fn unknown(part: &str, at: Mark, report: &mut Report) {
    if NOT_YET.contains(&part) {
        let what = format!("the modifier {part:?} is not supported yet");
        report.error(at, "not-supported-yet", what);
        return;
    }
    let what = if part == "not" {
        "\"not\" is no modifier".to_owned()
    } else {
        format!("there is no modifier {:?}", shown(part))
    };
    let hint = if part == "not" {
        "use neq, or not in the condition".to_owned()
    } else {
        nearest_or_all(part, &[SUPPORTED.as_slice(), &["expand"]].concat())
    };
    report.error_with_hint(at, "unknown-modifier", what, hint);
}

fn is_sensible(ask: &Ask, mark: Mark, report: &mut Report) -> bool {
    let is_text = matches!(
        ask.operator,
        Operator::Equals | Operator::StartsWith | Operator::EndsWith | Operator::Contains
    );
    let is_regex = matches!(ask.operator, Operator::Regex { .. });
    let wrong = if ask.field.is_empty() {
        Some(("a detection needs a field name before its modifiers", "FIELD|contains"))
    } else if ask.is_cased && is_regex {
        Some(("a regular expression minds case without \"cased\"", "remove cased, or use re|i"))
    } else if ask.is_cased && !is_text {
        Some(("\"cased\" is for text", "remove cased"))
    } else if ask.operator == Operator::Exists && (ask.wants_all || ask.expands || ask.is_negated) {
        Some(("\"exists\" stands alone", "exists: true or exists: false"))
    } else if ask.expands && !is_text {
        Some((
            "\"expand\" with this modifier makes no sense",
            "the type of the list says how it compares: string, glob, cidr or account",
        ))
    } else if ask.wants_all && matches!(ask.operator, Operator::Compares(_)) {
        Some(("\"all\" with a comparison of numbers makes no sense", "remove all"))
    } else {
        None
    };
    if let Some((what, hint)) = wrong {
        report.error_with_hint(mark, "modifier-chain", what, hint.to_owned());
    }
    wrong.is_none()
}
