//! `field|modifier|modifier`: what a chain of modifiers asks of a field.
//!
//! Modifiers work from left to right: what changes a value stands before what compares it. One table
//! says what each name means; everything else here is about which of them go together.

use super::encoding::Encoding;
use super::predicate::Comparison;
use super::report::{Report, nearest_or_all, shown};
use super::time_part::TimePart;
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
    /// Empty for keywords: the whole record is searched.
    pub(super) field: String,
    /// `hour` and its like: a number out of the field's date is compared.
    pub(super) part: Option<TimePart>,
    /// What happens to the values first, in this order.
    pub(super) encodings: Vec<Encoding>,
    pub(super) operator: Operator,
    /// `cased`
    pub(super) is_cased: bool,
    /// `all`: every value must be found, not one of them.
    pub(super) wants_all: bool,
    /// `neq`
    pub(super) is_negated: bool,
    /// `expand`: values name lists.
    pub(super) expands: bool,
    /// `fieldref`: values are names of fields.
    pub(super) refers: bool,
}

impl Ask {
    /// The question without any modifier.
    pub(super) fn whether_equal(field: &str) -> Self {
        Self {
            field: field.to_owned(),
            part: None,
            encodings: Vec::new(),
            operator: Operator::Equals,
            is_cased: false,
            wants_all: false,
            is_negated: false,
            expands: false,
            refers: false,
        }
    }
}

/// What one modifier does.
#[derive(Debug, Clone, Copy)]
enum Effect {
    Operator(Operator),
    Encoding(Encoding),
    Part(TimePart),
    RegexFlag(char),
    Cased,
    All,
    Neq,
    Expand,
    FieldRef,
}

const REGEX: Operator =
    Operator::Regex { ignore_case: false, multi_line: false, dot_matches_newline: false };

/// Every modifier: the appendix of Sigma 2.1, and the long names of the three flags, which pySigma
/// reads as well.
const MODIFIERS: [(&str, Effect); 34] = [
    ("all", Effect::All),
    ("startswith", Effect::Operator(Operator::StartsWith)),
    ("endswith", Effect::Operator(Operator::EndsWith)),
    ("contains", Effect::Operator(Operator::Contains)),
    ("exists", Effect::Operator(Operator::Exists)),
    ("cased", Effect::Cased),
    ("neq", Effect::Neq),
    ("windash", Effect::Encoding(Encoding::Windash)),
    ("re", Effect::Operator(REGEX)),
    ("i", Effect::RegexFlag('i')),
    ("m", Effect::RegexFlag('m')),
    ("s", Effect::RegexFlag('s')),
    ("ignorecase", Effect::RegexFlag('i')),
    ("multiline", Effect::RegexFlag('m')),
    ("dotall", Effect::RegexFlag('s')),
    ("base64", Effect::Encoding(Encoding::Base64)),
    ("base64offset", Effect::Encoding(Encoding::Base64Offset)),
    ("utf16le", Effect::Encoding(Encoding::Utf16Le)),
    ("utf16be", Effect::Encoding(Encoding::Utf16Be)),
    ("utf16", Effect::Encoding(Encoding::Utf16)),
    ("wide", Effect::Encoding(Encoding::Utf16Le)),
    ("lt", Effect::Operator(Operator::Compares(Comparison::Below))),
    ("lte", Effect::Operator(Operator::Compares(Comparison::AtMost))),
    ("gt", Effect::Operator(Operator::Compares(Comparison::Above))),
    ("gte", Effect::Operator(Operator::Compares(Comparison::AtLeast))),
    ("minute", Effect::Part(TimePart::Minute)),
    ("hour", Effect::Part(TimePart::Hour)),
    ("day", Effect::Part(TimePart::Day)),
    ("week", Effect::Part(TimePart::Week)),
    ("month", Effect::Part(TimePart::Month)),
    ("year", Effect::Part(TimePart::Year)),
    ("cidr", Effect::Operator(Operator::Cidr)),
    ("expand", Effect::Expand),
    ("fieldref", Effect::FieldRef),
];

/// Reads a key of a detection; `None` when the chain makes no sense.
pub(super) fn read(key: &str, mark: Mark, report: &mut Report) -> Option<Ask> {
    let mut parts = key.split('|');
    let field = parts.next().unwrap_or_default();
    let mut ask = Ask::whether_equal(field);
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
        is_good &= match MODIFIERS.iter().find(|(name, _)| *name == part) {
            Some((name, effect)) => add(&mut ask, name, *effect, at, report),
            None => unknown(part, at, report),
        };
    }
    is_good = is_good && is_sensible(&ask, mark, report);
    if ask.field.is_empty() && ask.operator == Operator::Equals {
        // A keyword is a part of the record.
        ask.operator = Operator::Contains;
    }
    is_good.then_some(ask)
}

fn add(ask: &mut Ask, name: &str, effect: Effect, at: Mark, report: &mut Report) -> bool {
    let mut wrong = |what: String, hint: &str| {
        report.error_with_hint(at, "modifier-chain", what, hint.to_owned());
        false
    };
    let compares_already = ask.operator != Operator::Equals;
    match effect {
        Effect::All => ask.wants_all = true,
        Effect::Cased => ask.is_cased = true,
        Effect::Neq => ask.is_negated = true,
        Effect::Expand => ask.expands = true,
        Effect::RegexFlag(flag) => {
            let Operator::Regex { ignore_case, multi_line, dot_matches_newline } =
                &mut ask.operator
            else {
                let what = format!("the modifier {name:?} belongs to a regular expression");
                return wrong(what, &format!("re|{name}"));
            };
            match flag {
                'i' => *ignore_case = true,
                'm' => *multi_line = true,
                _ => *dot_matches_newline = true,
            }
        }
        Effect::FieldRef | Effect::Encoding(_) | Effect::Part(_) if compares_already => {
            let what =
                format!("{name:?} changes what is compared: it stands before the comparison");
            return wrong(what, "modifiers work from left to right");
        }
        Effect::FieldRef => ask.refers = true,
        Effect::Part(_) if ask.part.is_some() => {
            let what = format!("{name:?} and the part of a time before it contradict each other");
            return wrong(what, "one of minute, hour, day, week, month, year");
        }
        Effect::Part(part) => ask.part = Some(part),
        Effect::Encoding(Encoding::Windash) if !ask.encodings.is_empty() => {
            let what = "\"windash\" changes the text as people write it".to_owned();
            return wrong(what, "write it before the other encodings");
        }
        Effect::Encoding(_) if ask.encodings.contains(&Encoding::Base64Offset) => {
            let what =
                format!("{name:?} cannot follow \"base64offset\", which leaves parts of a text");
            return wrong(what, "write base64offset last, before contains");
        }
        Effect::Encoding(encoding) => ask.encodings.push(encoding),
        Effect::Operator(_) if compares_already => {
            let what = format!("the modifier {name:?} contradicts the one before it");
            return wrong(
                what,
                "use one of startswith, endswith, contains, re, cidr, exists, lt, lte, gt, gte",
            );
        }
        Effect::Operator(operator) => ask.operator = operator,
    }
    true
}

fn unknown(part: &str, at: Mark, report: &mut Report) -> bool {
    let (what, hint) = if part == "not" {
        ("\"not\" is no modifier".to_owned(), "use neq, or not in the condition".to_owned())
    } else {
        let names: Vec<&str> = MODIFIERS.iter().map(|(name, _)| *name).collect();
        (format!("there is no modifier {:?}", shown(part)), nearest_or_all(part, &names))
    };
    report.error_with_hint(at, "unknown-modifier", what, hint);
    false
}

fn is_sensible(ask: &Ask, mark: Mark, report: &mut Report) -> bool {
    if let Some((what, hint)) = contradiction(ask) {
        report.error_with_hint(mark, "modifier-chain", what, hint.to_owned());
        return false;
    }
    let finds_parts = ask.encodings.contains(&Encoding::Base64Offset);
    if finds_parts && ask.operator != Operator::Contains && !ask.field.is_empty() {
        let what = "\"base64offset\" makes parts of a text, which a whole value rarely equals";
        report.warning(mark, "modifier-chain", what, Some("base64offset|contains".to_owned()));
    }
    true
}

/// Modifiers that are good alone and make no sense together, and what to write instead.
fn contradiction(ask: &Ask) -> Option<(&'static str, &'static str)> {
    let is_text = matches!(
        ask.operator,
        Operator::Equals | Operator::StartsWith | Operator::EndsWith | Operator::Contains
    );
    let is_regex = matches!(ask.operator, Operator::Regex { .. });
    let is_comparison = matches!(ask.operator, Operator::Compares(_));
    let is_plain = ask.part.is_none() && !ask.refers;
    let is_in_record = is_regex || matches!(ask.operator, Operator::Equals | Operator::Contains);
    let cases = [
        (
            ask.field.is_empty() && !(is_in_record && is_plain),
            "this modifier needs a field name before it",
            "FIELD|startswith; without a field, values are searched in the whole record",
        ),
        (
            ask.is_cased && is_regex,
            "a regular expression minds case without \"cased\"",
            "remove cased, or use re|i",
        ),
        (ask.is_cased && !(is_text && ask.part.is_none()), "\"cased\" is for text", "remove cased"),
        (
            ask.operator == Operator::Exists
                && (ask.wants_all || ask.expands || ask.is_negated || !ask.encodings.is_empty()),
            "\"exists\" stands alone",
            "exists: true or exists: false",
        ),
        (
            ask.expands && !is_text,
            "\"expand\" with this modifier makes no sense",
            "the type of the list says how it compares: string, glob, cidr or account",
        ),
        (
            ask.expands && !(is_plain && ask.encodings.is_empty()),
            "\"expand\" takes its values from lists as they are",
            "remove the other modifier, or write the values into the rule",
        ),
        (
            !(ask.encodings.is_empty() || is_text && is_plain),
            "an encoding is for text",
            "FIELD|base64offset|contains: TEXT",
        ),
        (
            ask.part.is_some() && !(is_comparison || ask.operator == Operator::Equals),
            "a part of a time is a number",
            "FIELD|hour: 3 or FIELD|hour|gte: 20",
        ),
        (
            ask.refers && (!is_text || ask.part.is_some()),
            "\"fieldref\" compares the texts of two fields",
            "FIELD|fieldref: OTHER_FIELD, or fieldref|startswith, fieldref|endswith, fieldref|contains",
        ),
        (
            ask.wants_all && (is_comparison || ask.part.is_some()),
            "\"all\" with a comparison of numbers makes no sense",
            "remove all",
        ),
    ];
    cases.into_iter().find(|(is_wrong, ..)| *is_wrong).map(|(_, what, hint)| (what, hint))
}
