//! `tidegate run` as a process that a test starts, kills and starts again: the real configuration,
//! rules, engine and RocksDB, with a point at which the process kills itself if the test wants it.

use crate::acceptance;
use crate::broker::Outcome;
use crate::process::{KillAt, Process};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const ASKED: &str = "TIDEGATE_TEST_RUN";

/// One process of a deployment.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    /// Its configuration file.
    config: PathBuf,
    /// Its state.
    pub(crate) state: PathBuf,
}

impl Instance {
    /// Writes the configuration of an instance into `dir`.
    pub(crate) fn new(
        bootstrap: &str,
        app: &str,
        name: &str,
        dir: &Path,
        disabled: &[String],
    ) -> Outcome<Self> {
        let left_out = acceptance::left_out(acceptance::key());
        let disabled: Vec<&String> = disabled.iter().chain(&left_out).collect();
        Self::with_rules(bootstrap, app, name, dir, &format!("disable = {disabled:?}\n"))
    }

    /// The same with the table `[rules]` as given, and what stands behind it.
    pub(crate) fn with_rules(
        bootstrap: &str,
        app: &str,
        name: &str,
        dir: &Path,
        rules: &str,
    ) -> Outcome<Self> {
        let state = dir.join(format!("state-{name}"));
        let brokers: Vec<String> = bootstrap.split(',').map(|one| format!("\"{one}\"")).collect();
        let text = format!(
            r#"
[app]
id = "{app}"
instance = "{name}"
workers = 2
[kafka]
brokers = [{brokers}]
session_timeout = "6s"
transaction_timeout = "10s"
[[source]]
name = "ct"
topic = "{app}-in"
key = ["tidegate.principal"]
[state]
dir = "{state}"
commit_interval = "10ms"
urgent_commit = "10ms"
block_cache = "32MiB"
write_buffer = "1MiB"
[alerts]
topic = "{app}-alerts"
[alerts.dlq]
topic = "{app}-dlq"
[http.admin]
listen = "127.0.0.1:0"
[log]
level = "warn"
[rules]
{rules}"#,
            brokers = brokers.join(", "),
            state = state.display(),
        );
        let config = dir.join(format!("{name}.toml"));
        std::fs::create_dir_all(&state).map_err(|error| error.to_string())?;
        std::fs::write(&config, text).map_err(|error| error.to_string())?;
        Ok(Self { config, state })
    }

    /// Runs to its end where no file may grow beyond `kib`: exit status and what it said.
    pub(crate) fn run_where_files_end_at(&self, kib: u32) -> Outcome<(Option<i32>, String)> {
        let me = std::env::current_exe().map_err(|error| error.to_string())?;
        // With the signal ignored, a write beyond the limit fails as on a full disk.
        let script = format!("trap '' XFSZ; ulimit -f {kib}; exec \"$0\"");
        let ended = std::process::Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "bash", "-c", &script])
            .arg(me)
            .env(ASKED, format!("|{}", self.config.display()))
            .stdin(std::process::Stdio::null())
            .output()
            .map_err(|error| error.to_string())?;
        Ok((ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned()))
    }

    /// Starts the process; `kill` as `Point:times`, or empty.
    pub(crate) fn start(&self, kill: &str) -> Outcome<Process> {
        Process::start_with(ASKED, &format!("{kill}|{}", self.config.display()))
    }
}

/// Runs `tidegate run` if the environment asks for it.
pub(crate) fn run_if_asked() -> Option<ExitCode> {
    let line = std::env::var(ASKED).ok()?;
    let (kill, config) = line.split_once('|')?;
    let arguments = ["tidegate", "run", "--config", config];
    Some(match tidegate::cli::run_with_faults(arguments, KillAt::parse(kill)) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            eprint!("{failure}");
            failure.exit().into()
        }
    })
}
