//! From one finding to one record of the alerts topic.

use super::body::body;
use super::case::Case;
use super::catalogue::Catalogue;
use super::headers::headers;
use super::ocsf::DetectionFinding;
use super::size;
use crate::detect::Finding;
use crate::event::FactNames;
use crate::units::WallTime;
use std::sync::Arc;

/// The least `max_bytes` that every alert is known to fit (alerts.md §7).
const MAX_BYTES_LEAST: usize = 65_536;

/// What the deployment says about its alerts (operations.md §6, `[app]` and `[alerts]`).
#[derive(Debug, Clone)]
pub struct Settings {
    /// `app.id`, part of `ce_source`.
    pub app_id: String,
    /// `alerts.topic`, written as `metadata.log_name`.
    pub topic: String,
    /// `alerts.vendor_name`
    pub vendor_name: String,
    /// Base of links to the page of a finding; `https`, or `http` to loopback, else no link.
    pub console_url: Option<String>,
    /// `app.labels`, as `name:value`.
    pub labels: Vec<String>,
    /// `alerts.max_bytes`: 65,536 to 240,000; less counts as 65,536.
    pub max_bytes: usize,
    /// tidegate's own version.
    pub version: String,
}

impl Default for Settings {
    /// Those of a deployment that says nothing.
    fn default() -> Self {
        Self {
            app_id: "tidegate".into(),
            topic: "tidegate.alerts.v1".into(),
            vendor_name: "tidegate".into(),
            console_url: None,
            labels: Vec::new(),
            max_bytes: MAX_BYTES_LEAST,
            version: env!("CARGO_PKG_VERSION").into(),
        }
    }
}

/// One record of the alerts topic. The same bytes go to every topic it is written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Record key: the finding's uid.
    pub key: String,
    /// `metadata.uid`: equal for the same record after abort, restart or replay.
    pub uid: String,
    /// `CloudEvents` headers in the order in which they are written; no value is empty.
    pub headers: Vec<(&'static str, String)>,
    /// UTF-8 JSON, one object, at most `max_bytes`.
    pub value: Vec<u8>,
    /// Record timestamp: wall clock at creation, never event time (A7).
    pub time: WallTime,
}

/// Writes findings as alerts. Holds no state: the same finding gives the same bytes.
#[derive(Clone)]
pub struct Writer {
    settings: Settings,
    catalogue: Arc<dyn Catalogue + Send + Sync>,
    names: Arc<FactNames>,
}

impl Writer {
    /// A writer for the findings of `catalogue`.
    #[must_use]
    pub fn new(settings: Settings, catalogue: Arc<dyn Catalogue + Send + Sync>) -> Writer {
        Writer { settings, catalogue, names: Arc::default() }
    }

    /// Writes one finding; `source_topic` is where its trigger was read.
    #[must_use]
    pub fn write(&self, finding: &Finding, source_topic: &str) -> Alert {
        let case =
            Case::new(&self.settings, self.catalogue.as_ref(), &self.names, finding, source_topic);
        let body = body(&case);
        let headers = headers(&self.settings, &case, &body);
        let value = size::encode(body, self.settings.max_bytes.max(MAX_BYTES_LEAST));
        let ids = case.ids;
        Alert { key: ids.finding, uid: ids.record, headers, value, time: finding.wall }
    }
}

/// Reads a record into today's types and writes it again: a record of an earlier release must come
/// back with the same members (alerts.md §10).
///
/// # Errors
/// The value is no alert of this major version.
pub fn rewrite(value: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    let body: DetectionFinding = serde_json::from_slice(value)?;
    serde_json::to_vec(&body)
}
