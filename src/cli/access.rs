//! `[kafka]` → what a client of librdkafka is told.

use super::failure::{ExitCode, Failure};
use crate::config::{Kafka, SecretFile};
use crate::stream::access::Access;
use secrecy::ExposeSecret;

/// Addresses, security and pass-through properties of every client.
///
/// # Errors
/// A secret's file cannot be read: exit status 78.
pub(super) fn access(kafka: &Kafka) -> Result<Access, Failure> {
    let mut properties: Vec<(String, String)> =
        kafka.properties.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    // After the properties that were passed through: none of these may be overridden.
    let mut set = |name: &str, value: String| properties.push((name.to_owned(), value));
    set("security.protocol", kafka.security.name().to_owned());
    if let Some(file) = &kafka.tls.ca_file {
        set("ssl.ca.location", file.display().to_string());
    }
    if let Some(own) = &kafka.tls.own {
        set("ssl.certificate.location", own.cert_file.display().to_string());
        set("ssl.key.location", own.key_file.display().to_string());
        if let Some(password) = &own.key_password {
            set("ssl.key.password", read(password)?);
        }
    }
    if let Some(sasl) = &kafka.sasl {
        set("sasl.mechanism", sasl.mechanism.name().to_owned());
        set("sasl.username", sasl.username.clone());
        set("sasl.password", read(&sasl.password)?);
    }
    Ok(Access { brokers: kafka.brokers.join(","), properties })
}

fn read(file: &SecretFile) -> Result<String, Failure> {
    match file.read() {
        Ok(secret) => Ok(secret.expose_secret().to_owned()),
        Err(error) => {
            let what = format!("cannot read the secret in {}", file.path().display());
            Err(Failure::new(ExitCode::Configuration, anyhow::Error::new(error).context(what)))
        }
    }
}
