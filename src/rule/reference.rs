//! The page `docs/rule-reference.md`: every key, type, modifier, field and placeholder of the rule
//! language, written from the tables that the readers themselves use.
//!
//! Each row names an example: a file of whole rules that uses what the row is about; tests load and run
//! it. A row that no example uses is told, so that whoever adds a key adds it to an example too.

use super::builtin_list;
use super::correlation::{self, SIGNAL};
use super::keys::{
    AGGREGATION_ONLY, COLLECTED_VALUES_MAX, CORRELATION_CONDITION, DETECTION, DETECTION_ONLY,
    DOCUMENT, FILTER, LOGSOURCE, OF_FILTER,
};
use super::lint::ADVICE;
use super::list;
use super::load::RuleFile;
use super::model::Measure;
use super::modifier;
use super::report::Report;
use super::shape::{KeySpec, Needed, Shape};
use super::tests;
use super::title::{TitleForm, TitlePart, title_parts};
use super::yaml;
use serde_json::Value;
use std::fmt::Write;

/// The page, and what it cannot say.
#[derive(Debug, Clone)]
pub struct Reference {
    /// In Markdown.
    pub page: String,
    /// Each row that no example uses, and each example that opens with no heading.
    pub lacking: Vec<String>,
}

const HEAD: &str = "# Rule reference

<!-- Generated from src/rule and docs/rule-examples; a test compares; `make generate` writes it. -->

Every key, type, modifier, field and placeholder of the rule language. [Rules](rules.md) is the way in; \
[Write, test and explain rules](rule-tools.md) tells of the verbs. The last column leads to an example \
below: a whole file of rules whose own tests are run with every build.

In the column *in*, a detection is a rule with `detection`, a correlation one with `correlation`.
";

/// Maps whose keys are checked elsewhere.
const NESTED: [(&str, &[KeySpec]); 4] = [
    ("logsource", LOGSOURCE),
    ("detection", DETECTION),
    ("correlation.condition", CORRELATION_CONDITION),
    ("filter", FILTER),
];

/// What each type of correlation counts.
const TYPES: [(&str, &str); 8] = [
    ("event_count", "events"),
    ("value_sum", "the sum of a number in the events"),
    ("value_count", "different values of a field, or tuples of several"),
    ("temporal", "whether every rule matched, in any order, or as the condition says"),
    ("temporal_ordered", "whether every rule matched, one after the other"),
    ("value_avg", "the mean of a number in the events"),
    ("value_percentile", "a percentile of a number in the events"),
    ("value_median", "the median of a number in the events"),
];

/// Values of a finding in titles and in `alert-context`.
const VALUES: [(&str, &str); 5] = [
    ("amount", "the sum or the number that crossed; of windows alone"),
    ("count", "how many events the window holds; 1 for a rule without a window"),
    ("threshold", "the amount of the tier that was reached; of windows alone"),
    ("first_seen", "time of the window's first event"),
    ("last_seen", "time of the window's last event"),
];

/// How a placeholder is written.
const FORMS: [(&str, &str); 3] = [
    ("mb", "`{amount|mb}`: in MiB, rounded to two places"),
    ("host", "`{eventSource|host}`: the text up to the first dot"),
    ("or:TEXT", "`{tidegate.bucket|or:none}`: what stands for a missing value, else `unknown`"),
];

const TEXT: &str = "text";
const NUMBER: &str = "number";
const BOOLEAN: &str = "true or false";
const TEXTS: &str = "texts";

/// Derived fields: type and meaning.
const FIELDS: [(&str, &str, &str); 33] = [
    ("account", TEXT, "account of the caller"),
    ("actor", TEXT, "name of the user or of the role; absent for accounts and services"),
    ("actor_user", TEXT, "the name in titles: user, role, or the person behind a single sign-on"),
    ("anonymous", BOOLEAN, "the caller had no credentials"),
    ("bucket", TEXT, "the bucket that the call is about"),
    ("bucket_owner", TEXT, "account that owns it, where the record says so"),
    ("bytes_in", NUMBER, "bytes that S3 received"),
    ("bytes_out", NUMBER, "bytes that S3 sent to the client"),
    ("copy_source_bucket", TEXT, "the bucket that a copy reads"),
    ("copy_source_owner", TEXT, "account that owns it, where the record says so"),
    ("grants", TEXTS, "whom an ACL lets in: canned ACL, body and headers as one set of words"),
    ("instance", TEXT, "id of the instance whose role was used"),
    ("key", TEXT, "the object's key"),
    ("kms_key_account", TEXT, "account of the KMS key that the call names"),
    ("operation", TEXT, "what was done: the event's name"),
    ("outcome", TEXT, "`success` or `failure`"),
    ("policy_accounts", TEXTS, "accounts that a bucket or access-point policy allows by name"),
    ("policy_public", BOOLEAN, "the policy allows everyone, and no condition restricts it"),
    ("policy_vpce_deny", BOOLEAN, "the policy denies reads that do not come through a VPC"),
    ("principal", TEXT, "who acts, stable over sessions: the sessions of a role are one"),
    ("principal_name", TEXT, "the same in a short form: `111122223333:user/alice`"),
    ("principal_uid", TEXT, "its unique id, which a later user of that name does not have"),
    ("record_id", TEXT, "the event's id, or a fingerprint of its text"),
    ("replication_accounts", TEXTS, "accounts that a replication rule writes to"),
    ("resource_account_count", NUMBER, "how many accounts own the buckets in `resources`"),
    ("resource_accounts", TEXTS, "these accounts"),
    ("resource_bucket_count", NUMBER, "how many buckets `resources` names"),
    ("selects_s3_reads", BOOLEAN, "a trail's selectors, as changed, still log reads of S3"),
    ("service_call", BOOLEAN, "a service of AWS acts, by itself or for somebody"),
    ("session", TEXT, "name of the role's session"),
    ("source_ip", TEXT, "address of the caller in canonical form; absent when it is no address"),
    ("source_is_external", BOOLEAN, "an address that is reachable on the internet"),
    ("source_kind", TEXT, "`ip`, `service`, `internal`, `other` or `none`"),
];

/// What is taken with a warning.
const WARNINGS: [(&str, &str); 8] = [
    ("alias", "a name of another engine stands beside our own, which wins"),
    ("dedup-period", "the period is shorter than the window: one attack may give several findings"),
    ("filter-without-not", "the filter's condition has no `not`: it keeps what it describes"),
    ("modifier-chain", "`all` with one value; `base64offset` without `contains`"),
    ("reference-by-title", "a rule is named by its title: id or name is right"),
    ("replaces-builtin", "a rule has the name or id of a shipped one, and takes its place"),
    ("unknown-key", "a top-level key that Sigma does not have, and nearly does"),
    ("unused-search", "no condition names this search"),
];

/// Names of another engine, at the top of a document or under `custom_attributes`.
const ALIASES: [(&str, &str); 2] =
    [("rsigma.window", "tidegate.window"), ("rsigma.suppress", "tidegate.dedup.period")];

/// The page, with these examples.
///
/// The first line of an example is a comment, which becomes its heading.
#[must_use]
pub fn reference(examples: &[RuleFile]) -> Reference {
    let examples: Vec<Example<'_>> = examples.iter().map(Example::of).collect();
    let mut page = Page { examples: &examples, text: HEAD.to_owned(), lacking: Vec::new() };
    page.keys();
    page.types();
    page.modifiers();
    page.fields();
    page.shown();
    page.lists();
    page.aliases();
    page.bounds();
    page.warnings();
    page.advice();
    page.examples();
    Reference { page: page.text, lacking: page.lacking }
}

/// A file of whole rules.
struct Example<'f> {
    file: &'f RuleFile,
    heading: Option<&'f str>,
    documents: Vec<Value>,
}

impl<'f> Example<'f> {
    fn of(file: &'f RuleFile) -> Self {
        let heading = file.text.lines().next().and_then(|line| line.strip_prefix("# "));
        let nodes = yaml::read(&file.text, &mut Report::new(&file.name));
        Self { file, heading, documents: nodes.iter().map(yaml::Node::to_json).collect() }
    }

    /// What it is called among others: its file's name without the folders and the ending.
    fn name(&self) -> &'f str {
        let name = self.file.name.rsplit('/').next().unwrap_or_default();
        name.trim_end_matches(".yml")
    }

    fn link(&self) -> String {
        format!("[{}](#{})", self.name(), anchor(self.heading.unwrap_or_default()))
    }

    fn has(&self, path: &str) -> bool {
        self.documents.iter().any(|document| has(document, path))
    }

    /// Keys of its detections and filters, with their modifiers.
    fn asks(&self) -> impl Iterator<Item = &str> {
        let bodies =
            self.documents.iter().flat_map(|one| [one.get("detection"), one.get("filter")]);
        let searches = bodies.flatten().filter_map(Value::as_object).flat_map(|all| all.values());
        let maps = searches.flat_map(|search| match search {
            Value::Array(several) => several.iter().collect::<Vec<_>>(),
            one => vec![one],
        });
        maps.filter_map(Value::as_object).flat_map(|map| map.keys()).map(String::as_str)
    }

    /// Every text and every name in it.
    fn says(&self, wanted: &dyn Fn(&str) -> bool) -> bool {
        fn any(value: &Value, wanted: &dyn Fn(&str) -> bool) -> bool {
            match value {
                Value::String(text) => wanted(text),
                Value::Array(items) => items.iter().any(|item| any(item, wanted)),
                Value::Object(members) => {
                    members.iter().any(|(name, value)| wanted(name) || any(value, wanted))
                }
                _ => false,
            }
        }
        self.documents.iter().any(|document| any(document, wanted))
    }

    /// Placeholders of its titles.
    fn placeholders(&self) -> impl Iterator<Item = (String, TitleForm, String)> {
        let titles = self.documents.iter().filter_map(|one| one.pointer("/tidegate/title"));
        let parts = titles.filter_map(Value::as_str).flat_map(title_parts).flatten();
        parts.filter_map(|part| match part {
            TitlePart::Value { name, form, default } => Some((name, form, default)),
            TitlePart::Text(_) => None,
        })
    }
}

/// Whether a document has this key; `*` is any name, `[]` any item.
fn has(value: &Value, path: &str) -> bool {
    let (first, rest) = path.split_once('.').map_or((path, None), |(one, rest)| (one, Some(rest)));
    let below = |value: &Value| rest.is_none_or(|rest| has(value, rest));
    let (name, is_list) = first.strip_suffix("[]").map_or((first, false), |name| (name, true));
    if name == "*" {
        return value.as_object().is_some_and(|members| members.values().any(below));
    }
    match value.get(name) {
        Some(Value::Array(items)) if is_list => items.iter().any(below),
        Some(one) => !is_list && below(one),
        None => false,
    }
}

/// A heading as a link's target, as GitHub and mdBook make it.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|one| one.is_alphanumeric() || " -_".contains(*one));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

struct Page<'e> {
    examples: &'e [Example<'e>],
    text: String,
    lacking: Vec<String>,
}

impl Page<'_> {
    fn heading(&mut self, heading: &str, below: &str) {
        let _ = write!(self.text, "\n## {heading}\n\n{below}\n");
    }

    fn table(&mut self, columns: &[&str]) {
        let rule = "|---".repeat(columns.len());
        let _ = write!(self.text, "\n| {} |\n{rule}|\n", columns.join(" | "));
    }

    fn row(&mut self, cells: &[&str]) {
        let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
        let _ = writeln!(self.text, "| {} |", cells.join(" | "));
    }

    /// A link to the first example that uses what a row is about.
    fn example(&mut self, what: &str, uses: impl Fn(&Example<'_>) -> bool) -> String {
        if let Some(example) = self.examples.iter().find(|example| uses(example)) {
            return example.link();
        }
        self.lacking.push(format!("no example uses {what}"));
        String::new()
    }

    fn keys(&mut self) {
        self.heading("Keys", "`*` is a name of your own, `[]` an item of a list.");
        self.map("", DOCUMENT);
    }

    /// The keys of one map, then those of the maps inside it.
    fn map(&mut self, path: &str, keys: &[KeySpec]) {
        let name = if path.is_empty() { "A document".to_owned() } else { format!("`{path}`") };
        let _ = write!(self.text, "\n### {name}\n");
        self.table(&["key", "type", "default", "in", "meaning", "example"]);
        let read: Vec<&KeySpec> = keys.iter().filter(|spec| is_read(spec)).collect();
        for spec in &read {
            let path = join(path, spec.name);
            let default = match spec.needed {
                Needed::Yes => "needed",
                Needed::No => spec.default,
            };
            let example = self.example(&path, |example| example.has(&path));
            let name = format!("`{}`", spec.name);
            let kind = kind_of(&path, &spec.shape);
            self.row(&[&name, &kind, default, belongs_to(&path), spec.help, &example]);
        }
        for spec in read {
            let path = join(path, spec.name);
            if let Some((_, keys)) = NESTED.iter().find(|(of, _)| *of == path) {
                self.map(&path, keys);
            }
            match &spec.shape {
                Shape::Map(keys) => self.map(&path, keys),
                Shape::Each(Shape::Map(keys)) => self.map(&format!("{path}[]"), keys),
                Shape::Named(Shape::Map(keys)) => self.map(&format!("{path}.*"), keys),
                _ => {}
            }
        }
    }

    fn types(&mut self) {
        self.heading("Types of correlation", "What `correlation.type` may be.");
        self.table(&["type", "counts", "example"]);
        for kind in correlation::TYPES {
            let meaning = TYPES.iter().find(|(name, _)| *name == kind).map_or("", |(_, help)| help);
            let is_it = |one: &Value| {
                one.pointer("/correlation/type").and_then(Value::as_str) == Some(kind)
            };
            let example = self.example(kind, |example| example.documents.iter().any(is_it));
            self.row(&[&format!("`{kind}`"), meaning, &example]);
        }
    }

    fn modifiers(&mut self) {
        self.heading(
            "Modifiers",
            "Behind a field, from left to right: `userAgent|contains|cased: Rclone`.",
        );
        self.table(&["modifier", "asks", "example"]);
        for (name, meaning) in modifier::meanings() {
            let asks = |ask: &str| ask.split('|').skip(1).any(|part| part == name);
            let example = self.example(&format!("|{name}"), |example| example.asks().any(asks));
            self.row(&[&format!("`{name}`"), meaning, &example]);
        }
    }

    fn fields(&mut self) {
        self.heading(
            "Derived fields",
            "The same for every source, wherever a field may stand. Every other name is a dotted path \
             into the record.",
        );
        self.table(&["field", "holds", "meaning", "example"]);
        let signal = (
            SIGNAL,
            TEXT,
            "of a finding: `KIND` of its rule's tag `signal.KIND`; for `value_count` over rules",
        );
        let fields = FIELDS
            .iter()
            .map(|(name, kind, meaning)| (format!("tidegate.{name}"), *kind, *meaning));
        for (name, kind, meaning) in fields.chain([(signal.0.to_owned(), signal.1, signal.2)]) {
            let is_it = |text: &str| {
                text.split(|at: char| !at.is_alphanumeric() && at != '.' && at != '_')
                    .any(|word| word == name)
            };
            let example = self.example(&name, |example| example.says(&is_it));
            self.row(&[&format!("`{name}`"), kind, meaning, &example]);
        }
    }

    fn shown(&mut self) {
        self.heading(
            "What titles and contexts may show",
            "`tidegate.title` has `{name}`, `alert-context` has `our_name: name`. A name is a field of the \
             crossing event, a group-by field, a collected value, or one of these. `alert-context` also \
             takes `%list%`, and `=TEXT` for that text itself.",
        );
        self.table(&["value", "meaning", "example"]);
        for (name, meaning) in VALUES {
            let example = self.example(&format!("{{{name}}}"), |example| {
                example.placeholders().any(|(known, ..)| known == name)
            });
            self.row(&[&format!("`{name}`"), meaning, &example]);
        }
        self.table(&["form", "writes", "example"]);
        for (form, meaning) in FORMS {
            let example = self.example(&format!("the form {form}"), |example| {
                example.placeholders().any(|(_, written, default)| match form {
                    "mb" => written == TitleForm::MebiBytes,
                    "host" => written == TitleForm::Host,
                    _ => default != "unknown",
                })
            });
            self.row(&[&format!("`{form}`"), meaning, &example]);
        }
    }

    fn lists(&mut self) {
        self.heading("Lists that come with tidegate", "`builtin: NAME` in place of `values`.");
        self.table(&["list", "type", "values", "example"]);
        for list in &builtin_list::ALL {
            let is_it = |one: &Value| {
                let lists = one.pointer("/tidegate/lists").and_then(Value::as_object);
                lists.is_some_and(|all| {
                    all.values()
                        .any(|of| of.get("builtin").and_then(Value::as_str) == Some(list.name))
                })
            };
            let example = self.example(list.name, |example| example.documents.iter().any(is_it));
            let name = format!("`{}`", list.name);
            self.row(&[&name, list::kind_name(list.kind), &list.values.join(", "), &example]);
        }
    }

    fn aliases(&mut self) {
        self.heading(
            "Names of another engine",
            "Read at the top of a document or under `custom_attributes`. `rsigma.gap` is refused: there \
             are no session windows.",
        );
        self.table(&["name", "read as", "example"]);
        for (name, ours) in ALIASES {
            let is_it = |one: &Value| {
                [Some(one), one.get("custom_attributes")]
                    .into_iter()
                    .flatten()
                    .any(|of| of.get(name).is_some())
            };
            let example = self.example(name, |example| example.documents.iter().any(is_it));
            self.row(&[&format!("`{name}`"), &format!("`{ours}`"), &example]);
        }
    }

    fn bounds(&mut self) {
        self.heading("Bounds", "What a rule cannot ask for.");
        self.table(&["of", "at most", "beyond"]);
        let values = Measure::DISTINCT_MAX.to_string();
        let rules = Measure::RULES_MAX.to_string();
        let collected = COLLECTED_VALUES_MAX.to_string();
        for [of, most, beyond] in [
            [
                "amount of a `value_count`",
                &values,
                "an error, unless the rule says `approximate: true`; a window that holds more shows \
                 this number: read it as \"or more\"",
            ],
            ["rules of a correlation", &rules, "an error"],
            ["values of a `sample` or `set`", &collected, "an error"],
        ] {
            self.row(&[of, most, beyond]);
        }
    }

    fn warnings(&mut self) {
        self.heading(
            "Errors and warnings",
            "What is wrong with a rule is an error: the whole set is refused, with every error's place \
             and what to write instead. These are warnings, and the rule runs. A shipped rule that \
             cannot run here (`list-empty`, `not-local`, `left-out`) is left out with a warning; of a \
             rule of your own that is an error.",
        );
        self.table(&["code", "means"]);
        for (code, meaning) in WARNINGS {
            self.row(&[&format!("`{code}`"), meaning]);
        }
    }

    fn advice(&mut self) {
        self.heading("Advice", "What `tidegate rules lint` says of rules that load.");
        self.table(&["code", "means"]);
        for (code, meaning) in ADVICE {
            self.row(&[&format!("`{code}`"), meaning]);
        }
    }

    fn examples(&mut self) {
        let names = tests::template_names().join("`, `");
        self.heading(
            "Examples",
            &format!(
                "Each is a file of `docs/rule-examples/`. Templates of test events are `{names}`."
            ),
        );
        for example in self.examples {
            let Some(heading) = example.heading.filter(|heading| !heading.is_empty()) else {
                self.lacking.push(format!("{} opens with no heading", example.file.name));
                continue;
            };
            let text = example.file.text.split_once('\n').map_or("", |(_, rest)| rest).trim_end();
            let _ = write!(self.text, "\n### {heading}\n\n```yaml\n{text}\n```\n");
        }
    }
}

/// Whether a key may be written at all.
fn is_read(spec: &KeySpec) -> bool {
    spec.name != "action"
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn kind_of(path: &str, shape: &Shape) -> String {
    match shape {
        Shape::Any if NESTED.iter().any(|(of, _)| *of == path) => "map".to_owned(),
        Shape::Any => "any".to_owned(),
        Shape::Text => TEXT.to_owned(),
        Shape::Boolean => "`true` or `false`".to_owned(),
        Shape::Count => "whole number".to_owned(),
        Shape::Span => "length of time: `90s`, `10m`, `7d`, `0`".to_owned(),
        Shape::Words(words) => format!("`{}`", words.join("`, `")),
        Shape::Texts => "text, or list of texts".to_owned(),
        Shape::Scalars => "list of values".to_owned(),
        Shape::Map(_) => "map".to_owned(),
        Shape::Each(_) => "list of maps".to_owned(),
        Shape::Named(Shape::Map(_)) => "maps by name".to_owned(),
        Shape::Named(Shape::Scalars) => "lists by name".to_owned(),
        Shape::Named(_) => "values by name".to_owned(),
    }
}

/// Which kinds of documents have the key.
fn belongs_to(path: &str) -> &'static str {
    let own = path.strip_prefix("tidegate.").map(|rest| rest.split(['.', '[']).next());
    match own.flatten() {
        Some("allowed-lateness") => "correlation, new-terms",
        Some(name) if AGGREGATION_ONLY.contains(&name) => "correlation",
        Some(name) if DETECTION_ONLY.contains(&name) => "detection",
        Some(name) if OF_FILTER.contains(&name) => "all",
        Some(_) => "rules",
        None => match path.split('.').next().unwrap_or_default() {
            "correlation" | "generate" => "correlation",
            "filter" => "filter",
            "detection" => "detection",
            "logsource" => "detection, filter",
            "level" | "fields" | "falsepositives" | "regression_tests_path" | "simulation" => {
                "rules"
            }
            _ => "all",
        },
    }
}

#[cfg(test)]
mod checks {
    use super::*;
    use crate::event::derived_names;
    use crate::rule::shown_text::OF_FINDING;
    use std::collections::BTreeSet;

    #[test]
    fn the_tables_name_what_the_readers_know_and_nothing_else() {
        let fields: Vec<String> =
            FIELDS.iter().map(|(name, ..)| format!("tidegate.{name}")).collect();
        assert_eq!(fields, derived_names());
        assert_eq!(VALUES.map(|(name, _)| name), OF_FINDING);
        let types: BTreeSet<_> = TYPES.map(|(name, _)| name).into();
        assert_eq!(types, correlation::TYPES.into());
    }

    #[test]
    fn the_warnings_are_those_that_the_readers_give() {
        #[allow(clippy::disallowed_methods, reason = "the test reads sources; the room does not")]
        let read = |path: &std::path::Path| std::fs::read_to_string(path).unwrap();
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rule");
        let mut given = BTreeSet::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let is_source = path.extension().is_some_and(|end| end == "rs");
            if !is_source || ["reference.rs", "lint.rs"].contains(&name.as_str()) {
                continue;
            }
            for call in read(&path).split("report.warning(").skip(1) {
                // The place, then the code; where that is no literal, it is one of a shipped rule.
                let code = call.split(',').nth(1).unwrap_or_default().trim();
                if let Some(code) = code.strip_prefix('"').and_then(|code| code.strip_suffix('"')) {
                    given.insert(code.to_owned());
                }
            }
        }

        assert_eq!(given, WARNINGS.map(|(code, _)| code.to_owned()).into());
    }

    #[test]
    fn a_path_is_found_through_lists_and_names() {
        let document = serde_json::json!({"a": {"b": [{"c": 1}], "x": {"d": true}}, "e": ["f"]});
        for path in ["a", "a.b", "a.b[].c", "a.*.d", "e"] {
            assert!(has(&document, path), "{path}");
        }
        for path in ["b", "a.b.c", "a.x[].d", "a.b[].d", "a.*.c", "e.f"] {
            assert!(!has(&document, path), "{path}");
        }
    }

    #[test]
    fn what_no_example_uses_is_told_and_what_one_uses_is_linked() {
        let text = "# One event, told\ntitle: T\nname: t\nlogsource: {product: aws, service: cloudtrail}\n\
                    detection: {s: {eventName|startswith: Get}, condition: s}\n";
        let file = RuleFile { name: "x/one.yml".into(), text: text.into(), builtin: false };

        let with = reference(std::slice::from_ref(&file));

        let lacks = |what: &str| with.lacking.contains(&format!("no example uses {what}"));
        assert!(!lacks("title") && !lacks("detection.condition") && !lacks("|startswith"));
        assert!(lacks("id") && lacks("|endswith") && lacks("tidegate.tests[].expect.alerts"));
        assert!(with.page.contains("| [one](#one-event-told) |"), "{}", with.page);
        let bare = RuleFile { text: text.replace("# One event, told\n", ""), ..file };
        assert!(reference(&[bare]).lacking.contains(&"x/one.yml opens with no heading".to_owned()));
    }
}
