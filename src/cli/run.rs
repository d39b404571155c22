//! `tidegate run`: the arguments.

/// Detect on Kafka: read the sources, write alerts exactly once
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// Stop at the ends that the partitions have at the start
    #[arg(long)]
    pub once: bool,
}

const EXAMPLE: &str = "\
Example: work through what is in the topic now, then stop
  tidegate run -c tidegate.toml --once";
