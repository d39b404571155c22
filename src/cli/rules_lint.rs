//! `tidegate rules lint`: problems of rules, and advice about those that load.

use super::catalogue;
use super::failure::{ExitCode, Failure};
use super::global::Global;
use super::output::Output;
use crate::rule::{self, LoadOptions, Problem, RuleFile, Severity};
use std::path::PathBuf;

/// Check rules, and advise on those that are right
///
/// Without a path, the rules that the configuration names. Exit status 78 when a rule cannot be used.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// Rule files, and folders of them
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Exit with 1 when there is a warning or advice
    #[arg(long)]
    pub deny_warnings: bool,
}

const EXAMPLE: &str = "\
Example: before a rule is merged
  tidegate rules lint --deny-warnings rules/";

/// Prints one line for each problem and piece of advice.
///
/// # Errors
/// Files cannot be read, or the configuration cannot be used.
pub fn run(args: &Args, global: &Global, output: &mut Output<'_>) -> Result<ExitCode, Failure> {
    let (own, all) = files(args, global)?;
    let loaded = rule::load(&all, &LoadOptions::default());
    let is_own = |problem: &&Problem| own.iter().any(|file| file.name == problem.place.file);
    // That own rules replace the shipped ones of the same name is what they are linted for.
    let is_news = |problem: &&Problem| !args.paths.is_empty() || problem.code != "replaces-builtin";
    let mut problems: Vec<Problem> =
        loaded.problems.iter().filter(is_own).filter(is_news).cloned().collect();
    problems.extend(rule::lint(&own, loaded.rules.as_ref()));
    problems.sort_by(|left, right| left.place.cmp(&right.place));
    problems.dedup();
    for problem in &problems {
        output.print(&format!("{problem}\n"))?;
    }
    let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    let advice = problems.len() - errors;
    output.print(&format!("{} files, {errors} errors, {advice} to look at\n", own.len()))?;
    Ok(match (errors, advice) {
        (1.., _) => ExitCode::Configuration,
        (0, 1..) if args.deny_warnings => ExitCode::Failure,
        _ => ExitCode::Done,
    })
}

/// The files to look at, and all that they may refer to.
fn files(args: &Args, global: &Global) -> Result<(Vec<RuleFile>, Vec<RuleFile>), Failure> {
    if args.paths.is_empty() {
        let (settings, _) = global.settings()?;
        let files = catalogue::rule_files(&settings.rules)?;
        return Ok((files.clone(), files));
    }
    let mut own = Vec::new();
    for path in &args.paths {
        own.extend(catalogue::read_rules(path)?);
    }
    let all = own.iter().cloned().chain(rule::builtin()).collect();
    Ok((own, all))
}
