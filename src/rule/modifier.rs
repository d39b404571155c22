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
/// reads as well. The last column is for people.
const MODIFIERS: [(&str, Effect, &str); 34] = [
    ("all", Effect::All, "each of the values, not one of them"),
    ("startswith", Effect::Operator(Operator::StartsWith), "the text begins so"),
    ("endswith", Effect::Operator(Operator::EndsWith), "the text ends so"),
    ("contains", Effect::Operator(Operator::Contains), "the text holds it"),
    (
        "exists",
        Effect::Operator(Operator::Exists),
        "`true`: the key is there, even with null; `false`: it is not",
    ),
    ("cased", Effect::Cased, "upper and lower case differ"),
    ("neq", Effect::Neq, "not this value; of an array: some member is none of the values"),
    (
        "windash",
        Effect::Encoding(Encoding::Windash),
        "each dash before a word may be any that Windows takes for one, `/` among them",
    ),
    (
        "re",
        Effect::Operator(REGEX),
        "a regular expression finds something; linear-time syntax, without look-around and back-references",
    ),
    ("i", Effect::RegexFlag('i'), "of `re`: case does not matter"),
    ("m", Effect::RegexFlag('m'), "of `re`: `^` and `$` are the ends of a line"),
    ("s", Effect::RegexFlag('s'), "of `re`: `.` is a line end too"),
    ("ignorecase", Effect::RegexFlag('i'), "long name of `i`"),
    ("multiline", Effect::RegexFlag('m'), "long name of `m`"),
    ("dotall", Effect::RegexFlag('s'), "long name of `s`"),
    ("base64", Effect::Encoding(Encoding::Base64), "the value is encoded first"),
    (
        "base64offset",
        Effect::Encoding(Encoding::Base64Offset),
        "the same at each of the three offsets in a longer text; with `contains`",
    ),
    ("utf16le", Effect::Encoding(Encoding::Utf16Le), "the value as UTF-16, low byte first"),
    ("utf16be", Effect::Encoding(Encoding::Utf16Be), "the value as UTF-16, high byte first"),
    (
        "utf16",
        Effect::Encoding(Encoding::Utf16),
        "the value as UTF-16 with a byte order mark; before `base64`",
    ),
    ("wide", Effect::Encoding(Encoding::Utf16Le), "another name of `utf16le`"),
    ("lt", Effect::Operator(Operator::Compares(Comparison::Below)), "a number below"),
    ("lte", Effect::Operator(Operator::Compares(Comparison::AtMost)), "a number up to"),
    ("gt", Effect::Operator(Operator::Compares(Comparison::Above)), "a number above"),
    ("gte", Effect::Operator(Operator::Compares(Comparison::AtLeast)), "a number from there on"),
    ("minute", Effect::Part(TimePart::Minute), "the minute of a time, UTC"),
    ("hour", Effect::Part(TimePart::Hour), "the hour of a time, UTC"),
    ("day", Effect::Part(TimePart::Day), "the day of the month of a time, UTC"),
    ("week", Effect::Part(TimePart::Week), "the ISO week of a time, UTC"),
    ("month", Effect::Part(TimePart::Month), "the month of a time, UTC"),
    ("year", Effect::Part(TimePart::Year), "the year of a time, UTC"),
    ("cidr", Effect::Operator(Operator::Cidr), "an address in this network"),
    ("expand", Effect::Expand, "the values of a list: `%name%`"),
    ("fieldref", Effect::FieldRef, "the text of another field of the same event"),
];

/// Every modifier with what it asks.
pub(super) fn meanings() -> impl Iterator<Item = (&'static str, &'static str)> {
    MODIFIERS.iter().map(|(name, _, meaning)| (*name, *meaning))
}

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
        is_good &= match MODIFIERS.iter().find(|(name, ..)| *name == part) {
            Some((name, effect, _)) => add(&mut ask, name, *effect, at, report),
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
        let names: Vec<&str> = MODIFIERS.iter().map(|(name, ..)| *name).collect();
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
