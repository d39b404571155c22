//! `tidegate rules`: which rules run, with level, threshold and techniques; and verbs on rule files.

use super::catalogue::{self, Locality};
use super::{ExitCode, Failure, Global, Output, rules_import, rules_lint, rules_show};
use crate::config::Settings;
use crate::rule::{self, Kind, Outline, Rule, RuleSet, WindowKind};
use clap::{Subcommand, ValueEnum};
use serde_json::json;

/// List, show, check and import rules
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
}

/// What `tidegate rules` does.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List the rules with level, threshold and techniques, and those that are off with the reason
    #[command(after_help = EXAMPLE)]
    List {
        /// Form of the list
        #[arg(long, value_enum, value_name = "FORMAT", default_value = "table")]
        format: Format,
    },
    Show(rules_show::Args),
    Lint(rules_lint::Args),
    Import(rules_import::Args),
}

/// `--format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// One JSON array
    Json,
}

const EXAMPLE: &str = "\
Example: what the configuration enables
  tidegate rules list -c tidegate.toml
  tidegate rules show s3_large_download";

/// Prints the list.
///
/// # Errors
/// The configuration or the rules cannot be used.
pub fn run(args: &Args, global: &Global, output: &mut Output<'_>) -> Result<ExitCode, Failure> {
    let format = match &args.verb {
        Verb::List { format } => *format,
        Verb::Show(args) => return rules_show::run(args, global, output),
        Verb::Lint(args) => return rules_lint::run(args, global, output),
        Verb::Import(args) => return rules_import::run(args, output),
    };
    let (settings, origins) = global.settings()?;
    let rules = catalogue::rules(&settings, &origins, Locality::OfSources)?;
    let outlines = rule::outlines(&catalogue::rule_files(&settings.rules)?);
    let off = off(&outlines, &rules, &settings);
    let speaking = rules.rules().iter().filter(|rule| !rule.silent);
    let text = match format {
        Format::Table => {
            let off = off.iter().map(|(outline, why)| off_row(outline, why));
            table(speaking.map(row).chain(off))
        }
        Format::Json => {
            let off = off.iter().map(|(outline, why)| off_json(outline, why));
            let rows: Vec<_> = speaking.map(as_json).chain(off).collect();
            serde_json::to_string_pretty(&rows)? + "\n"
        }
    };
    output.print(&text)?;
    Ok(ExitCode::Done)
}

/// Rules that could alert and do not run here, with the reason.
pub(super) fn off<'o>(
    outlines: &'o [Outline],
    rules: &RuleSet,
    settings: &Settings,
) -> Vec<(&'o Outline, &'static str)> {
    let is_replaced = |outline: &Outline| {
        let takes = |other: &&Outline| !other.is_builtin && other.is_called(outline.label());
        outline.is_builtin && outlines.iter().any(|other| takes(&other))
    };
    let speaking = rule::speaking(outlines).into_iter();
    speaking
        .filter(|outline| rules.find(outline.label()).is_none() && !is_replaced(outline))
        .map(|outline| {
            let named = |name: &String| outline.is_called(name);
            let tuned = settings.tune.iter().find(|tune| outline.is_called(&tune.rule));
            let by_file = outline.json.pointer("/tidegate/enabled") == Some(&false.into());
            let why = if settings.rules.disable.iter().any(named) {
                "off: rules.disable"
            } else {
                match tuned.and_then(|tune| tune.enabled) {
                    Some(false) => "off: [rule.NAME]",
                    None if by_file => "off: ships switched off",
                    _ => "off: left out, validate says why",
                }
            };
            (outline, why)
        })
        .collect()
}

fn off_row(outline: &Outline, why: &str) -> [String; 5] {
    let json = off_json(outline, why);
    let text = |key: &str| json.get(key).and_then(|value| value.as_str()).unwrap_or("-").to_owned();
    let names = techniques(&tags(outline)).join(" ");
    [text("name"), text("level"), why.to_owned(), names, text("id")]
}

fn off_json(outline: &Outline, why: &str) -> serde_json::Value {
    json!({
        "name": outline.label(),
        "id": outline.id,
        "title": outline.title,
        "level": outline.json.get("level"),
        "runs": false,
        "looks_for": why,
        "techniques": techniques(&tags(outline)),
        "tags": tags(outline),
    })
}

fn tags(outline: &Outline) -> Vec<String> {
    let tags = outline.json.get("tags").and_then(|tags| tags.as_array());
    let texts = tags.into_iter().flatten().filter_map(|tag| tag.as_str());
    texts.map(str::to_owned).collect()
}

fn row(rule: &Rule) -> [String; 5] {
    [
        rule.text.name.clone(),
        levels(rule),
        looks_for(rule),
        techniques(&rule.text.tags).join(" "),
        rule.text.id.clone(),
    ]
}

fn table(rows: impl Iterator<Item = [String; 5]>) -> String {
    let head = ["NAME", "LEVEL", "LOOKS FOR", "TECHNIQUES", "ID"].map(str::to_owned);
    let rows: Vec<[String; 5]> = std::iter::once(head).chain(rows).collect();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..5).filter_map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn levels(rule: &Rule) -> String {
    let top = match &rule.kind {
        Kind::Match | Kind::NewTerms(_) => rule.level,
        Kind::Window(window) => window.tiers.last().map_or(rule.level, |tier| tier.level),
    };
    if top == rule.level {
        rule.level.name().to_owned()
    } else {
        format!("{}..{}", rule.level.name(), top.name())
    }
}

fn looks_for(rule: &Rule) -> String {
    match &rule.kind {
        Kind::Match => "each matching event".to_owned(),
        Kind::NewTerms(terms) => format!("values not seen together for {}", terms.history),
        Kind::Window(window) => {
            let amount = window.tiers.first().map_or(0, |tier| tier.gte);
            let what = match window.measure {
                crate::rule::Measure::Count => "events",
                crate::rule::Measure::Sum(_) => "in sum",
                crate::rule::Measure::Distinct { sampled: 0, .. } => "different values",
                crate::rule::Measure::Distinct { .. } => "different values, about",
                crate::rule::Measure::Signals { .. } => "different signals",
                crate::rule::Measure::Mean(_) => "on average",
                crate::rule::Measure::Percentile { percent: 50, .. } => "as the median",
                crate::rule::Measure::Percentile { .. } => "as a percentile",
                crate::rule::Measure::Rules { ordered, .. } => {
                    let how = if ordered { "one after the other" } else { "together" };
                    let when = if window.closes { ", judged when it has closed" } else { "" };
                    return format!("rules {how} in {}{when}", window.span);
                }
            };
            let kind = match window.kind {
                WindowKind::Sliding => "sliding",
                WindowKind::Tumbling => "tumbling",
            };
            if window.closes {
                format!(
                    "{} {what} in {} {kind}, judged when it has closed",
                    window.condition, window.span
                )
            } else {
                format!(">= {amount} {what} in {} {kind}", window.span)
            }
        }
    }
}

fn techniques(tags: &[String]) -> Vec<String> {
    tags.iter()
        .filter_map(|tag| tag.strip_prefix("attack."))
        .filter(|name| name.starts_with('t') && name.chars().any(|c| c.is_ascii_digit()))
        .map(str::to_uppercase)
        .collect()
}

fn as_json(rule: &Rule) -> serde_json::Value {
    json!({
        "name": rule.text.name,
        "id": rule.text.id,
        "title": rule.text.title,
        "source": rule.source.name(),
        "level": rule.level.name(),
        "levels": levels(rule),
        "looks_for": looks_for(rule),
        "runs": true,
        "techniques": techniques(&rule.text.tags),
        "tags": rule.text.tags,
    })
}
