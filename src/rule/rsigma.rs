//! `rsigma.window`, `rsigma.gap` and `rsigma.suppress`: another engine's names for what stands under
//! `tidegate`, at the top of a document or under `custom_attributes`.

use super::model::WindowKind;
use super::own::{Of, Own};
use super::report::{Report, shown};
use super::span_text;
use super::yaml::Node;

/// Puts what the aliases say where `tidegate` says nothing.
pub(super) fn read(document: &Node, of: Of, own: &mut Own, report: &mut Report) {
    let value = |name: &str| {
        let attributes = document.get("custom_attributes");
        attributes.and_then(|attributes| attributes.get(name)).or_else(|| document.get(name))
    };
    if let Some(window) = value("rsigma.window") {
        let kind = read_window(window, of, report);
        prefer_ours(&mut own.window, kind, "window", window, report);
    }
    if let Some(gap) = value("rsigma.gap") {
        let what = "\"rsigma.gap\" belongs to session windows, which there are not";
        report.error_with_hint(gap.mark, "not-supported", what, "remove it".to_owned());
    }
    if let Some(suppress) = value("rsigma.suppress") {
        let text = suppress.as_scalar().map_or("", |scalar| scalar.text.as_str());
        match span_text::parse(text) {
            Ok(period) => {
                let period = Some((period, suppress.mark));
                prefer_ours(&mut own.dedup_period, period, "dedup", suppress, report);
            }
            Err(hint) => {
                let what = format!("{:?} of \"rsigma.suppress\" is no length of time", shown(text));
                report.error_with_hint(suppress.mark, "value", what, hint);
            }
        }
    }
}

fn read_window(node: &Node, of: Of, report: &mut Report) -> Option<WindowKind> {
    if of != Of::Aggregation {
        report.error(node.mark, "wrong-kind", "\"rsigma.window\" belongs to a correlation");
        return None;
    }
    match node.as_scalar().map(|scalar| scalar.text.as_str()) {
        Some("sliding") => Some(WindowKind::Sliding),
        Some("tumbling") => Some(WindowKind::Tumbling),
        other => {
            let what =
                format!("\"rsigma.window\" cannot be {:?}", shown(other.unwrap_or_default()));
            let hint = "one of sliding, tumbling".to_owned();
            report.error_with_hint(node.mark, "value", what, hint);
            None
        }
    }
}

fn prefer_ours<T>(
    ours: &mut Option<T>,
    alias: Option<T>,
    key: &str,
    node: &Node,
    report: &mut Report,
) {
    if ours.is_none() {
        *ours = alias;
    } else {
        let what = format!("\"tidegate.{key}\" stands beside this alias and wins");
        report.warning(node.mark, "alias", what, Some("remove one of them".to_owned()));
    }
}
