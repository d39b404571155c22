//! What the documents of rule files are called and say, before anything is checked.
//!
//! For verbs that show, compare or count rules as they were written. What is wrong with a document is
//! the loader's business: here it is read as far as it can be.

use super::load::RuleFile;
use super::problem::Place;
use super::report::Report;
use super::shape;
use super::yaml::{self, Node};
use serde_json::Value;
use std::collections::BTreeSet;

/// One document of a rule file as it was written.
#[derive(Debug, Clone)]
pub struct Outline {
    /// Where it begins.
    pub place: Place,
    /// Whether the file is shipped.
    pub is_builtin: bool,
    /// Sigma `id`.
    pub id: Option<String>,
    /// Sigma `name`.
    pub name: Option<String>,
    /// Sigma `title`.
    pub title: String,
    /// The whole document.
    pub json: Value,
}

impl Outline {
    /// What messages and tests call it: its name, else its id, else its title.
    #[must_use]
    pub fn label(&self) -> &str {
        self.name.as_ref().or(self.id.as_ref()).unwrap_or(&self.title)
    }

    /// Whether `name` is its name or its id.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        [&self.name, &self.id].into_iter().flatten().any(|own| own == name)
    }

    /// Names, ids or titles of the rules whose matches it counts.
    #[must_use]
    pub fn counts(&self) -> Vec<&str> {
        texts(self.json.pointer("/correlation/rules"))
    }

    /// Names or ids of the rules that it filters.
    #[must_use]
    pub fn filters(&self) -> Vec<&str> {
        texts(self.json.pointer("/filter/rules"))
    }

    /// Whether it looks for something: a filter and a broken document do not.
    #[must_use]
    pub fn is_rule(&self) -> bool {
        self.json.get("detection").is_some() && self.json.get("filter").is_none()
            || self.json.get("correlation").is_some()
    }

    fn generates(&self) -> bool {
        let told = [self.json.get("generate"), self.json.pointer("/correlation/generate")];
        told.into_iter().flatten().any(|generate| generate == &Value::Bool(true))
    }
}

/// Every document of the files, in their order.
#[must_use]
pub fn outlines(files: &[RuleFile]) -> Vec<Outline> {
    let mut outlines = Vec::new();
    for file in files {
        let nodes = yaml::read(&file.text, &mut Report::new(&file.name));
        outlines.extend(nodes.iter().map(|node| outline(file, node)));
    }
    outlines
}

/// Those rules that alert by themselves: nobody counts them, or somebody lets them speak.
#[must_use]
pub fn speaking(outlines: &[Outline]) -> Vec<&Outline> {
    let mut silent: BTreeSet<&str> = BTreeSet::new();
    for counting in outlines.iter().filter(|outline| !outline.generates()) {
        silent.extend(counting.counts());
    }
    for counting in outlines.iter().filter(|outline| outline.generates()) {
        for name in counting.counts() {
            silent.remove(name);
        }
    }
    let is_silent = |outline: &Outline| {
        [&outline.name, &outline.id, &Some(outline.title.clone())]
            .into_iter()
            .flatten()
            .any(|name| silent.contains(name.as_str()))
    };
    outlines.iter().filter(|outline| outline.is_rule() && !is_silent(outline)).collect()
}

fn outline(file: &RuleFile, node: &Node) -> Outline {
    let word = |key: &str| shape::text(node.get(key)).map(|word| word.text);
    Outline {
        place: Place { file: file.name.clone(), line: node.mark.line, column: node.mark.column },
        is_builtin: file.builtin,
        id: word("id"),
        name: word("name"),
        title: word("title").unwrap_or_default(),
        json: node.to_json(),
    }
}

fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(one)) => vec![one],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speakers(text: &str) -> Vec<String> {
        let file = RuleFile { name: "a.yml".into(), text: text.into(), builtin: false };
        let outlines = outlines(&[file]);
        speaking(&outlines).iter().map(|outline| outline.label().to_owned()).collect()
    }

    #[test]
    fn a_counted_rule_is_silent_unless_somebody_lets_it_speak() {
        let base = "title: B\nname: b\ndetection: {}\n---\n";
        let filter = "title: F\nname: f\nfilter: {rules: [b]}\n---\n";
        let sum = "title: S\nname: s\ncorrelation: {rules: b}";

        assert_eq!(speakers(&format!("{base}{filter}{sum}")), ["s"]);
        assert_eq!(speakers(&format!("{base}{sum}\ngenerate: true")), ["b", "s"]);
        assert_eq!(speakers(base), ["b"]);
    }
}
