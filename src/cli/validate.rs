//! `tidegate validate`: configuration, rules and, when wanted, the broker's topics.

use super::catalogue::{self, Locality};
use super::pipeline::secret_failure;
use super::{ExitCode, Failure, Global, Output, against};
use crate::config::check_host;
use crate::rule;
use crate::stream::preflight::{self, TopicsError};
use crate::stream::settings;
use std::time::Duration;

/// Check configuration and rules, and ask the broker for the topics
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// Do not connect to Kafka
    #[arg(long)]
    pub no_broker: bool,
    /// Treat warnings as errors
    #[arg(long)]
    pub deny_warnings: bool,
    /// Say what becomes of each rule's state, against a folder of rules or a running process
    #[arg(long, value_name = "DIR|URL")]
    pub against: Option<String>,
}

const EXAMPLE: &str = "\
Example: in a pipeline, before a configuration is rolled out
  tidegate validate -c tidegate.toml --no-broker --deny-warnings
What would this configuration reset in the process that runs?
  tidegate validate --no-broker --against http://127.0.0.1:9598";

/// Prints one line for each problem, then what was checked.
///
/// # Errors
/// The configuration cannot be used (78), the broker cannot be reached or lacks topics (69).
pub fn run(args: &Args, global: &Global, output: &mut Output<'_>) -> Result<ExitCode, Failure> {
    let loaded = global.load();
    let origins = loaded.origins().clone();
    let mut problems: Vec<rule::Problem> =
        loaded.problems.iter().map(crate::config::Problem::to_rule_problem).collect();
    let mut rules = None;
    if let Some(settings) = &loaded.settings {
        let host = check_host(settings, &origins);
        problems.extend(host.iter().map(crate::config::Problem::to_rule_problem));
        let catalogue = catalogue::load(settings, &origins, Locality::OfSources)?;
        rules = catalogue.rules;
        problems.extend(catalogue.problems);
        // The loader takes any member, since the log may have new ones; a slip looks the same.
        problems.extend(rule::unknown_members(&catalogue::rule_files(&settings.rules)?));
    }
    for problem in &problems {
        output.print(&format!("{problem}\n"))?;
    }
    let errors = count(&problems, rule::Severity::Error);
    let warnings = count(&problems, rule::Severity::Warning);
    // Without rules although nothing is an error: the configuration denies warnings itself.
    if errors > 0 || rules.is_none() || (args.deny_warnings && warnings > 0) {
        output.print(&format!("{errors} errors, {warnings} warnings\n"))?;
        return Ok(ExitCode::Configuration);
    }
    let Some(settings) = loaded.settings else { return Ok(ExitCode::Configuration) };
    if let (Some(against), Some(rules)) = (&args.against, &rules) {
        output.print(&against::told(against, rules, &settings, &origins)?)?;
    }
    let rules = rules.map_or(0, |rules| rules.rules().len());
    let mut checked = format!("configuration and {rules} rules are fine, {warnings} warnings");
    if !args.no_broker {
        let options = settings::options(&settings).map_err(secret_failure)?;
        preflight::check(&options, Duration::ZERO).map_err(topics_failure)?;
        checked.push_str("; the topics are as they should be");
    }
    output.print(&format!("{checked}\n"))?;
    Ok(ExitCode::Done)
}

/// Which exit status the state of the topics is.
pub(super) fn topics_failure(error: TopicsError) -> Failure {
    let exit = match &error {
        TopicsError::Unfit(_) => ExitCode::Failure,
        TopicsError::Unreachable { .. } | TopicsError::Missing { .. } | TopicsError::Refused(_) => {
            ExitCode::Unavailable
        }
    };
    Failure::new(exit, error)
}

fn count(problems: &[rule::Problem], severity: rule::Severity) -> usize {
    problems.iter().filter(|problem| problem.severity == severity).count()
}
