//! `tidegate schema`: JSON Schemas of what is read and written.

use super::failure::{ExitCode, Failure};
use super::output::Output;
use crate::{alert, config, rule};
use clap::ValueEnum;

/// Print a JSON Schema, for editors and for checks before a roll-out
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    /// Of what
    #[arg(value_enum)]
    of: Of,
}

const EXAMPLE: &str = "\
Example: let an editor check the configuration while it is written
  tidegate schema config > config.schema.json
  (first line of the configuration: #:schema ./config.schema.json)";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Of {
    /// The configuration file
    Config,
    /// A rule file: Sigma with the `tidegate` key
    Rule,
    /// `unmapped.alert_context` of an alert
    AlertContext,
}

pub(super) fn run(args: &Args, output: &mut Output<'_>) -> Result<ExitCode, Failure> {
    match args.of {
        Of::Config => output.print(&config::schema_text())?,
        Of::Rule => output.print(&pretty(&rule::schema())?)?,
        Of::AlertContext => output.print(&pretty(&alert::context_schema())?)?,
    }
    Ok(ExitCode::Done)
}

fn pretty(schema: &serde_json::Value) -> Result<String, Failure> {
    Ok(serde_json::to_string_pretty(schema)? + "\n")
}
