//! What the user wrote, merged: the shape of the file with defaults filled in.
//!
//! Each value is of the right kind (the layers were checked one by one), but nothing is known about
//! how the values fit together; that is [`super::Settings`].

use super::quantity::{parse_size, parse_span};
use crate::units::{ByteCount, Span};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The whole configuration as written.
#[derive(Debug, Deserialize)]
pub(super) struct RawConfig {
    pub(super) app: RawApp,
    pub(super) kafka: RawKafka,
    pub(super) source: Vec<RawSource>,
    pub(super) state: RawState,
    pub(super) time: RawTime,
    pub(super) alerts: RawAlerts,
    pub(super) rules: RawRules,
    #[serde(default)]
    pub(super) rule: BTreeMap<String, RawRule>,
    #[serde(default)]
    pub(super) lists: BTreeMap<String, RawList>,
    pub(super) http: RawHttp,
    pub(super) log: RawLog,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawApp {
    pub(super) id: String,
    pub(super) instance: Option<String>,
    pub(super) workers: u16,
    pub(super) shutdown_limit: RawSpan,
    pub(super) labels: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawKafka {
    pub(super) brokers: Vec<String>,
    pub(super) security_protocol: String,
    pub(super) session_timeout: RawSpan,
    pub(super) max_poll_interval: RawSpan,
    pub(super) transaction_timeout: RawSpan,
    pub(super) start_from: String,
    pub(super) producer_compression: String,
    #[serde(default)]
    pub(super) tls: RawTls,
    #[serde(default)]
    pub(super) sasl: RawSasl,
    #[serde(default)]
    pub(super) librdkafka: RawLibrdkafka,
}

#[derive(Debug, Default, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the names of the keys")]
pub(super) struct RawTls {
    pub(super) ca_file: Option<PathBuf>,
    pub(super) cert_file: Option<PathBuf>,
    pub(super) key_file: Option<PathBuf>,
    pub(super) key_password_file: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct RawSasl {
    pub(super) mechanism: Option<String>,
    pub(super) username: Option<String>,
    pub(super) password_file: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct RawLibrdkafka {
    #[serde(default)]
    pub(super) consumer: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) producer: BTreeMap<String, String>,
    #[serde(flatten)]
    pub(super) both: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawSource {
    pub(super) name: String,
    pub(super) topic: String,
    pub(super) format: String,
    pub(super) key: Vec<String>,
    pub(super) max_record_bytes: RawSize,
    pub(super) allowed_lateness: Option<RawSpan>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawState {
    pub(super) dir: PathBuf,
    pub(super) commit_interval: RawSpan,
    pub(super) urgent_commit: RawSpan,
    pub(super) max_dirty_bytes: RawSize,
    pub(super) cache: RawSize,
    pub(super) wal: bool,
    pub(super) block_cache: RawSize,
    pub(super) write_buffer: RawSize,
    pub(super) changelog_replication_factor: u16,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawTime {
    pub(super) allowed_lateness: RawSpan,
    pub(super) max_future_skew: RawSpan,
    pub(super) duplicate_horizon: Option<RawSpan>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawAlerts {
    pub(super) topic: String,
    pub(super) emit: Vec<String>,
    pub(super) compression: String,
    pub(super) min_severity: String,
    pub(super) max_bytes: u32,
    pub(super) vendor_name: String,
    pub(super) console_url: Option<String>,
    pub(super) dlq: RawDlq,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawDlq {
    pub(super) enabled: bool,
    pub(super) topic: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawRules {
    pub(super) builtin: bool,
    pub(super) paths: Vec<PathBuf>,
    pub(super) disable: Vec<String>,
    pub(super) deny_warnings: bool,
    pub(super) watch: RawSpan,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawRule {
    pub(super) enabled: Option<bool>,
    pub(super) level: Option<String>,
    pub(super) threshold: Option<String>,
    pub(super) tiers: Option<Vec<String>>,
    pub(super) timespan: Option<RawSpan>,
    pub(super) dedup_period: Option<RawSpan>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawList {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    #[serde(default)]
    pub(super) values: Vec<String>,
    pub(super) file: Option<PathBuf>,
    pub(super) column: Option<String>,
    #[serde(default)]
    pub(super) required: bool,
    pub(super) empty: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawHttp {
    pub(super) admin: RawAdmin,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawAdmin {
    pub(super) listen: SocketAddr,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawLog {
    pub(super) level: String,
    pub(super) format: String,
}

/// A span written as `15s`.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawSpan(pub(super) Span);

/// A size written as `8MiB`.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawSize(pub(super) ByteCount);

impl<'de> Deserialize<'de> for RawSpan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_span(&text).map(RawSpan).ok_or_else(|| serde::de::Error::custom("not a duration"))
    }
}

impl<'de> Deserialize<'de> for RawSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let size = parse_size(&text).map(|bytes| RawSize(ByteCount(bytes)));
        size.ok_or_else(|| serde::de::Error::custom("not a size"))
    }
}
