//! `tidegate rules`: which rules run, with level, threshold and techniques; and verbs on rule files.

use super::catalogue::{self, Locality};
use super::{ExitCode, Failure, Global, Output, rules_import, rules_lint, rules_show};
use crate::rule::{Kind, Rule, WindowKind};
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
    /// List the rules with level, threshold and techniques
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
    let text = match format {
        Format::Table => table(rules.rules()),
        Format::Json => {
            let rows: Vec<_> = rules.rules().iter().map(as_json).collect();
            serde_json::to_string_pretty(&rows)? + "\n"
        }
    };
    output.print(&text)?;
    Ok(ExitCode::Done)
}

fn table(rules: &[Rule]) -> String {
    let rows: Vec<[String; 5]> =
        std::iter::once(["NAME", "LEVEL", "LOOKS FOR", "TECHNIQUES", "ID"].map(str::to_owned))
            .chain(rules.iter().map(|rule| {
                [
                    rule.text.name.clone(),
                    levels(rule),
                    looks_for(rule),
                    techniques(rule).join(" "),
                    rule.text.id.clone(),
                ]
            }))
            .collect();
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
                crate::rule::Measure::Rules { ordered: true, .. } => {
                    return format!("rules one after the other in {}", window.span);
                }
                crate::rule::Measure::Rules { .. } => {
                    return format!("rules together in {}", window.span);
                }
            };
            let kind = match window.kind {
                WindowKind::Sliding => "sliding",
                WindowKind::Tumbling => "tumbling",
            };
            format!(">= {amount} {what} in {} {kind}", window.span)
        }
    }
}

fn techniques(rule: &Rule) -> Vec<String> {
    rule.text
        .tags
        .iter()
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
        "techniques": techniques(rule),
        "tags": rule.text.tags,
    })
}
