//! `tidegate rules import`: Panther's labelled logs as tests of a rule.

use super::failure::{ExitCode, Failure};
use super::output::Output;
use crate::rule::tests::{ForeignTest, foreign, yaml_block};
use crate::rule::{Problem, RuleFile};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Turn Panther's tests into tests of a rule
///
/// Reads a rule file with Tests (YAML or JSON), a list of them, or JSON lines with rule_id, test,
/// expected and log. Prints the block that belongs under the tidegate key of a rule.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// Files with tests
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Only the tests of this rule, by the id that the file gives it
    #[arg(long, value_name = "ID")]
    pub rule: Option<String>,
}

const EXAMPLE: &str = "\
Example: the tests of one Panther rule, to be pasted into its counterpart
  tidegate rules import aws_s3_bucket_deleted.yml";

/// Prints a block for each rule.
///
/// # Errors
/// A file cannot be read, or holds tests that are not whole.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<ExitCode, Failure> {
    let mut by_rule: BTreeMap<String, Vec<ForeignTest>> = BTreeMap::new();
    let mut problems: Vec<Problem> = Vec::new();
    for path in &args.files {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            let what = format!("tests cannot be read from {name}: {error}");
            Failure::new(ExitCode::Failure, anyhow::anyhow!(what))
        })?;
        let (tests, wrong) = foreign(&RuleFile { name, text, builtin: false });
        problems.extend(wrong);
        for test in tests {
            if args.rule.as_ref().is_none_or(|rule| *rule == test.rule) {
                by_rule.entry(test.rule.clone()).or_default().push(test);
            }
        }
    }
    if !problems.is_empty() {
        return Err(Failure::rules(&problems));
    }
    if by_rule.is_empty() {
        let what = format!("no test is of a rule {:?}", args.rule.as_deref().unwrap_or_default());
        return Err(Failure::new(ExitCode::Usage, anyhow::anyhow!(what)));
    }
    for (rule, tests) in &by_rule {
        let head =
            if rule.is_empty() { String::new() } else { format!("  # from {}\n", one_line(rule)) };
        output.print(&format!("{head}{}", yaml_block(tests)))?;
    }
    Ok(ExitCode::Done)
}

fn one_line(text: &str) -> String {
    crate::alert::visible(text, 200).into_owned()
}
