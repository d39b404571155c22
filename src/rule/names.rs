//! Which document a name means.

use super::document::Document;
use super::problem::Severity;
use super::report::{Report, nearest, shown};
use super::yaml::Key;
use std::collections::BTreeMap;

/// A document of some file.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) document: Document,
    pub(super) file: usize,
    pub(super) is_builtin: bool,
}

/// Takes out shipped documents that a deployment's own replace, and reports names used twice.
pub(super) fn settle(entries: Vec<Entry>, reports: &mut [Report]) -> Vec<Entry> {
    let mut kept: Vec<Entry> = Vec::new();
    // Positions among the kept, by name and by id.
    let mut called: BTreeMap<String, usize> = BTreeMap::new();
    // The deployment's own first, so that a shipped one meets its replacement.
    let (own, builtin): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| !entry.is_builtin);
    for entry in own.into_iter().chain(builtin) {
        let keys = [&entry.document.id, &entry.document.name].into_iter().flatten();
        let taken = keys.clone().find_map(|key| Some((key, kept.get(*called.get(&key.text)?)?)));
        match taken {
            Some((_, other)) if entry.is_builtin && !other.is_builtin => {
                let what =
                    format!("{:?} replaces the built-in rule of that name", other.document.label());
                if let Some(report) = reports.get_mut(other.file) {
                    report.warning(other.document.mark, "replaces-builtin", what, None);
                }
            }
            Some((key, _)) => {
                let what = format!("{:?} is the name or id of another rule", shown(&key.text));
                if let Some(report) = reports.get_mut(entry.file) {
                    report.error(key.mark, "duplicate-name", what);
                }
            }
            None => {
                called.extend(keys.map(|key| (key.text.clone(), kept.len())));
                kept.push(entry);
            }
        }
    }
    kept.sort_by_key(|entry| (entry.file, entry.document.mark));
    kept
}

/// The document that a correlation refers to.
pub(super) fn resolve(entries: &[Entry], reference: &Key, report: &mut Report) -> Option<usize> {
    if let Some(at) = entries.iter().position(|entry| entry.document.is_called(&reference.text)) {
        return Some(at);
    }
    let by_title: Vec<usize> = entries
        .iter()
        .enumerate()
        .filter(|(_, entry)| entry.document.title == reference.text)
        .map(|(at, _)| at)
        .collect();
    match by_title.as_slice() {
        [at] => {
            let what = format!("{:?} is a title", shown(&reference.text));
            let hint = entries.get(*at).map(|entry| format!("write {:?}", entry.document.label()));
            report.warning(reference.mark, "reference-by-title", what, hint);
            Some(*at)
        }
        [] => {
            let what = format!("there is no rule {:?}", shown(&reference.text));
            report.error_with_hint(
                reference.mark,
                "unknown-rule",
                what,
                nearest_name(entries, &reference.text),
            );
            None
        }
        _ => {
            let what = format!("{:?} is the title of several rules", shown(&reference.text));
            report.error_with_hint(
                reference.mark,
                "unknown-rule",
                what,
                "use a name or id".to_owned(),
            );
            None
        }
    }
}

/// The rule name nearest to a wrong one.
pub(super) fn nearest_name(entries: &[Entry], wrong: &str) -> Option<String> {
    if wrong.eq_ignore_ascii_case("any") {
        return Some("name each rule; any is for filters, and stands there alone".to_owned());
    }
    let names = entries.iter().filter_map(|entry| entry.document.name.as_ref());
    nearest(wrong, names.map(|key| key.text.as_str()))
}

/// Whether a problem of a rule stops the load or switches a shipped rule off.
pub(super) fn severity_for(entry: &Entry) -> Severity {
    if entry.is_builtin { Severity::Warning } else { Severity::Error }
}
