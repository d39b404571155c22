//! Which properties of librdkafka may be passed through (operations.md §6.1).
//!
//! Everything the protocol of exactly-once.md rests on has a typed key or a fixed value; a property
//! that could undo it is refused, with the key to use instead.

use super::layer::dotted;
use super::problem::{Origin, Problem};

/// Refused property, or beginning (`sasl.*`) or end (`*_cb`) of refused properties, and what to do.
const DENIED: &[(&str, &str)] = &[
    ("bootstrap.servers", "use kafka.brokers"),
    ("metadata.broker.list", "use kafka.brokers"),
    ("group.id", "use app.id"),
    ("group.instance.id", "use app.instance"),
    ("group.protocol", "it is fixed to classic"),
    ("group.remote.assignor", "the group protocol is fixed to classic"),
    ("transactional.id", "use app.id and app.instance"),
    ("enable.auto.commit", "offsets are committed in transactions"),
    ("enable.auto.offset.store", "offsets are committed in transactions"),
    ("auto.commit.interval.ms", "use state.commit_interval"),
    ("isolation.level", "it is fixed to read_committed"),
    ("auto.offset.reset", "use kafka.start_from"),
    ("enable.partition.eof", "it is fixed"),
    ("partition.assignment.strategy", "it is fixed to cooperative-sticky"),
    ("enable.idempotence", "it is fixed to true"),
    ("acks", "it is fixed to all"),
    ("request.required.acks", "it is fixed to all"),
    ("max.in.flight*", "it is fixed"),
    ("retries", "it is fixed"),
    ("message.send.max.retries", "it is fixed"),
    ("transaction.timeout.ms", "use kafka.transaction_timeout"),
    ("max.poll.interval.ms", "use kafka.max_poll_interval"),
    ("session.timeout.ms", "use kafka.session_timeout"),
    ("partitioner", "it is fixed"),
    ("partitioner_cb", "it is fixed"),
    ("compression.*", "use kafka.producer_compression"),
    ("security.protocol", "use kafka.security_protocol"),
    ("sasl.password", "use kafka.sasl.password_file"),
    ("sasl.username", "use kafka.sasl.username"),
    ("sasl.mechanism*", "use kafka.sasl.mechanism"),
    ("sasl.*", "use the table kafka.sasl"),
    ("ssl.*", "use the table kafka.tls"),
    ("plugin.library.paths", "it loads code"),
    ("*_cb", "callbacks cannot be set"),
    ("opaque", "it is used by tidegate"),
    ("interceptors", "they load code"),
    ("enable.sasl.oauthbearer.unsecure.jwt", "tokens must be signed"),
    ("statistics.interval.ms", "it is used for the metrics"),
];

/// Properties that a pattern of [`DENIED`] would catch and that are harmless.
const ALLOWED: &[&str] = &["ssl.cipher.suites", "ssl.curves.list", "ssl.sigalgs.list"];

/// Refuses a property on the deny-list; its value is never shown.
pub(super) fn check(path: &[&str], origin: &Origin) -> Result<(), Problem> {
    let Some((property, _)) = path.split_last() else { return Ok(()) };
    let name = property.to_ascii_lowercase();
    if ALLOWED.contains(&name.as_str()) {
        return Ok(());
    }
    let Some((_, hint)) = DENIED.iter().find(|(pattern, _)| matches(pattern, &name)) else {
        return Ok(());
    };
    let key = dotted(path);
    // The text after `--set` holds the value, which may be a password.
    let origin = match origin {
        Origin::Argument(text) => {
            let name = text.split_once('=').map_or(text.as_str(), |(name, _)| name);
            Origin::Argument(format!("{name}=***"))
        }
        other => other.clone(),
    };
    let what = format!("{key} cannot be passed through");
    Err(Problem::error("denied-property", &key, origin, what).hint(*hint))
}

/// Whether the name of a property says that its value is not for eyes.
pub(super) fn is_secret(property: &str) -> bool {
    ["password", "secret", "token", "credential", "private", ".pem"]
        .iter()
        .any(|part| property.to_ascii_lowercase().contains(part))
}

fn matches(pattern: &str, name: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => name.ends_with(end),
        (None, Some(beginning)) => name.starts_with(beginning),
        (None, None) => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_denied_property_names_the_way_to_go() {
        for (pattern, hint) in DENIED {
            let property = pattern.replace('*', "x");
            let problem = check(&["kafka", "librdkafka", &property], &Origin::Default)
                .expect_err("is on the list");
            assert_eq!(problem.code, "denied-property");
            assert!(problem.what.contains(&property), "{}", problem.what);
            assert!(problem.hint.is_some_and(|text| hint.len() > 8 && !text.is_empty()));
        }
    }

    #[test]
    fn cipher_choice_and_tuning_pass() {
        for property in ["ssl.cipher.suites", "ssl.curves.list", "ssl.sigalgs.list", "linger.ms"] {
            assert_eq!(check(&["kafka", "librdkafka", property], &Origin::Default), Ok(()));
        }
    }
}
