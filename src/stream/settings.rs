//! From the checked configuration to what this room needs.

use super::access::Access;
use super::options::{Guarantee, Options, Properties, Rhythm, SourceOptions, StartFrom};
use crate::config::{self, Settings};
use secrecy::ExposeSecret;

/// Records taken from one partition before the next one has its turn.
const BATCH_RECORDS: usize = 2000;

/// How the cluster is reached, for clients beside the pipeline.
///
/// # Errors
/// A file with a secret cannot be read; the text names it.
pub fn access(settings: &Settings) -> Result<Access, SecretError> {
    Ok(Access {
        brokers: settings.kafka.brokers.join(","),
        properties: client_properties(&settings.kafka)?,
    })
}

/// What the workers need.
///
/// # Errors
/// A file with a secret cannot be read; the text names it.
pub fn options(settings: &Settings) -> Result<Options, SecretError> {
    let kafka = &settings.kafka;
    let largest = settings.sources.iter().map(|source| source.max_record_bytes.0).max();
    Ok(Options {
        app: settings.app.id.clone(),
        instance: settings.app.instance.clone(),
        workers: settings.app.workers,
        brokers: kafka.brokers.join(","),
        sources: settings
            .sources
            .iter()
            .map(|source| SourceOptions { name: source.name.clone(), topic: source.topic.clone() })
            .collect(),
        alerts_topic: settings.alerts.topic.clone(),
        dead_letter_topic: settings.alerts.dlq_topic.clone(),
        client: Properties(client_properties(kafka)?),
        consumer: Properties(pairs(&kafka.consumer_properties)),
        producer: Properties(pairs(&kafka.producer_properties)),
        start_from: match kafka.start_from {
            config::StartFrom::Earliest => StartFrom::Earliest,
            config::StartFrom::Latest => StartFrom::Latest,
            config::StartFrom::Error => StartFrom::Error,
        },
        session_timeout: kafka.session_timeout,
        max_poll_interval: kafka.max_poll_interval,
        transaction_timeout: kafka.transaction_timeout,
        producer_compression: kafka.producer_compression.clone(),
        rhythm: Rhythm {
            commit_interval: settings.state.commit_interval,
            urgent_commit: settings.state.urgent_commit,
            max_dirty_bytes: bytes(settings.state.max_dirty_bytes.0),
        },
        batch_records: BATCH_RECORDS,
        max_record_bytes: bytes(largest.unwrap_or(8 << 20)),
        guarantee: Guarantee::ExactlyOnce,
    })
}

/// A secret that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the file of {key} could not be read: {path}")]
pub struct SecretError {
    key: &'static str,
    path: String,
    source: std::io::Error,
}

/// Pass-through properties and what `[kafka]`, `[kafka.tls]` and `[kafka.sasl]` say.
fn client_properties(kafka: &config::Kafka) -> Result<Vec<(String, String)>, SecretError> {
    let mut properties = pairs(&kafka.properties);
    let mut set = |name: &str, value: &str| properties.push((name.to_owned(), value.to_owned()));
    set("security.protocol", kafka.security.name());
    if let Some(path) = &kafka.tls.ca_file {
        set("ssl.ca.location", &path.display().to_string());
    }
    if let Some(own) = &kafka.tls.own {
        set("ssl.certificate.location", &own.cert_file.display().to_string());
        set("ssl.key.location", &own.key_file.display().to_string());
        if let Some(password) = &own.key_password {
            let secret = read("kafka.tls.key_password_file", password)?;
            set("ssl.key.password", secret.expose_secret());
        }
    }
    if let Some(sasl) = &kafka.sasl {
        set("sasl.mechanism", sasl.mechanism.name());
        set("sasl.username", &sasl.username);
        let secret = read("kafka.sasl.password_file", &sasl.password)?;
        set("sasl.password", secret.expose_secret());
    }
    Ok(properties)
}

fn read(
    key: &'static str,
    file: &config::SecretFile,
) -> Result<secrecy::SecretString, SecretError> {
    file.read().map_err(|source| SecretError {
        key,
        path: file.path().display().to_string(),
        source,
    })
}

fn pairs(properties: &std::collections::BTreeMap<String, String>) -> Vec<(String, String)> {
    properties.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn bytes(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
