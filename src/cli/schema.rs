//! `tidegate schema`: JSON Schemas of what is read and written.

use super::failure::{ExitCode, Failure};
use super::output::Output;
use crate::config;
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
}

pub(super) fn run(args: &Args, output: &mut Output<'_>) -> Result<ExitCode, Failure> {
    match args.of {
        Of::Config => output.print(&config::schema_text())?,
    }
    Ok(ExitCode::Done)
}
