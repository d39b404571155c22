//! `tidegate validate`: the arguments.

/// Check configuration and rules, and ask the broker for topics and rights
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// Do not connect to Kafka
    #[arg(long)]
    pub no_broker: bool,
    /// Treat warnings as errors
    #[arg(long)]
    pub deny_warnings: bool,
}

const EXAMPLE: &str = "\
Example: in a pipeline, before a configuration is rolled out
  tidegate validate -c tidegate.toml --no-broker --deny-warnings";
