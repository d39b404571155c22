//! Which files a rule cannot be loaded without.
//!
//! A test concerns one rule. Loading the files that it needs, and not the whole pack, keeps a test
//! cheap however many rules there are.

use crate::rule::load::RuleFile;
use crate::rule::outline::{Outline, outlines};
use std::collections::BTreeSet;

/// What the documents of some files are called and which others they name.
#[derive(Debug)]
pub struct Needs {
    /// By file.
    documents: Vec<Vec<Outline>>,
}

impl Needs {
    /// Reads the names of all documents; what is wrong with them is the loader's business.
    #[must_use]
    pub fn new(files: &[RuleFile]) -> Self {
        let of_file = |file: &RuleFile| outlines(std::slice::from_ref(file));
        Self { documents: files.iter().map(of_file).collect() }
    }

    /// Positions of the files that hold `rule`, what it refers to, and filters on any of these;
    /// ascending. A filter on `any` rule counts only beside the rule, in its own file.
    #[must_use]
    pub fn of(&self, rule: &str) -> Vec<usize> {
        let mut wanted: BTreeSet<&str> = BTreeSet::from([rule]);
        let mut files = BTreeSet::new();
        loop {
            let before = (wanted.len(), files.len());
            for (at, documents) in self.documents.iter().enumerate() {
                let is_needed = documents.iter().any(|document| {
                    names(document).any(|name| wanted.contains(name))
                        || document.filters().iter().any(|name| wanted.contains(name))
                });
                if is_needed && files.insert(at) {
                    // A file is loaded whole, so what its other documents refer to is needed too.
                    wanted.extend(documents.iter().flat_map(names));
                    wanted.extend(documents.iter().flat_map(Outline::counts));
                }
            }
            if before == (wanted.len(), files.len()) {
                return files.into_iter().collect();
            }
        }
    }
}

/// What a reference may call it.
fn names(document: &Outline) -> impl Iterator<Item = &str> {
    let title = Some(document.title.as_str()).filter(|title| !title.is_empty());
    [document.id.as_deref(), document.name.as_deref(), title].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> RuleFile {
        RuleFile { name: "a.yml".into(), text: text.into(), builtin: false }
    }

    #[test]
    fn a_rule_needs_its_file_what_that_counts_and_what_filters_it() {
        let files = [
            file("title: base\nname: base"),
            file("title: sum\nname: sum\ncorrelation: {rules: [base]}"),
            file("title: other\nname: other"),
            file("title: only one bucket\nfilter: {rules: base}"),
            file("title: chain\nname: chain\ncorrelation: {rules: [sum, other]}"),
        ];
        let needs = Needs::new(&files);

        assert_eq!(needs.of("base"), [0, 3]);
        assert_eq!(needs.of("sum"), [0, 1, 3]);
        assert_eq!(needs.of("chain"), [0, 1, 2, 3, 4]);
        assert_eq!(needs.of("other"), [2]);
        assert!(needs.of("nothing").is_empty());
    }
}
