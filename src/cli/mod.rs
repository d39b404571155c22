//! The command line: arguments, printing, exit codes (operations.md §5).
//!
//! One file for each verb, each with three parts: its arguments, `run`, and how the result is
//! printed. Nothing here decides about detection; this is the only room that prints. Standard
//! output is data, standard error is for people.

#![expect(clippy::print_stderr, reason = "this room prints")]

mod against;
mod bar;
mod catalogue;
mod config;
mod demo;
mod demo_pipeline;
mod explain;
mod failure;
mod global;
mod moment;
mod output;
mod pipeline;
mod publish;
mod reload;
mod rules;
mod rules_import;
mod rules_lint;
mod rules_show;
pub mod run;
mod scan;
mod scan_summary;
mod schema;
mod tail;
mod test;
mod topics;
mod validate;
mod watched;

pub use failure::{ExitCode, Failure};
pub use global::{Color, Global, LogFormatChoice};
pub use output::Output;

use clap::{Parser, Subcommand};

/// All that was typed.
#[derive(Debug, Parser)]
#[command(
    name = "tidegate",
    version,
    about = "Finds data leaving Amazon S3 while it is leaving: CloudTrail from Kafka, alerts to Kafka",
    after_help = LEARN,
    disable_help_subcommand = true,
    max_term_width = 100
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

/// Shown below the list of verbs.
const LEARN: &str = "\
First steps:
  tidegate demo                            see it find planted exfiltrations, nothing to set up
  tidegate scan FOLDER                     the shipped rules over CloudTrail files, no Kafka
  tidegate config init > tidegate.toml     write a configuration, then edit it
  tidegate config show --resolved --origin see what is in force and where it was written

Exit status: 0 done, 1 failed, 2 usage, 69 broker or service unavailable, 78 bad configuration or rule";

/// The verbs, in the order of the help.
#[derive(Debug, Subcommand)]
enum Verb {
    Demo(demo::Args),
    Scan(scan::Args),
    Run(run::Args),
    Validate(validate::Args),
    Rules(rules::Args),
    Test(test::Args),
    Explain(explain::Args),
    Publish(publish::Args),
    Topics(topics::Args),
    Tail(tail::Args),
    Config(config::Args),
    Schema(schema::Args),
}

/// Parses this process's arguments, calls the verb, prints what went wrong.
#[must_use]
pub fn main() -> std::process::ExitCode {
    let mut stdout = std::io::stdout().lock();
    let mut output = Output::new(&mut stdout);
    match call(std::env::args_os(), &mut output) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            eprint!("{failure}");
            failure.exit().into()
        }
    }
}

/// Parses arguments (the first is the program's name) and calls the verb.
///
/// # Errors
/// What the verb could not do, with the exit status that says so.
pub fn call<I>(arguments: I, output: &mut Output<'_>) -> Result<ExitCode, Failure>
where
    I: IntoIterator,
    I::Item: Into<std::ffi::OsString> + Clone,
{
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        // clap prints itself: help to standard output, usage errors to standard error.
        Err(error) => {
            let exit = if error.use_stderr() { ExitCode::Usage } else { ExitCode::Done };
            if error.print().is_err() {
                return Ok(ExitCode::Failure);
            }
            return Ok(exit);
        }
    };
    let global = &cli.global;
    match &cli.verb {
        Verb::Demo(args) => demo::run(args, global, output),
        Verb::Scan(args) => scan::run(args, global, output),
        Verb::Run(args) => run::run(args, global),
        Verb::Validate(args) => validate::run(args, global, output),
        Verb::Rules(args) => rules::run(args, global, output),
        Verb::Test(args) => test::run(args, global, output),
        Verb::Explain(args) => explain::run(args, global, output),
        Verb::Publish(args) => publish::run(args, global, output),
        Verb::Topics(args) => topics::run(args, global, output),
        Verb::Tail(args) => tail::run(args, global, output),
        Verb::Config(args) => config::run(args, global, output),
        Verb::Schema(args) => schema::run(args, output),
    }
}

/// As [`call`] for the verb `run`, with the faults of tests that kill their own process.
///
/// # Errors
/// As [`call`]; another verb.
pub fn run_with_faults<I, F>(arguments: I, fault: F) -> Result<ExitCode, Failure>
where
    I: IntoIterator,
    I::Item: Into<std::ffi::OsString> + Clone,
    F: crate::stream::Fault + Clone + Send + 'static,
{
    let cli = Cli::try_parse_from(arguments)?;
    match &cli.verb {
        Verb::Run(args) => run::run_with(args, &cli.global, fault),
        _ => Err(anyhow::anyhow!("only run has faults").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    /// Exit status and standard output of a call, or the failure's status and text.
    fn check_cli(arguments: &[&str]) -> (u8, String) {
        let mut bytes = Vec::new();
        let with_name = ["tidegate"].iter().chain(arguments);
        let result = call(with_name, &mut Output::new(&mut bytes));
        match result {
            Ok(exit) => (exit.status(), String::from_utf8(bytes).expect("is UTF-8")),
            Err(failure) => (failure.exit().status(), failure.to_string()),
        }
    }

    fn folder_with(text: &str) -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("t.toml");
        std::fs::write(&path, text).expect("is written");
        (folder, path.display().to_string())
    }

    #[test]
    fn the_command_tree_is_sound_and_each_verb_has_an_example_that_parses() {
        let mut command = Cli::command();
        command.build();
        command.clone().debug_assert();
        for verb in command.get_subcommands() {
            let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples: Vec<&str> =
                help.lines().filter_map(|line| line.trim().strip_prefix("tidegate ")).collect();
            assert!(!examples.is_empty(), "{} has no example", verb.get_name());
            for example in examples {
                let typed = example.split(['>', '|', '#']).next().unwrap_or(example);
                let parsed =
                    Cli::try_parse_from(["tidegate"].into_iter().chain(typed.split_whitespace()));
                assert!(parsed.is_ok(), "{example}: {:?}", parsed.err());
            }
        }
    }

    #[test]
    fn config_init_writes_a_file_that_config_show_accepts() {
        let (status, text) = check_cli(&["config", "init", "--full"]);
        assert_eq!(status, 0);
        let (_folder, path) = folder_with(&text);

        let (status, shown) = check_cli(&["config", "show", "--resolved", "-c", &path]);

        assert_eq!(status, 0);
        assert!(shown.contains("[[source]]\nname = \"cloudtrail\""), "{shown}");
    }

    #[test]
    fn config_show_tells_where_a_key_was_written() {
        let (_folder, path) = folder_with("[app]\nid = \"mine\"\n");
        let arguments = ["-c", &path, "--set", "app.workers=2", "config", "show", "--origin"];

        let (status, shown) = check_cli(&arguments);

        assert_eq!(status, 0);
        assert!(shown.contains(&format!("id = \"mine\"  # {path} line 2\n")), "{shown}");
        assert!(shown.contains("workers = 2  # argument --set app.workers=2\n"), "{shown}");
        assert!(!shown.contains("shutdown_limit"), "{shown}");
    }

    #[test]
    fn a_wrong_configuration_lists_every_problem_and_exits_with_78() {
        let (_folder, path) = folder_with("[kafka]\nbrokerz = [\"a:1\"]\nsession_timeout = 15\n");

        let (status, text) = check_cli(&["config", "show", "-c", &path]);

        assert_eq!(status, 78);
        let expected = format!(
            "tidegate: the configuration has 2 problems\n  \
             unknown key kafka.brokerz in {path} line 2 (did you mean kafka.brokers?)\n  \
             {path}:3: kafka.session_timeout must be a whole number with ms, s, m, h or d, \
             found the number 15 (hint: write for example \"15s\")\n"
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn schema_config_prints_the_committed_schema() {
        let (status, text) = check_cli(&["schema", "config"]);
        assert_eq!(status, 0);
        assert_eq!(text, crate::config::schema_text());
    }

    #[test]
    fn usage_errors_exit_with_2_and_help_with_0() {
        assert_eq!(check_cli(&["nonsense"]).0, 2);
        assert_eq!(check_cli(&["config", "init", "--full", "--minimal"]).0, 2);
        assert_eq!(check_cli(&["--help"]).0, 0);
        assert_eq!(check_cli(&["--version"]).0, 0);
    }
}
