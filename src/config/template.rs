//! The text of `config init`: a file that says what each key means and changes nothing.

use super::key::{Key, Kind};
use super::table::{KEYS, SECTIONS};
use std::fmt::Write;

/// How much `config init` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// What nearly everybody sets.
    Minimal,
    /// Every key.
    Full,
}

/// Keys of [`Extent::Minimal`].
const MINIMAL: [&str; 9] = [
    "app.id",
    "kafka.brokers",
    "kafka.security_protocol",
    "source[].name",
    "source[].topic",
    "source[].key",
    "state.dir",
    "alerts.topic",
    "rules.paths",
];

/// A commented file that parses to the defaults; keys without a default are commented out.
#[must_use]
pub fn template(extent: Extent) -> String {
    let mut text = String::from(match extent {
        Extent::Minimal => {
            "# tidegate, what nearly everybody sets; `tidegate config init --full` shows every key.\n"
        }
        Extent::Full => "# tidegate, every key with its default.\n",
    });
    for section in SECTIONS {
        let keys: Vec<&Key> = KEYS
            .iter()
            .filter(|key| key.section() == section.path)
            .filter(|key| extent == Extent::Full || MINIMAL.contains(&key.path))
            .collect();
        if keys.is_empty() {
            continue;
        }
        // A named list has no default: a table of it would be a list.
        let is_chosen = section.path.contains('*');
        let header = match section.path.strip_suffix("[]") {
            Some(repeated) => format!("[[{repeated}]]"),
            None => format!("[{}]", section.path.replace('*', chosen(section.path))),
        };
        let mark = if is_chosen { "# " } else { "" };
        let _ = write!(text, "\n# {}\n{mark}{header}\n", section.help);
        for key in keys {
            let _ = writeln!(text, "{}", lines(key));
        }
    }
    text
}

/// A name in place of the user's own.
fn chosen(section: &str) -> &'static str {
    if section.starts_with("rule") { "s3_large_download" } else { "our_accounts" }
}

fn lines(key: &Key) -> String {
    let name = match key.kind {
        Kind::PassThrough => example_property(key.section()),
        _ => key.name(),
    };
    let choices = match key.kind {
        Kind::OneOf { now, .. } => format!(" One of: {}.", now.join(", ")),
        Kind::SomeOf { now, .. } => format!(" Out of: {}.", now.join(", ")),
        _ => String::new(),
    };
    let setting = match key.default {
        Some(default) if !key.path.contains('*') => format!("{name} = {default}"),
        _ => format!("# {name} = {}", key.example),
    };
    format!("# {}{choices}\n{setting}", key.help)
}

fn example_property(section: &str) -> &'static str {
    match section {
        "kafka.librdkafka.consumer" => "\"fetch.min.bytes\"",
        "kafka.librdkafka.producer" => "\"queue.buffering.max.kbytes\"",
        _ => "\"socket.keepalive.enable\"",
    }
}
