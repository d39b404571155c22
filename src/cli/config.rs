//! `tidegate config`: a file to begin with, and what is in force.

use super::failure::{ExitCode, Failure};
use super::global::Global;
use super::output::Output;
use crate::config::{Extent, ShowKeys, ShowOrigin, template};
use clap::Subcommand;

/// Write a configuration to begin with, or show what is in force
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLE: &str = "\
Example: begin with a file, change one key for one call, see where each value comes from
  tidegate config init > tidegate.toml
  tidegate config show --resolved --origin --set state.commit_interval=200ms";

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print a commented configuration file that changes nothing
    Init {
        /// What nearly everybody sets (the default)
        #[arg(long, conflicts_with = "full")]
        minimal: bool,
        /// Every key with its default
        #[arg(long)]
        full: bool,
    },
    /// Print the configuration as TOML after merging files, environment and --set
    Show {
        /// Also what nobody wrote: the defaults
        #[arg(long)]
        resolved: bool,
        /// Behind each key where it was written
        #[arg(long)]
        origin: bool,
    },
}

pub(super) fn run(
    args: &Args,
    global: &Global,
    output: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    match args.verb {
        Verb::Init { full, .. } => {
            output.print(&template(if full { Extent::Full } else { Extent::Minimal }))?;
        }
        Verb::Show { resolved, origin } => {
            let loaded = global.load();
            if loaded.settings.is_none() {
                return Err(Failure::configuration(&loaded.problems));
            }
            for warning in &loaded.problems {
                eprintln!("tidegate: {warning}");
            }
            let keys = if resolved { ShowKeys::All } else { ShowKeys::Written };
            let show = if origin { ShowOrigin::Yes } else { ShowOrigin::No };
            output.print(&loaded.merged.to_toml(keys, show))?;
        }
    }
    Ok(ExitCode::Done)
}
