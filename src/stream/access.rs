//! How a cluster is reached: what every client of this process has in common.

use rdkafka::config::ClientConfig;
use std::fmt;

/// Addresses, security and pass-through properties.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// `host:port` list, comma separated.
    pub brokers: String,
    /// librdkafka properties; values are never printed, some are passwords.
    pub properties: Vec<(String, String)>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.properties.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Access")
            .field("brokers", &self.brokers)
            .field("properties", &names)
            .finish()
    }
}

impl Access {
    /// A cluster that anybody may use.
    #[must_use]
    pub fn plain(brokers: &str) -> Self {
        Self { brokers: brokers.to_owned(), properties: Vec::new() }
    }

    /// Where a client starts from; what it sets afterwards wins over pass-through properties.
    pub(super) fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        config.set("bootstrap.servers", &self.brokers);
        config
    }
}
