//! `tidegate.title` and `tidegate.alert-context`: every name in them can be read from a finding.

use super::derived;
use super::own::{Collected, Of};
use super::report::{Report, shown};
use super::shape;
use super::title::{TitlePart, title_parts};
use super::yaml::{Key, Mark, Node, Style};

/// Members of the alert context that tidegate writes itself (alerts.md §4.5).
const FIXED_CONTEXT: [&str; 21] = [
    "schema",
    "kind",
    "rule_id",
    "group",
    "episode_opened_ms",
    "late",
    "tier",
    "rules_fingerprint",
    "source",
    "rule_name",
    "rule_author",
    "amount",
    "threshold",
    "window_kind",
    "window_seconds",
    "window_start",
    "window_end",
    "previous_severity",
    "severity_reason",
    "close_reason",
    "sanitized",
];

/// Values of every finding that are no field of an event.
pub(super) const OF_FINDING: [&str; 5] =
    ["amount", "count", "threshold", "first_seen", "last_seen"];

/// Those that only a window has.
const OF_WINDOW: [&str; 2] = ["amount", "threshold"];

/// The names that one document makes, besides the fields of an event.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) of: Of,
    pub(super) collect: &'a [Collected],
    pub(super) group_by: &'a [Key],
}

/// Reports a name that would hide a member which every alert has.
pub(super) fn check_name(name: &Key, report: &mut Report) {
    if FIXED_CONTEXT.contains(&name.text.as_str()) {
        let what = format!("{:?} is a name that every alert has", name.text);
        report.error_with_hint(name.mark, "fixed-name", what, "choose another".to_owned());
    }
}

/// Our name and the source of each member; lists are looked up once all rules are read.
pub(super) fn read_context(node: &Node, known: Known<'_>, report: &mut Report) -> Vec<(Key, Key)> {
    let mut context = Vec::new();
    for (name, source) in shape::entries(node.get("alert-context")) {
        check_name(name, report);
        let Some(source) = shape::text(Some(source)) else { continue };
        check_source(&source, known, report);
        context.push((name.clone(), source));
    }
    context
}

/// `=TEXT`, `%list%`, or a name with forms behind it.
fn check_source(source: &Key, known: Known<'_>, report: &mut Report) {
    if let Some(text) = source.text.strip_prefix('=') {
        if text.trim().is_empty() {
            let what = "there is no text behind \"=\"";
            report.error_with_hint(source.mark, "value", what, "=TEXT".to_owned());
        }
        return;
    }
    let mut parts = source.text.split('|');
    let name = parts.next().unwrap_or_default();
    for form in parts {
        if !matches!(form, "mb" | "host") {
            let what = format!("a value has no form {:?}", shown(form));
            report.error_with_hint(source.mark, "title", what, "mb or host".to_owned());
        }
    }
    if !name.starts_with('%') {
        check_readable(name, source.mark, known, report);
    }
}

fn check_readable(name: &str, mark: Mark, known: Known<'_>, report: &mut Report) {
    if OF_FINDING.contains(&name) {
        if known.of == Of::Detection && OF_WINDOW.contains(&name) {
            let what = format!("a rule without a window has no {name:?}");
            report.error(mark, "unknown-field", what);
        }
        return;
    }
    let collected = known.collect.iter().map(|entry| entry.name.text.as_str());
    let group_by = known.group_by.iter().map(|field| field.text.as_str());
    let ours: Vec<&str> = collected.chain(group_by).chain(OF_FINDING).collect();
    if !ours.contains(&name) && !derived::is_readable(name) {
        let what = format!("there is no field or collected value {:?}", shown(name));
        let ours_named = format!("tidegate.{name}");
        let hint = if derived::is_readable(&ours_named) {
            format!("did you mean {ours_named:?}")
        } else {
            derived::nearest_readable(name, &ours).unwrap_or_else(|| {
                "a field like tidegate.bucket or requestParameters.key, a group-by field, amount, count"
                    .to_owned()
            })
        };
        report.error_with_hint(mark, "unknown-field", what, hint);
    }
}

/// Reports placeholders of the title that stand for nothing.
pub(super) fn check_title(node: &Node, known: Known<'_>, report: &mut Report) {
    let Some(title) = node.get("title").filter(|node| !node.is_null()) else { return };
    let Some(scalar) = title.as_scalar() else { return };
    let parts = match title_parts(&scalar.text) {
        Ok(parts) => parts,
        Err(error) => {
            let at = match scalar.style {
                Style::Plain => title.mark.right(error.offset),
                Style::Quoted => title.mark.right(error.offset + 1),
                Style::Block => title.mark,
            };
            report.error_with_hint(at, "title", error.what, error.hint);
            return;
        }
    };
    for part in parts {
        if let TitlePart::Value { name, .. } = part {
            check_readable(&name, title.mark, known, report);
        }
    }
}
