//! What an event must hold for a condition to hold: the best thing to file the condition under.

use super::predicate::{Predicate, Test};
use crate::event::FieldId;

/// Texts of a field or of the record, one of which must be there for the condition to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Anchor {
    /// `None` is the text of the whole record.
    pub(super) field: Option<FieldId>,
    pub(super) part: Part,
    /// ASCII in lower case; at least one, and none empty.
    pub(super) texts: Vec<String>,
}

/// Where the text must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// It is the value.
    Whole,
    /// It is somewhere in the value.
    Inside,
}

/// Beyond so many texts the rest of the condition is likely a better filter than the automaton.
const TEXTS_MAX: usize = 4096;
/// Shorter parts are in most texts.
const PART_BYTES_MIN: usize = 3;

impl Anchor {
    /// The less, the fewer events it finds.
    fn rank(&self) -> (bool, bool, usize, usize) {
        let shortest = self.texts.iter().map(String::len).min().unwrap_or(0);
        let is_part = self.part == Part::Inside;
        (self.field.is_none(), is_part, usize::MAX - shortest, self.texts.len())
    }

    fn of(field: Option<FieldId>, part: Part, texts: Vec<String>) -> Option<Self> {
        let is_good = |text: &String| {
            !text.is_empty() && (part == Part::Whole || text.len() >= PART_BYTES_MIN)
        };
        let fits = !texts.is_empty() && texts.len() <= TEXTS_MAX;
        (fits && texts.iter().all(is_good)).then_some(Self { field, part, texts })
    }
}

impl Predicate {
    /// The best anchor of the condition; `None` when it may hold for events without any text.
    pub(super) fn anchor(&self) -> Option<Anchor> {
        match self {
            Predicate::Some(field, test) => match test.required_texts() {
                Some(texts) => Anchor::of(Some(*field), Part::Whole, texts),
                None => Anchor::of(Some(*field), Part::Inside, test.required_parts()?),
            },
            Predicate::Record(test) => Anchor::of(None, Part::Inside, test.required_parts()?),
            Predicate::All(all) => {
                all.iter().filter_map(Predicate::anchor).min_by_key(Anchor::rank)
            }
            Predicate::Any(any) => {
                // One table for all alternatives, or none: they must ask the same of one field.
                let mut anchors = any.iter().map(Predicate::anchor);
                let mut together = anchors.next()??;
                for anchor in anchors {
                    let anchor = anchor?;
                    if (anchor.field, anchor.part) != (together.field, together.part) {
                        return None;
                    }
                    together.texts.extend(anchor.texts);
                }
                together.texts.sort_unstable();
                together.texts.dedup();
                (together.texts.len() <= TEXTS_MAX).then_some(together)
            }
            Predicate::Shared(_, inner) => inner.anchor(),
            _ => None,
        }
    }
}

impl Test {
    /// Parts of which a text must hold one to pass, lower case; `None` when others may pass.
    fn required_parts(&self) -> Option<Vec<String>> {
        let ascii = |text: &str| text.is_ascii().then(|| vec![text.to_ascii_lowercase()]);
        match self {
            Test::StartsWith(text) | Test::EndsWith(text) | Test::Is(text) => {
                ascii(text.as_lowered())
            }
            Test::StartsExactlyWith(text) | Test::EndsExactlyWith(text) | Test::IsExactly(text) => {
                ascii(text)
            }
            Test::OneOf(set) => Some(set.iter().map(ToOwned::to_owned).collect()),
            Test::ContainsAny(alternation) => {
                let each: Option<Vec<_>> =
                    alternation.texts.iter().map(|text| ascii(text)).collect();
                Some(each?.concat())
            }
            Test::Fits(glob) => glob.longest_literal().and_then(|text| ascii(&text)),
            Test::Any(tests) => {
                let each: Option<Vec<_>> = tests.iter().map(Test::required_parts).collect();
                Some(each?.concat())
            }
            Test::All(tests) => {
                let parts = tests.iter().filter_map(Test::required_parts);
                parts.max_by_key(|texts| texts.iter().map(String::len).min())
            }
            _ => None,
        }
    }
}
