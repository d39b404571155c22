//! The merged configuration as text, with the origin of each key on request.

use super::layer::dotted;
use super::passthrough::is_secret;
use super::problem::Origin;
use config::{Map, Value, ValueKind};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Where each key was written, by dotted key; `source[0].topic` for the first source.
#[derive(Debug, Clone, Default)]
pub struct Origins(BTreeMap<String, Origin>);

impl Origins {
    /// The origin of a key; of a table, that of its first written key.
    #[must_use]
    pub fn of(&self, key: &str) -> Origin {
        let inside = || {
            let prefix = format!("{key}.");
            let first = |(name, origin): (&String, &Origin)| {
                (name.starts_with(&prefix) && *origin != Origin::Default).then(|| origin.clone())
            };
            self.0.iter().find_map(first)
        };
        self.0.get(key).cloned().or_else(inside).unwrap_or(Origin::Default)
    }
}

/// Every key that has a value, after all layers.
#[derive(Debug, Clone, Default)]
pub struct Merged {
    /// Table path → its own keys in order; the order of the key table.
    tables: Vec<(String, Vec<Shown>)>,
    origins: Origins,
}

#[derive(Debug, Clone)]
struct Shown {
    name: String,
    value: String,
    key: String,
}

/// Whether the origin of each key is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShowOrigin {
    /// As a comment behind each line.
    Yes,
    /// Plain TOML.
    No,
}

/// Which keys are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShowKeys {
    /// All that have a value.
    All,
    /// What somebody wrote.
    Written,
}

impl Merged {
    pub(super) fn new(values: &Map<String, Value>, origins: &BTreeMap<String, Origin>) -> Merged {
        let mut merged = Merged::default();
        let mut walk = Walk { merged: &mut merged, origins };
        for name in table_order(values.keys().map(String::as_str), "") {
            if let Some(value) = values.get(name) {
                walk.value(&[name], name, value);
            }
        }
        merged
    }

    /// Where each key was written.
    #[must_use]
    pub fn origins(&self) -> &Origins {
        &self.origins
    }

    /// Keys, dotted, whose values differ between `self` and `other`.
    #[must_use]
    pub fn differing(&self, other: &Merged) -> Vec<String> {
        let values = |merged: &Merged| -> BTreeMap<String, String> {
            let all = merged.tables.iter().flat_map(|(_, keys)| keys);
            all.map(|shown| (shown.key.clone(), shown.value.clone())).collect()
        };
        let (ours, theirs) = (values(self), values(other));
        let keys: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
        keys.into_iter().filter(|key| ours.get(*key) != theirs.get(*key)).cloned().collect()
    }

    /// The configuration as TOML that reads back to the same settings; secrets are `***`.
    #[must_use]
    pub fn to_toml(&self, keys: ShowKeys, show: ShowOrigin) -> String {
        let mut text = String::new();
        for (header, table) in &self.tables {
            let is_shown = |shown: &&Shown| {
                keys == ShowKeys::All || self.origins.of(&shown.key) != Origin::Default
            };
            let mut shown = table.iter().filter(is_shown).peekable();
            if shown.peek().is_none() {
                continue;
            }
            let _ = writeln!(text, "{header}");
            for shown in shown {
                let line = format!("{} = {}", shown.name, shown.value);
                let _ = match show {
                    ShowOrigin::Yes => writeln!(text, "{line}  # {}", self.origins.of(&shown.key)),
                    ShowOrigin::No => writeln!(text, "{line}"),
                };
            }
            text.push('\n');
        }
        text.truncate(text.trim_end().len());
        if !text.is_empty() {
            text.push('\n');
        }
        text
    }
}

struct Walk<'a> {
    merged: &'a mut Merged,
    origins: &'a BTreeMap<String, Origin>,
}

impl Walk<'_> {
    fn value(&mut self, path: &[&str], key: &str, value: &Value) {
        match &value.kind {
            ValueKind::Table(table) => self.table(format!("[{}]", dotted(path)), path, key, table),
            ValueKind::Array(items) if path == ["source"] => {
                for (index, item) in items.iter().enumerate() {
                    if let ValueKind::Table(table) = &item.kind {
                        self.table("[[source]]".into(), path, &format!("source[{index}]"), table);
                    }
                }
            }
            _ => {}
        }
    }

    fn table(&mut self, header: String, path: &[&str], key: &str, table: &Map<String, Value>) {
        let is_table = |value: &Value| matches!(value.kind, ValueKind::Table(_));
        let names: Vec<&str> = table_order(table.keys().map(String::as_str), &path.join("."));
        let mut keys = Vec::new();
        for name in &names {
            let Some(value) = table.get(*name).filter(|value| !is_table(value)) else { continue };
            let bare = dotted(&[name]);
            let full = format!("{key}.{bare}");
            let origin = value.origin().and_then(|text| self.origins.get(text)).cloned();
            self.merged.origins.0.insert(full.clone(), origin.unwrap_or(Origin::Default));
            let hidden = path.get(1) == Some(&"librdkafka") && is_secret(name);
            let value = if hidden { "\"***\"".to_owned() } else { as_toml(&value.kind) };
            keys.push(Shown { name: bare, value, key: full });
        }
        self.merged.tables.push((header, keys));
        for name in names {
            if let Some(value) = table.get(name).filter(|value| is_table(value)) {
                let longer: Vec<&str> = path.iter().copied().chain([name]).collect();
                self.value(&longer, &format!("{key}.{}", dotted(&[name])), value);
            }
        }
    }
}

/// Names in the order of the key table; names of the user's own choice follow by spelling.
fn table_order<'n>(names: impl Iterator<Item = &'n str>, section: &str) -> Vec<&'n str> {
    let rank = |name: &str| {
        let path = if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
        super::table::KEYS.iter().position(|key| {
            let plain = key.path.replace("[]", "");
            plain == path || plain.strip_prefix(&path).is_some_and(|rest| rest.starts_with('.'))
        })
    };
    let mut names: Vec<&str> = names.collect();
    names.sort_by_key(|name| (rank(name).unwrap_or(usize::MAX), *name));
    names
}

fn as_toml(kind: &ValueKind) -> String {
    match kind {
        ValueKind::String(text) => toml_edit::Value::from(text.as_str()).to_string(),
        ValueKind::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| as_toml(&item.kind)).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}
