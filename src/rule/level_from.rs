//! `tidegate.level-from`: severity out of the event.

use super::derived;
use super::model::Level;
use super::predicate::Predicate;
use super::report::{Report, shown};
use super::shape;
use super::yaml::{Key, Mark, Node};
use crate::event::{Event, FieldId};

/// `level-from` as written.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) field: Key,
    /// `None`: the field holds the level's name.
    pub(super) map: Option<Vec<(Holds, Level)>>,
}

/// What an entry asks of the field.
#[derive(Debug, Clone)]
pub(super) enum Holds {
    AtLeast(u64),
    Value(String),
    List { name: String, mark: Mark },
}

/// `level-from`, compiled: the level that an event gives its finding.
#[derive(Debug, Clone)]
pub struct LevelFrom {
    /// In the order of the rule; the first that holds decides.
    pub(super) entries: Vec<(Predicate, Level)>,
    /// The field whose text is a level's name.
    pub(super) words: Option<FieldId>,
}

impl LevelFrom {
    /// The level that the event names; `None` when it names none, and the rule's own holds.
    #[must_use]
    pub fn level(&self, event: &Event<'_>) -> Option<Level> {
        if let Some(field) = self.words {
            let word = event.value(field).as_text()?;
            return Level::from_name(&word.to_ascii_lowercase());
        }
        let holds = self.entries.iter().find(|(predicate, _)| predicate.holds(event));
        holds.map(|(_, level)| *level)
    }
}

impl LevelFrom {
    /// Every level that an event can name.
    pub(super) fn levels(&self) -> impl Iterator<Item = Level> {
        let named = self.entries.iter().map(|(_, level)| *level);
        named.chain(self.words.iter().flat_map(|_| Level::ALL))
    }
}

impl Written {
    /// The lists that it names.
    pub(super) fn lists(&self) -> impl Iterator<Item = Key> {
        let entries = self.map.iter().flatten();
        entries.filter_map(|(holds, _)| match holds {
            Holds::List { name, mark } => Some(Key { text: name.clone(), mark: *mark }),
            Holds::AtLeast(_) | Holds::Value(_) => None,
        })
    }
}

/// Reads the value of `level-from`, whose keys and types have been checked.
pub(super) fn read(node: &Node, report: &mut Report) -> Option<Written> {
    let field = shape::text(node.get("field"))?;
    derived::check_field(&field, report);
    let map = node.get("map").map(|map| {
        let entries = shape::items(Some(map)).iter();
        entries.filter_map(|entry| read_entry(entry, report)).collect::<Vec<_>>()
    });
    // What is wrong with an entry has been told.
    if let Some(written) =
        node.get("map").filter(|map| map.as_list().is_some_and(<[Node]>::is_empty))
    {
        let hint = "map: [{gte: N, level: high}], or no map".to_owned();
        report.error_with_hint(
            written.mark,
            "empty",
            "\"map\" of \"level-from\" has no entry",
            hint,
        );
    }
    Some(Written { field, map })
}

fn read_entry(entry: &Node, report: &mut Report) -> Option<(Holds, Level)> {
    let level = shape::text(entry.get("level")).and_then(|word| Level::from_name(&word.text))?;
    let holds = match (shape::count(entry.get("gte")), shape::text(entry.get("value"))) {
        (Some(least), None) => Holds::AtLeast(least),
        (None, Some(value)) => {
            match value.text.strip_prefix('%').and_then(|name| name.strip_suffix('%')) {
                Some(name) => Holds::List { name: name.to_owned(), mark: value.mark },
                None => Holds::Value(value.text),
            }
        }
        (Some(_), Some(value)) => {
            let what =
                format!("an entry has \"gte\" or \"value\", not both: {:?}", shown(&value.text));
            report.error(value.mark, "value", what);
            return None;
        }
        (None, None) => {
            let hint = "{gte: N, level: high}, or {value: TEXT, level: high}".to_owned();
            let what = "this entry does not say when it holds";
            report.error_with_hint(entry.mark, "missing-key", what, hint);
            return None;
        }
    };
    Some((holds, level))
}
