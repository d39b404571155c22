//! The `tidegate:` key of one document, read into types.

use super::derived;
use super::keys::{AGGREGATION_ONLY, COLLECTED_VALUES_MAX, DETECTION_ONLY, OF_FILTER};
use super::level_from::{self, Written};
use super::list::{self, ListDeclaration};
use super::model::{CollectHow, Level, MissingGroup, Tier, WindowKind};
use super::report::{Report, shown};
use super::shape;
use super::shown_text::{self, Known};
use super::yaml::{Key, Mark, Node};
use crate::units::Span;

/// What Sigma leaves to the engine, as one document says it.
#[derive(Debug, Clone, Default)]
pub(super) struct Own {
    pub(super) window: Option<WindowKind>,
    pub(super) allowed_lateness: Option<Span>,
    pub(super) tiers: Vec<(Tier, Mark)>,
    pub(super) dedup_period: Option<(Span, Mark)>,
    pub(super) dedup_key: Option<Vec<Key>>,
    pub(super) collect: Vec<Collected>,
    pub(super) missing_group: Option<MissingGroup>,
    pub(super) new_terms: Option<Terms>,
    /// `approximate: true`, and where.
    pub(super) approximate: Option<Mark>,
    pub(super) lists: Vec<ListDeclaration>,
    pub(super) title: Option<String>,
    pub(super) runbook: String,
    pub(super) alert_context: Vec<(Key, Key)>,
    pub(super) level_from: Option<Written>,
    /// Lists of `context.bump`.
    pub(super) bump: Vec<Key>,
    pub(super) is_disabled: bool,
    pub(super) tests: Option<Node>,
}

/// `new-terms`.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    pub(super) fields: Vec<Key>,
    pub(super) history: Span,
    pub(super) learn: Span,
    pub(super) missing: MissingGroup,
}

/// One entry of `collect`.
#[derive(Debug, Clone)]
pub(super) struct Collected {
    pub(super) name: Key,
    pub(super) field: Key,
    pub(super) how: CollectHow,
}

/// Which kind of document the key stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Detection,
    Aggregation,
    Filter,
}

/// Reads the value of `tidegate`, whose keys and types have been checked.
pub(super) fn read(node: &Node, of: Of, group_by: &[Key], report: &mut Report) -> Own {
    let terms = node.get("new-terms").and_then(|node| read_terms(node, report));
    for (key, _) in shape::entries(Some(node)) {
        let name = key.text.as_str();
        let belongs_to = match of {
            // New terms expire as windows do.
            Of::Detection if name == "allowed-lateness" && terms.is_some() => continue,
            Of::Detection if name == "missing-group" && terms.is_some() => {
                "other rules: new-terms have missing-field"
            }
            Of::Detection if AGGREGATION_ONLY.contains(&name) => "a correlation",
            Of::Aggregation if DETECTION_ONLY.contains(&name) => "a detection",
            Of::Filter if !OF_FILTER.contains(&name) => "a rule",
            _ => continue,
        };
        let what = format!("{name:?} belongs to {belongs_to}");
        report.error(key.mark, "wrong-kind", what);
    }
    let term: &[Key] = terms.as_ref().map_or(&[], |terms| &terms.fields);
    let group_by = if of == Of::Detection { term } else { group_by };
    let word = |key: &str| shape::text(node.get(key)).map(|word| word.text);
    let dedup = node.get("dedup");
    let dedup_key = dedup.and_then(|dedup| dedup.get("key")).map(|key| fields(key, report));
    let period = dedup.and_then(|dedup| dedup.get("period"));
    let collect = read_collect(node, report);
    let known = Known { of, collect: &collect, group_by };
    let alert_context = shown_text::read_context(node, known, report);
    shown_text::check_title(node, known, report);
    Own {
        window: word("window").and_then(|word| match word.as_str() {
            "sliding" => Some(WindowKind::Sliding),
            "tumbling" => Some(WindowKind::Tumbling),
            _ => None,
        }),
        allowed_lateness: shape::span(node.get("allowed-lateness")),
        tiers: read_tiers(node, report),
        dedup_period: period.and_then(|node| Some((shape::span(Some(node))?, node.mark))),
        dedup_key,
        collect,
        missing_group: word("missing-group").and_then(|word| match word.as_str() {
            "group" => Some(MissingGroup::Group),
            "skip" => Some(MissingGroup::Skip),
            _ => None,
        }),
        new_terms: terms.clone(),
        approximate: node
            .get("approximate")
            .filter(|node| shape::boolean(Some(node)) == Some(true))
            .map(|node| node.mark),
        lists: list::read(node, report),
        title: word("title"),
        runbook: word("runbook").unwrap_or_default(),
        alert_context,
        level_from: node.get("level-from").and_then(|node| level_from::read(node, report)),
        bump: shape::texts(node.get("context").and_then(|context| context.get("bump"))),
        is_disabled: shape::boolean(node.get("enabled")) == Some(false),
        tests: node.get("tests").cloned(),
    }
}

fn read_terms(node: &Node, report: &mut Report) -> Option<Terms> {
    let fields = node.get("fields").map(|node| fields(node, report))?;
    if fields.is_empty() {
        report.error(node.mark, "empty", "a term has at least one field");
    }
    let history = shape::span(node.get("history"))?;
    if history == Span::ZERO {
        let at = node.get("history").map_or(node.mark, |node| node.mark);
        report.error(at, "value", "a history of no length knows nothing");
    }
    let missing = shape::text(node.get("missing-field")).is_some_and(|word| word.text == "alert");
    Some(Terms {
        fields,
        history,
        learn: shape::span(node.get("learn")).unwrap_or_default(),
        missing: if missing { MissingGroup::Group } else { MissingGroup::Skip },
    })
}

fn fields(node: &Node, report: &mut Report) -> Vec<Key> {
    let fields = shape::texts(Some(node));
    for field in &fields {
        derived::check_field(field, report);
    }
    fields
}

fn read_tiers(node: &Node, report: &mut Report) -> Vec<(Tier, Mark)> {
    let mut tiers: Vec<(Tier, Mark)> = Vec::new();
    for item in shape::items(node.get("tiers")) {
        let gte = shape::count(item.get("gte"));
        let level = shape::text(item.get("level")).and_then(|word| Level::from_name(&word.text));
        let (Some(gte), Some(level)) = (gte, level) else { continue };
        if let Some((before, _)) = tiers.last() {
            let wrong = if gte <= before.gte {
                Some(("does not lie above", "write the tiers in ascending order"))
            } else if level < before.level {
                Some((
                    "has a lower level than",
                    "a higher amount has the same level or a higher one",
                ))
            } else {
                None
            };
            if let Some((wrong, hint)) = wrong {
                let what = format!("the tier {gte} {wrong} the one before it");
                report.error_with_hint(item.mark, "tiers", what, hint.to_owned());
            }
        }
        tiers.push((Tier { gte, level }, item.mark));
    }
    tiers
}

fn read_collect(node: &Node, report: &mut Report) -> Vec<Collected> {
    let mut collect = Vec::new();
    for (name, entry) in shape::entries(node.get("collect")) {
        shown_text::check_name(name, report);
        let Some(field) = shape::text(entry.get("field")) else { continue };
        derived::check_field(&field, report);
        let hows: Vec<CollectHow> = shape::entries(Some(entry))
            .iter()
            .filter_map(|(key, value)| read_how(key, value, report))
            .collect();
        match hows.as_slice() {
            [how] => collect.push(Collected { name: name.clone(), field, how: *how }),
            [] if shape::entries(Some(entry)).len() > 1 => {}
            [] => {
                let what = format!("{:?} does not say what to keep", shown(&name.text));
                let hint =
                    "one of sample: N, set: N, distinct: true, sum: true, min: true, max: true"
                        .to_owned();
                report.error_with_hint(entry.mark, "missing-key", what, hint);
            }
            _ => {
                let what = format!("{:?} keeps one thing, not several", shown(&name.text));
                report.error(entry.mark, "value", what);
            }
        }
    }
    collect
}

fn read_how(key: &Key, value: &Node, report: &mut Report) -> Option<CollectHow> {
    match key.text.as_str() {
        "sample" | "set" => {
            let count = shape::count(Some(value))?;
            if !(1..=COLLECTED_VALUES_MAX).contains(&count) {
                let what = format!("{:?} keeps 1 to {COLLECTED_VALUES_MAX} values", key.text);
                report.error(value.mark, "value", what);
                return None;
            }
            let count = usize::try_from(count).ok()?;
            Some(if key.text == "set" { CollectHow::Set(count) } else { CollectHow::Sample(count) })
        }
        "distinct" | "sum" | "min" | "max" => {
            if shape::boolean(Some(value)) == Some(false) {
                let what = format!("{:?} is true or left out", key.text);
                report.error(value.mark, "value", what);
                return None;
            }
            Some(match key.text.as_str() {
                "distinct" => CollectHow::Distinct,
                "sum" => CollectHow::Sum,
                "min" => CollectHow::Min,
                _ => CollectHow::Max,
            })
        }
        _ => None,
    }
}
