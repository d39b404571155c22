//! `tidegate rules`: the arguments.

use clap::{Subcommand, ValueEnum};

/// Show the rules that run
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
    List {
        /// Form of the list
        #[arg(long, value_enum, value_name = "FORMAT", default_value = "table")]
        format: Format,
    },
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
  tidegate rules list -c tidegate.toml";
