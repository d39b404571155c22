//! One YAML document → one rule or correlation with everything that people read of it.

use super::correlation::{self, Correlation};
use super::derived;
use super::detection::{self, Detection, Holder, Operand};
use super::filter::{self, Filter};
use super::keys::DOCUMENT;
use super::list::ListUse;
use super::model::{Level, Status, WindowKind};
use super::own::{self, Of, Own};
use super::report::{Report, nearest, shown};
use super::rsigma;
use super::shape::{self, KeySpec};
use super::yaml::{Key, Mark, Node};
use crate::event::Source;

/// A document, checked as far as it can be alone.
#[derive(Debug, Clone)]
pub(super) struct Document {
    pub(super) mark: Mark,
    pub(super) id: Option<Key>,
    pub(super) name: Option<Key>,
    pub(super) title: String,
    pub(super) text: HeaderText,
    pub(super) level: Option<Level>,
    /// `generate: true`, at the top or inside `correlation`.
    pub(super) generates: bool,
    /// `None` when it has errors; the names above are still good to refer to.
    pub(super) body: Option<Body>,
    pub(super) own: Own,
    /// The document without positions, for fingerprints.
    pub(super) canonical: serde_json::Value,
}

#[derive(Debug, Clone)]
pub(super) enum Body {
    Detection { source: Source, detection: Detection },
    Correlation(Correlation),
    Filter(Filter),
}

/// What people read.
#[derive(Debug, Clone)]
pub(super) struct HeaderText {
    pub(super) description: String,
    pub(super) author: String,
    pub(super) version: String,
    pub(super) status: Status,
    pub(super) tags: Vec<String>,
    pub(super) references: Vec<String>,
}

/// Reads one document; `None` when it is no rule at all.
pub(super) fn read(node: &Node, report: &mut Report) -> Option<Document> {
    let Some(entries) = node.as_map() else {
        let what = format!("a rule is a map of keys, not {}", node.kind());
        report.error(node.mark, "wrong-type", what);
        return None;
    };
    let slip = misspelt_body(entries);
    for (key, value) in
        entries.iter().filter(|(key, _)| slip.is_none_or(|slip| slip.mark != key.mark))
    {
        check_top_key(key, value, report);
    }
    if node.get("title").is_none() {
        let hint = "title: a short name of what the rule finds".to_owned();
        report.error_with_hint(node.mark, "missing-key", "the rule has no \"title\"", hint);
    }
    let id = shape::text(node.get("id"));
    let name = shape::text(node.get("name"));
    // Nothing refers to a filter, so it may do without.
    if id.is_none() && name.is_none() && node.get("filter").is_none() {
        let hint = "id: a UUID, or name: a_unique_name".to_owned();
        let what = "the rule has neither \"id\" nor \"name\"";
        report.error_with_hint(node.mark, "missing-key", what, hint);
    }
    check_signal(node, report);
    let correlation = node.get("correlation");
    let body = read_body(node, correlation, report);
    let group_by = match &body {
        Some(Body::Correlation(correlation)) => correlation.group_by.clone(),
        _ => Vec::new(),
    };
    let of = match (correlation, node.get("filter")) {
        (Some(_), _) => Of::Aggregation,
        (None, Some(_)) => Of::Filter,
        (None, None) => Of::Detection,
    };
    let own = node.get("tidegate").map(|own| own::read(own, of, &group_by, report));
    let mut own = own.unwrap_or_default();
    rsigma::read(node, of, &mut own, report);
    if let Some(Body::Correlation(correlation)) = &body {
        check_window(correlation, &own, report);
    }
    let generate_inside = correlation.and_then(|correlation| correlation.get("generate"));
    let generates = [node.get("generate"), generate_inside]
        .iter()
        .any(|generate| shape::boolean(*generate) == Some(true));
    let word = |key: &str| shape::text(node.get(key)).map(|word| word.text);
    Some(Document {
        mark: node.mark,
        title: word("title").unwrap_or_default(),
        level: word("level").and_then(|word| Level::from_name(&word)),
        text: HeaderText {
            description: word("description").unwrap_or_default(),
            author: word("author").unwrap_or_default(),
            version: word("modified").or_else(|| word("date")).unwrap_or_default(),
            status: match word("status").as_deref() {
                Some("stable") => Status::Stable,
                Some("test") => Status::Test,
                _ => Status::Other,
            },
            tags: texts(node, "tags"),
            references: texts(node, "references"),
        },
        id,
        name,
        generates,
        body,
        own,
        canonical: canonical(node),
    })
}

impl Document {
    /// How a message calls it.
    pub(super) fn label(&self) -> String {
        let key = self.name.as_ref().or(self.id.as_ref());
        shown(key.map_or(self.title.as_str(), |key| key.text.as_str()))
    }

    /// Whether `name` is its name or its id.
    pub(super) fn is_called(&self, name: &str) -> bool {
        [&self.name, &self.id].into_iter().flatten().any(|key| key.text == name)
    }

    /// Whether a reference means it: by name, by id, or by title, which Sigma allows as well.
    pub(super) fn is_meant_by(&self, reference: &str) -> bool {
        self.is_called(reference) || self.title == reference
    }

    /// Every list that its detection names.
    pub(super) fn list_uses(&self) -> Vec<ListUse> {
        let items = self.detection().into_iter().flat_map(Detection::items);
        items.flat_map(|item| &item.operands).flat_map(Operand::list_uses).collect()
    }

    /// What it says as a filter.
    pub(super) fn filter(&self) -> Option<&Filter> {
        match &self.body {
            Some(Body::Filter(filter)) => Some(filter),
            _ => None,
        }
    }

    /// The detection of a rule or of a filter.
    pub(super) fn detection(&self) -> Option<&Detection> {
        match &self.body {
            Some(Body::Detection { detection, .. }) => Some(detection),
            Some(Body::Filter(filter)) => Some(&filter.detection),
            _ => None,
        }
    }
}

/// What can turn false again is asked once the window has closed, and only tumbling ones do.
fn check_window(correlation: &Correlation, own: &Own, report: &mut Report) {
    let Some(turns) = &correlation.turns else { return };
    if own.window != Some(WindowKind::Tumbling) {
        let what = format!(
            "{:?} can turn false again while a window is open, and sliding windows never close",
            turns.text
        );
        let hint = "tidegate: {window: tumbling}".to_owned();
        report.error_with_hint(turns.mark, "window", what, hint);
    }
}

/// The keys of which a document has one.
const BODIES: [&str; 3] = ["detection", "correlation", "filter"];

/// In a document without any of them, the key that was probably meant to be one.
fn misspelt_body(entries: &[(Key, Node)]) -> Option<&Key> {
    let is = |names: &[&str], key: &Key| names.contains(&key.text.as_str());
    if entries.iter().any(|(key, _)| is(&BODIES, key) || key.text == "action") {
        return None;
    }
    let unknown = entries
        .iter()
        .map(|(key, _)| key)
        .filter(|key| !DOCUMENT.iter().any(|spec| spec.name == key.text));
    let mut unknown = unknown.filter(|key| nearest(&key.text, BODIES).is_some());
    unknown.next()
}

fn check_top_key(key: &Key, value: &Node, report: &mut Report) {
    let Some(spec) = DOCUMENT.iter().find(|spec| spec.name == key.text) else {
        // Sigma allows keys of one's own; a slip of the keyboard is likelier when it is close.
        let names = DOCUMENT.iter().map(|spec: &KeySpec| spec.name);
        if let Some(hint) = nearest(&key.text, names) {
            let what = format!("Sigma has no key {:?}; it is kept", shown(&key.text));
            report.warning(key.mark, "unknown-key", what, Some(hint));
        }
        return;
    };
    if spec.name == "action" {
        let what = "\"action\" belongs to the rule collections of old Sigma";
        let hint = "write each rule out, as a document of its own".to_owned();
        report.error_with_hint(key.mark, "not-supported", what, hint);
        return;
    }
    if value.is_null() && !matches!(spec.name, "title" | "correlation" | "detection" | "filter") {
        return;
    }
    shape::check(value, &spec.shape, spec.name, report);
}

/// A rule contributes one kind of signal, or none.
fn check_signal(node: &Node, report: &mut Report) {
    let tags = shape::texts(node.get("tags"));
    let mut signals = tags.iter().filter(|tag| tag.text.starts_with("signal."));
    let Some(first) = signals.next() else { return };
    if first.text == "signal." {
        let hint = "signal.KIND, like signal.volume".to_owned();
        report.error_with_hint(first.mark, "value", "this signal has no kind", hint);
    }
    if let Some(second) = signals.next() {
        let what = format!("a rule gives one signal, and {:?} is the second", shown(&second.text));
        report.error(second.mark, "value", what);
    }
}

fn read_body(node: &Node, correlation: Option<&Node>, report: &mut Report) -> Option<Body> {
    let filter = node.get("filter");
    if let (Some(filter), Some(_)) = (filter, node.get("detection").or(correlation)) {
        let what = "a document is a rule or a filter, not both";
        let hint = "separate them with a line ---".to_owned();
        report.error_with_hint(filter.mark, "wrong-kind", what, hint);
        return None;
    }
    match (node.get("detection"), correlation) {
        (Some(_), Some(both)) => {
            let what = "a document is a detection or a correlation, not both";
            let hint = "separate them with a line ---".to_owned();
            report.error_with_hint(both.mark, "wrong-kind", what, hint);
            None
        }
        (None, None) => {
            if let Some(filter) = filter {
                let source = read_source(node, report);
                return filter::read(filter, source, report).map(Body::Filter);
            }
            let slip = node.as_map().and_then(misspelt_body);
            if let Some(slip) = slip {
                let what = format!("a rule has no key {:?}", shown(&slip.text));
                report.error_with_hint(slip.mark, "unknown-key", what, nearest(&slip.text, BODIES));
            } else if node.get("action").is_none() {
                let what = "the rule has neither \"detection\" nor \"correlation\"";
                let hint =
                    "detection: {selection: {FIELD: VALUE}, condition: selection}".to_owned();
                report.error_with_hint(node.mark, "missing-key", what, hint);
            }
            None
        }
        (None, Some(correlation)) => correlation::read(correlation, report).map(Body::Correlation),
        (Some(detection), None) => {
            let source = read_source(node, report);
            let detection = detection::read(detection, Holder::Detection, report);
            for field in detection.iter().flat_map(Detection::fields) {
                derived::check_field(&field, report);
            }
            Some(Body::Detection { source: source?, detection: detection? })
        }
    }
}

/// Services that are ours or Sigma's, and wait.
const SERVICES_NOT_YET: [&str; 4] = ["s3_access", "guardduty", "macie", "vpcflow"];

fn read_source(node: &Node, report: &mut Report) -> Option<Source> {
    const HINT: &str = "logsource: {product: aws, service: cloudtrail}";
    let Some(logsource) = node.get("logsource") else {
        let what = "the rule has no \"logsource\"";
        report.error_with_hint(node.mark, "missing-key", what, HINT.to_owned());
        return None;
    };
    if logsource.as_map().is_none() {
        let what = format!("\"logsource\" is a map, not {}", logsource.kind());
        report.error_with_hint(logsource.mark, "wrong-type", what, HINT.to_owned());
        return None;
    }
    let product = shape::text(logsource.get("product"));
    let service = shape::text(logsource.get("service"));
    match (product.as_ref().map(|key| key.text.as_str()), &service) {
        // A filter may be for all logs of a product.
        (Some("aws"), None) if node.get("filter").is_some() => Some(Source::CloudTrail),
        (Some("aws"), Some(service)) if service.text == Source::CloudTrail.name() => {
            Some(Source::CloudTrail)
        }
        (Some("aws"), Some(service)) if SERVICES_NOT_YET.contains(&service.text.as_str()) => {
            let what = format!("the log source {:?} is not supported yet", service.text);
            report.error(service.mark, "not-supported-yet", what);
            None
        }
        (product, service) => {
            let named = [product, service.as_ref().map(|key| key.text.as_str())];
            let named: Vec<&str> = named.into_iter().flatten().collect();
            let what = format!("the log source {:?} is not read", shown(&named.join("/")));
            report.error_with_hint(logsource.mark, "logsource", what, HINT.to_owned());
            None
        }
    }
}

fn texts(node: &Node, key: &str) -> Vec<String> {
    shape::texts(node.get(key)).into_iter().map(|text| text.text).collect()
}

fn canonical(node: &Node) -> serde_json::Value {
    let mut json = node.to_json();
    if let Some(own) = json.get_mut("tidegate").and_then(serde_json::Value::as_object_mut) {
        own.remove("tests");
    }
    json
}
