//! Logs: structured lines on standard error; standard output is data.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// Form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Pretty on a terminal, JSON elsewhere.
    Auto,
    /// For people.
    Pretty,
    /// One JSON object for each line.
    Json,
}

/// The log cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The text is not a filter.
    #[error(
        "log.level {0:?} is not a log filter, write for example \"info,tidegate::state=debug\""
    )]
    Filter(String, #[source] ParseError),
    /// Somebody has set up a log before.
    #[error("cannot install the log: {0}")]
    Installed(String),
}

/// Sends the log of the whole process to standard error. `with_color` is a wish: JSON has none.
///
/// # Errors
/// The filter cannot be read, or a log is installed already.
pub fn install(level: &str, format: LogFormat, with_color: bool) -> Result<(), LogError> {
    let filter = filter(level)?;
    let is_json = match format {
        LogFormat::Json => true,
        LogFormat::Pretty => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let installed = if is_json {
        builder.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
    } else {
        builder.with_ansi(with_color).with_target(false).try_init()
    };
    installed.map_err(|error| LogError::Installed(error.to_string()))
}

/// Reads a filter such as `info,tidegate::state=debug`.
fn filter(level: &str) -> Result<EnvFilter, LogError> {
    EnvFilter::try_new(level).map_err(|error| LogError::Filter(level.to_owned(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_names_levels_for_the_whole_and_for_parts() {
        assert!(filter("info,tidegate::state=debug").is_ok());
        let refused = filter("tidegate=loudest").map(|_| ()).expect_err("is no level");
        assert!(refused.to_string().starts_with("log.level \"tidegate=loudest\" is not"));
    }
}
