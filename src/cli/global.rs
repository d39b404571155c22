//! Flags that every verb has, and what they give: settings and the log.

use super::failure::{ExitCode, Failure};
use crate::config::{Loaded, Machine, Merged, Origins, Request, Settings, load};
use crate::telemetry::{self, LogFormat};
use clap::{Args, ValueEnum};
use std::io::IsTerminal;
use std::path::PathBuf;

/// Flags before or behind the verb.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Configuration file, repeatable, later ones win [default: ./tidegate.toml, else /etc/tidegate/config.toml]
    #[arg(
        short,
        long,
        global = true,
        value_name = "FILE",
        env = "TIDEGATE_CONFIG",
        hide_env_values = true
    )]
    pub config: Vec<PathBuf>,

    /// Set one key of the configuration, repeatable, wins over files and environment
    #[arg(long, global = true, value_name = "SECTION.KEY=VALUE")]
    pub set: Vec<String>,

    /// Log more (-v debug, -vv trace)
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,

    /// Log less (-q warnings, -qq errors)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub quiet: u8,

    /// Form of the log
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    pub log_format: Option<LogFormatChoice>,

    /// Colors on standard error and in output for people
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
}

/// `--log-format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormatChoice {
    /// For people
    Pretty,
    /// One JSON object for each line
    Json,
    /// Pretty on a terminal, JSON elsewhere
    Auto,
}

/// `--color`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// Decided by the stream and the environment.
    #[value(help = "On a terminal, unless NO_COLOR is set")]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Global {
    /// Reads and merges all layers; nothing is refused yet.
    #[must_use]
    pub fn load(&self) -> Loaded {
        load(&self.request(), &Machine::this())
    }

    /// Where the configuration is read from.
    #[must_use]
    pub fn request(&self) -> Request {
        Request::of_process(self.config.clone(), self.set.clone())
    }

    /// The settings, with where each key was written.
    ///
    /// # Errors
    /// Every problem of the configuration, with exit status 78.
    pub fn settings(&self) -> Result<(Settings, Origins), Failure> {
        let (settings, merged) = self.merged_settings()?;
        Ok((settings, merged.origins().clone()))
    }

    /// The settings, with every key as it was written.
    ///
    /// # Errors
    /// As [`Self::settings`].
    pub fn merged_settings(&self) -> Result<(Settings, Merged), Failure> {
        let Loaded { settings, problems, merged } = self.load();
        let Some(settings) = settings else { return Err(Failure::configuration(&problems)) };
        for warning in &problems {
            eprintln!("tidegate: {warning}");
        }
        Ok((settings, merged))
    }

    /// Starts the log as the configuration says and these flags override.
    ///
    /// # Errors
    /// `log.level` cannot be read: exit status 78.
    pub fn install_log(&self, settings: &Settings) -> Result<(), Failure> {
        let level = match (self.verbose, self.quiet) {
            (0, 0) => settings.log.level.as_str(),
            (1, _) => "debug",
            (2.., _) => "trace",
            (0, 1) => "warn",
            (0, _) => "error",
        };
        let format = match self.log_format {
            Some(LogFormatChoice::Pretty) => LogFormat::Pretty,
            Some(LogFormatChoice::Json) => LogFormat::Json,
            Some(LogFormatChoice::Auto) => LogFormat::Auto,
            None => settings.log.format,
        };
        let with_color = self.color.is_wanted_on(&std::io::stderr());
        telemetry::install_log(level, format, with_color)
            .map_err(|error| Failure::new(ExitCode::Configuration, error))
    }
}

impl Color {
    /// Whether colors are to be written to `stream`.
    pub fn is_wanted_on(self, stream: &impl IsTerminal) -> bool {
        match self {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => stream.is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        }
    }
}
