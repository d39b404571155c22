//! One configuration key: its path, what may be written, its default and one sentence of help.
//!
//! [`super::table::KEYS`] is the only place where keys are listed. The check of each layer, the
//! defaults, the JSON Schema, `config init` and the reference page all walk that table.

use super::quantity;
use super::table::{KEYS, SECTIONS};

/// One key of the configuration.
#[derive(Debug)]
pub struct Key {
    /// Dotted path. `source[]` is a table that may be repeated, `*` a name that the user chooses.
    pub path: &'static str,
    /// What may be written.
    pub kind: Kind,
    /// The default as TOML; `None` means that the key is unset.
    pub default: Option<&'static str>,
    /// One sentence for the reference page and for `config init`.
    pub help: &'static str,
    /// A value to copy, as TOML.
    pub example: &'static str,
}

/// A table of the configuration.
#[derive(Debug)]
pub struct Section {
    /// Dotted path, as in [`Key::path`].
    pub path: &'static str,
    /// One sentence of help.
    pub help: &'static str,
}

/// What may be written as the value of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// `true` or `false`.
    Flag,
    /// A whole number within bounds, both included.
    Integer {
        /// Least value.
        min: i64,
        /// Greatest value.
        max: i64,
    },
    /// A length of time such as `500ms`, with a least value in milliseconds.
    Duration {
        /// Least value in milliseconds.
        min_ms: i64,
    },
    /// A number of bytes such as `8MiB`, with bounds in bytes.
    Size {
        /// Least value in bytes.
        min_bytes: u64,
        /// Greatest value in bytes.
        max_bytes: u64,
    },
    /// A whole number, or a size such as `100MiB` in its place.
    Amount,
    /// One word of a closed set.
    OneOf {
        /// Words that work.
        now: &'static [&'static str],
        /// Words of the design that do not work yet: refused with their own message.
        later: &'static [&'static str],
    },
    /// A list of words of a closed set.
    SomeOf {
        /// Words that work.
        now: &'static [&'static str],
        /// Words that do not work yet.
        later: &'static [&'static str],
    },
    /// A list of texts.
    List,
    /// Path of a file or folder.
    Path,
    /// Address and port, `127.0.0.1:9598`.
    Listen,
    /// A property of librdkafka: text, number or flag.
    PassThrough,
}

/// A value as it was written, before it is known whether it fits its key.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Written {
    Text(String),
    Integer(i64),
    Float(f64),
    Flag(bool),
    List(Vec<Written>),
    Table,
    Date,
}

/// What the key tree holds at a path.
#[derive(Debug, Clone, Copy)]
pub(super) enum Node {
    Leaf(&'static Key),
    Section,
    Unknown,
}

impl Key {
    /// The name within its section: `brokers` of `kafka.brokers`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.path.rsplit('.').next().unwrap_or(self.path)
    }

    /// The path of the section that holds it: `kafka` of `kafka.brokers`.
    #[must_use]
    pub fn section(&self) -> &'static str {
        self.path.rsplit_once('.').map_or("", |(section, _)| section)
    }
}

impl Kind {
    /// What is right, for messages and for the reference page.
    #[must_use]
    pub fn expects(&self) -> String {
        match self {
            Kind::Text => "a text".into(),
            Kind::Flag => "true or false".into(),
            Kind::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Kind::Duration { min_ms: 0 } => "a duration".into(),
            Kind::Duration { min_ms } => format!(
                "a duration of at least {}",
                quantity::show_span(crate::units::Span::from_millis(*min_ms))
            ),
            Kind::Size { min_bytes, max_bytes } => format!(
                "a size from {} to {}",
                quantity::show_size(*min_bytes),
                quantity::show_size(*max_bytes)
            ),
            Kind::Amount => "a whole number or a size".into(),
            Kind::OneOf { now, .. } => format!("one of {}", now.join(", ")),
            Kind::SomeOf { now, .. } => format!("a list out of {}", now.join(", ")),
            Kind::List => "a list of texts".into(),
            Kind::Path => "a path".into(),
            Kind::Listen => "an address and port".into(),
            Kind::PassThrough => "a text, a number, true or false".into(),
        }
    }
}

impl Written {
    /// Reads the text of an environment variable or of `--set` the way `kind` wants it.
    pub(super) fn from_text(kind: Kind, text: &str) -> Written {
        let as_text = || Written::Text(text.to_owned());
        match kind {
            Kind::Flag => text.parse().map_or_else(|_| as_text(), Written::Flag),
            Kind::Integer { .. } | Kind::Amount => {
                text.parse().map_or_else(|_| as_text(), Written::Integer)
            }
            Kind::List | Kind::SomeOf { .. } => Written::List(
                text.split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty())
                    .map(|item| Written::Text(item.to_owned()))
                    .collect(),
            ),
            _ => as_text(),
        }
    }

    /// How a message names what was found; texts are capped, since they may be anything.
    pub(super) fn describe(&self) -> String {
        match self {
            Written::Text(text) => {
                format!("the text {:?}", text.chars().take(60).collect::<String>())
            }
            Written::Integer(number) => format!("the number {number}"),
            Written::Float(number) => format!("the number {number}"),
            Written::Flag(flag) => format!("{flag}"),
            Written::List(_) => "a list".into(),
            Written::Table => "a table".into(),
            Written::Date => "a date".into(),
        }
    }
}

/// Looks `path` up. Literal names win over `*`; the `[]` of `source[]` is not part of `path`.
pub(super) fn find(path: &[&str]) -> Node {
    let exact = KEYS.iter().find(|key| fits(key.path, path, Wildcards::No, Whole::Yes));
    let by_name = || KEYS.iter().find(|key| fits(key.path, path, Wildcards::Yes, Whole::Yes));
    let is_section = || {
        SECTIONS.iter().any(|section| fits(section.path, path, Wildcards::Yes, Whole::Yes))
            || KEYS.iter().any(|key| fits(key.path, path, Wildcards::Yes, Whole::No))
    };
    let literal_section =
        || SECTIONS.iter().any(|section| fits(section.path, path, Wildcards::No, Whole::Yes));
    match exact {
        Some(key) => Node::Leaf(key),
        None if literal_section() => Node::Section,
        None => match by_name() {
            Some(key) => Node::Leaf(key),
            None if is_section() => Node::Section,
            None => Node::Unknown,
        },
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wildcards {
    Yes,
    No,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Whole {
    Yes,
    No,
}

/// Whether `path` is `pattern`, or (with `Whole::No`) a true beginning of it.
fn fits(pattern: &str, path: &[&str], wildcards: Wildcards, whole: Whole) -> bool {
    let parts: Vec<&str> = pattern.split('.').collect();
    let length_fits = match whole {
        Whole::Yes => parts.len() == path.len(),
        Whole::No => parts.len() > path.len(),
    };
    length_fits
        && parts.iter().zip(path).all(|(part, name)| {
            part.trim_end_matches("[]") == *name || (*part == "*" && wildcards == Wildcards::Yes)
        })
}

/// The key or section that was probably meant by an unknown `path`.
pub(super) fn nearest(path: &str) -> Option<String> {
    let candidates = KEYS
        .iter()
        .map(|key| key.path)
        .chain(SECTIONS.iter().map(|section| section.path))
        .filter(|candidate| !candidate.contains('*'));
    let last = path.rsplit('.').next().unwrap_or(path);
    let depth = path.matches('.').count();
    candidates
        .map(|candidate| {
            let plain = candidate.replace("[]", "");
            let mut distance = strsim::damerau_levenshtein(path, &plain);
            // The right name in the wrong section is a common slip, however far the sections are.
            if plain.rsplit('.').next() == Some(last) {
                distance = distance.min(2);
            }
            (distance, plain.matches('.').count().abs_diff(depth), plain)
        })
        .min()
        .filter(|(distance, _, plain)| *distance <= 2.max(plain.len() / 4))
        .map(|(_, _, plain)| plain)
}

/// What may stand in a section that the user names, like `rule.NAME`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum OfNamed {
    /// The key that was probably meant.
    Near(&'static str),
    /// All keys: none is near.
    All(Vec<&'static str>),
}

/// For an unknown key of a section that the user names, what was meant; `None` elsewhere.
pub(super) fn nearest_of_named(path: &[&str]) -> Option<OfNamed> {
    let (wrong, section) = path.split_last()?;
    let is_beside = |key: &&Key| {
        key.path.split('.').nth(section.len().checked_sub(1)?).filter(|part| *part == "*")?;
        let (of, _) = key.path.rsplit_once('.')?;
        fits(of, section, Wildcards::Yes, Whole::Yes).then_some(())
    };
    let names: Vec<&'static str> =
        KEYS.iter().filter(|key| is_beside(key).is_some()).map(Key::name).collect();
    let distance = |name: &str| {
        let is_its_end = name.rsplit('_').next() == Some(*wrong);
        if is_its_end { 1 } else { strsim::damerau_levenshtein(wrong, name) }
    };
    let near = names.iter().map(|name| (distance(name), *name)).min();
    match near? {
        (0..=2, name) => Some(OfNamed::Near(name)),
        _ => Some(OfNamed::All(names)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_name_wins_over_a_chosen_one() {
        assert!(matches!(find(&["kafka", "librdkafka", "consumer"]), Node::Section));
        assert!(matches!(find(&["kafka", "librdkafka", "linger.ms"]), Node::Leaf(_)));
        assert!(matches!(find(&["lists", "anything", "type"]), Node::Leaf(_)));
        assert!(matches!(find(&["lists", "anything"]), Node::Section));
        assert!(matches!(find(&["kafka", "brokerz"]), Node::Unknown));
    }

    #[test]
    fn the_nearest_key_is_found_by_spelling_or_by_its_last_name() {
        assert_eq!(nearest("kafka.brokerz").as_deref(), Some("kafka.brokers"));
        assert_eq!(nearest("kafak").as_deref(), Some("kafka"));
        assert_eq!(nearest("brokers").as_deref(), Some("kafka.brokers"));
        assert_eq!(
            nearest("state.transaction_timeout").as_deref(),
            Some("kafka.transaction_timeout")
        );
        assert_eq!(nearest("entirely.different"), None);
    }

    #[test]
    fn in_a_section_that_the_user_names_its_own_keys_are_told() {
        let near = |path: &[&str]| nearest_of_named(path);

        assert_eq!(near(&["rule", "X", "treshold"]), Some(OfNamed::Near("threshold")));
        assert_eq!(near(&["rule", "X", "period"]), Some(OfNamed::Near("dedup_period")));
        assert_eq!(near(&["lists", "X", "valus"]), Some(OfNamed::Near("values")));
        let all = ["enabled", "level", "threshold", "tiers", "timespan", "dedup_period"];
        assert_eq!(near(&["rule", "X", "colour"]), Some(OfNamed::All(all.to_vec())));
        assert_eq!(near(&["kafka", "brokerz"]), None);
    }
}
