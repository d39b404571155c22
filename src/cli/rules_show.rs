//! `tidegate rules show`: one rule as it runs here, and what differs from its file.

use super::catalogue::{self, Locality};
use super::failure::{ExitCode, Failure};
use super::global::Global;
use super::output::Output;
use crate::rule::{
    self, Combination, Kind, LoadOptions, Measure, Outline, Place, Problem, Rule, RuleFile,
    RuleSet, Tune, WindowKind,
};
use clap::ValueEnum;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Show one rule as it runs, and what differs from its file
///
/// Its level, amounts, window and state id with the configuration applied; what [rule.NAME], lists and
/// filters change; and the documents that it is made of, as written.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// Name or id of the rule
    #[arg(value_name = "NAME")]
    pub rule: String,
    /// Form of the answer
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// `--format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// One JSON object
    Json,
}

const EXAMPLE: &str = "\
Example: what does the configuration change about a shipped rule?
  tidegate rules show s3_large_download -c tidegate.toml";

/// Members of a rule as it runs, by name.
type Facts = Vec<(&'static str, String)>;

/// Prints the rule.
///
/// # Errors
/// The configuration or the rules cannot be used; there is no such rule.
pub fn run(args: &Args, global: &Global, output: &mut Output<'_>) -> Result<ExitCode, Failure> {
    let (settings, origins) = global.settings()?;
    let files = catalogue::rule_files(&settings.rules)?;
    let outlines = rule::outlines(&files);
    // A deployment's own document wins over a shipped one of the same name.
    let named = |outline: &&Outline| outline.is_called(&args.rule);
    let found = outlines.iter().filter(named).min_by_key(|outline| outline.is_builtin);
    let Some(found) = found else {
        let what = format!("there is no rule {:?}", crate::alert::visible(&args.rule, 100));
        return Err(Failure::new(ExitCode::Usage, anyhow::anyhow!(what)));
    };
    let loaded = catalogue::load(&settings, &origins, Locality::OfSources)?;
    let Some(rules) = &loaded.rules else { return Err(Failure::rules(&loaded.problems)) };
    let shipped = as_written(&files, found);
    let parts = parts(&outlines, found);
    let shown = Shown::new(found, rules, shipped.as_ref(), &parts, &loaded.problems);
    match args.format {
        Format::Text => output.print(&shown.text(&files))?,
        Format::Json => output.print(&(serde_json::to_string_pretty(&shown.json())? + "\n"))?,
    }
    Ok(ExitCode::Done)
}

/// The rules without configuration, this one switched on; `None` when they do not load so.
fn as_written(files: &[RuleFile], found: &Outline) -> Option<RuleSet> {
    let mut tune = Tune::new(found.label(), found.place.clone());
    tune.enabled = Some(true);
    let of =
        |tune: Vec<Tune>| rule::load(files, &LoadOptions { tune, ..LoadOptions::default() }).rules;
    of(vec![tune]).or_else(|| of(Vec::new()))
}

/// The document, those that it counts, and filters on any of them.
fn parts<'o>(outlines: &'o [Outline], found: &'o Outline) -> Vec<&'o Outline> {
    let mut parts = vec![found];
    let mut next = 0;
    while let Some(part) = parts.get(next).copied() {
        next += 1;
        for name in part.counts() {
            let counted = outlines
                .iter()
                .filter(|outline| outline.is_called(name) || outline.title == name)
                .min_by_key(|outline| outline.is_builtin);
            if let Some(counted) = counted
                && !parts.iter().any(|part| part.place == counted.place)
            {
                parts.push(counted);
            }
        }
    }
    let is_on_them = |outline: &&Outline| {
        let names = outline.filters();
        names.iter().any(|name| {
            name.eq_ignore_ascii_case("any") || parts.iter().any(|part| part.is_called(name))
        })
    };
    let filters: Vec<&Outline> = outlines.iter().filter(is_on_them).collect();
    parts.extend(filters);
    parts
}

/// Everything that is shown.
struct Shown<'o> {
    found: &'o Outline,
    /// `None` when the rule does not run.
    facts: Option<Facts>,
    /// Member, as written, as it runs.
    differs: Vec<(String, String, String)>,
    parts: Vec<&'o Outline>,
    /// Why it does not run, and other problems with its files.
    problems: Vec<String>,
}

impl<'o> Shown<'o> {
    fn new(
        found: &'o Outline,
        rules: &RuleSet,
        shipped: Option<&RuleSet>,
        parts: &[&'o Outline],
        problems: &[Problem],
    ) -> Self {
        let of = |rules: &RuleSet| {
            let index = rules.find(found.label())?;
            Some(facts(rules, rules.rule(index)))
        };
        let facts = of(rules);
        let mut differs = Vec::new();
        let written = shipped.and_then(of);
        let is_on = found.json.pointer("/tidegate/enabled") != Some(&Value::Bool(false));
        if is_on != facts.is_some() {
            let word = |is_on| if is_on { "true" } else { "false" }.to_owned();
            differs.push(("enabled".to_owned(), word(is_on), word(facts.is_some())));
        }
        for (name, now) in facts.iter().flatten() {
            let before = written.iter().flatten().find(|(other, _)| other == name);
            if let Some((_, before)) = before.filter(|(_, before)| before != now) {
                differs.push(((*name).to_owned(), before.clone(), now.clone()));
            }
        }
        for name in lists_of(parts) {
            let values = |rules: &RuleSet| rules.list(&name).map(<[String]>::to_vec);
            let (before, now) = (shipped.and_then(values), values(rules));
            if before != now {
                let told = |values: Option<Vec<String>>| match values {
                    None => "none".to_owned(),
                    Some(values) => list_text(&values),
                };
                differs.push((format!("list {name}"), told(before), told(now)));
            }
        }
        let filters: Vec<&str> =
            parts.iter().filter(|part| !part.is_rule()).map(|part| part.label()).collect();
        if !filters.is_empty() {
            differs.push(("filters".to_owned(), "none".to_owned(), filters.join(", ")));
        }
        let files: BTreeSet<&str> = parts.iter().map(|part| part.place.file.as_str()).collect();
        let of_files = |problem: &&Problem| files.contains(problem.place.file.as_str());
        Self {
            found,
            facts,
            differs,
            parts: parts.to_vec(),
            problems: problems.iter().filter(of_files).map(ToString::to_string).collect(),
        }
    }

    fn text(&self, files: &[RuleFile]) -> String {
        let mut out = format!("{}\n", self.found.label());
        let mut line = |name: &str, value: &str| out.push_str(&format!("  {name:12} {value}\n"));
        line("id", self.found.id.as_deref().unwrap_or("none"));
        line("title", &self.found.title);
        line("file", &self.found.place.to_string());
        match &self.facts {
            None => line("runs", "no"),
            Some(facts) => facts.iter().for_each(|(name, value)| line(name, value)),
        }
        for problem in &self.problems {
            line("problem", problem);
        }
        for filter in self.parts.iter().filter(|part| !part.is_rule()) {
            line("filtered by", &format!("{} ({})", filter.label(), filter.place));
        }
        if self.differs.is_empty() {
            out.push_str("\nruns as it is written\n");
        } else {
            out.push_str("\ndiffers from what is written\n");
            for (name, before, now) in &self.differs {
                out.push_str(&format!("  {name:12} {before} -> {now}\n"));
            }
        }
        for part in &self.parts {
            out.push_str(&format!("\n# {}\n{}", part.place, source(files, &part.place)));
        }
        out
    }

    fn json(&self) -> Value {
        let facts = self.facts.as_ref().map(|facts| {
            let members =
                facts.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into()));
            members.collect::<serde_json::Map<String, Value>>()
        });
        let differs: Vec<Value> = self
            .differs
            .iter()
            .map(|(name, before, now)| json!({"member": name, "written": before, "runs": now}))
            .collect();
        let parts: Vec<Value> = self
            .parts
            .iter()
            .map(|part| json!({"place": part.place.to_string(), "document": part.json}))
            .collect();
        json!({
            "name": self.found.label(),
            "id": self.found.id,
            "place": self.found.place.to_string(),
            "runs": facts,
            "problems": self.problems,
            "differs": differs,
            "documents": parts,
        })
    }
}

fn facts(rules: &RuleSet, rule: &Rule) -> Facts {
    let names = |fields: &[crate::event::FieldId]| {
        let names: Vec<&str> = fields.iter().map(|field| rules.fields().name(*field)).collect();
        if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
    };
    let mut facts = vec![("level", rule.level.name().to_owned())];
    if let Kind::Window(window) = &rule.kind {
        let what = match &window.measure {
            Measure::Count => "events".to_owned(),
            Measure::Sum(field) => format!("sum of {}", rules.fields().name(*field)),
            Measure::Distinct { fields, sampled: 0 } => {
                format!("different values of {}", names(fields))
            }
            Measure::Distinct { fields, sampled } => {
                format!(
                    "different values of {}, one of {} counted",
                    names(fields),
                    1_u64 << sampled
                )
            }
            Measure::Signals { .. } => "different signals of its rules".to_owned(),
            Measure::Mean(field) => format!("average of {}", rules.fields().name(*field)),
            Measure::Percentile { field, percent: 50 } => {
                format!("median of {}", rules.fields().name(*field))
            }
            Measure::Percentile { field, percent } => {
                format!("percentile {percent} of {}", rules.fields().name(*field))
            }
            Measure::Rules { ordered: true, .. } => "its rules, one after the other".to_owned(),
            Measure::Rules { .. } => "its rules together".to_owned(),
        };
        let kind = match window.kind {
            WindowKind::Sliding => "sliding",
            WindowKind::Tumbling => "tumbling",
        };
        facts.push(("counts", what));
        facts.push(("window", format!("{} {kind}", window.span)));
        if window.closes {
            let asked = match &window.measure {
                Measure::Rules { any_of, .. } => combinations(any_of),
                _ => window.condition.to_string(),
            };
            facts.push(("asks", format!("{asked}, once the window has closed")));
            facts.push((
                "waits for",
                "the first event at its end plus the lateness, or later".to_owned(),
            ));
        }
        let tiers: Vec<String> =
            window.tiers.iter().map(|tier| format!("{} {}", tier.gte, tier.level.name())).collect();
        facts.push(("amounts", tiers.join(", ")));
        facts.push(("group by", names(&rule.group_by)));
    }
    if let Kind::NewTerms(terms) = &rule.kind {
        facts.push(("new", names(&rule.group_by)));
        facts.push(("history", terms.history.to_string()));
        facts.push(("learns", terms.learn.to_string()));
    }
    let key = rule.dedup.key.as_ref().unwrap_or(&rule.group_by);
    facts.push(("dedup", format!("{} by {}", rule.dedup.period, names(key))));
    if let Some(lateness) = rule.allowed_lateness {
        facts.push(("lateness", lateness.to_string()));
    }
    facts.push(("state", format!("{:016x}", rule.state_id.0)));
    facts
}

/// Combinations of referenced rules, which are counted from 1.
fn combinations(any_of: &[Combination]) -> String {
    let one = |of: &Combination| {
        let all = of.all.iter().map(|rule| format!("rule {}", rule + 1));
        let none = of.none.iter().map(|rule| format!("not rule {}", rule + 1));
        all.chain(none).collect::<Vec<_>>().join(" and ")
    };
    any_of.iter().map(one).collect::<Vec<_>>().join(", or ")
}

/// Names of the lists that the documents expand.
fn lists_of(parts: &[&Outline]) -> BTreeSet<String> {
    fn collect(value: &Value, names: &mut BTreeSet<String>) {
        match value {
            Value::String(text) => {
                let name = text.strip_prefix('%').and_then(|text| text.strip_suffix('%'));
                names.extend(name.map(str::to_owned));
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
            Value::Object(members) => members.values().for_each(|value| collect(value, names)),
            _ => {}
        }
    }
    let mut names = BTreeSet::new();
    for part in parts {
        for key in ["/detection", "/filter", "/tidegate/alert-context", "/tidegate/context"] {
            if let Some(value) = part.json.pointer(key) {
                collect(value, &mut names);
            }
        }
    }
    names
}

fn list_text(values: &[String]) -> String {
    const SHOWN_MAX: usize = 5;
    let shown: Vec<&str> = values.iter().take(SHOWN_MAX).map(String::as_str).collect();
    match values.len() {
        0 => "empty".to_owned(),
        len if len > SHOWN_MAX => format!("{} and {} more", shown.join(", "), len - SHOWN_MAX),
        _ => shown.join(", "),
    }
}

/// The text of the document that begins at a place.
fn source(files: &[RuleFile], place: &Place) -> String {
    let Some(file) = files.iter().find(|file| file.name == place.file) else {
        return String::new();
    };
    let lines = file.text.lines().skip(place.line.saturating_sub(1));
    let mut out = String::new();
    for line in lines.take_while(|line| !line.starts_with("---")) {
        out.push_str(line);
        out.push('\n');
    }
    out
}
