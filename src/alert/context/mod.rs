//! `unmapped.alert_context`: everything flat, in the names playbooks know (alerts.md §4.5).
//!
//! A rule adds members by `collect` and `alert-context`. A source of `alert-context` is, in the order
//! in which it is tried: `=TEXT`, that text itself; the name of a collected value; `%list%`; one of the facts of the crossing
//! `amount`, `count`, `threshold`, `first_seen`, `last_seen`; a field of the group key; a field of
//! the crossing event (raw path or `tidegate.*`; an object becomes its JSON text). Any of them may
//! end in `|mb` (bytes as MiB, two decimals) or `|host` (text up to the first dot). Panther's names
//! are thus `total_bytes_downloaded: amount`, `total_mb_downloaded: amount|mb`,
//! `object_count: count`, `first_download_time: first_seen`, `last_download_time: last_seen`.

mod build;
mod members;
mod schema;

pub(crate) use build::alert_context;
pub(crate) use members::{ContextValue, Members, Scalar};
pub use schema::context_schema;

use super::ocsf::Caption;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The name and version of this schema.
pub(crate) const SCHEMA: &str = "alert-context.v1";

/// Facts of an alert in flat names; members beyond the fixed ones are named by the rule.
// The doc comments below are the descriptions in schemas/alert-context.v1.schema.json.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct AlertContext {
    /// Name and version of this schema.
    pub(crate) schema: Caption,
    /// What the record says about its finding.
    #[schemars(extend("enum" = ["create", "escalate", "update", "close"]))]
    pub(crate) kind: Caption,
    /// Sigma id of the rule.
    pub(crate) rule_id: String,
    /// Sigma name of the rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub(crate) rule_name: Option<String>,
    /// Sigma author of the rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub(crate) rule_author: Option<String>,
    /// Group key by field in key order, null for an absent value; for a stateless rule its dedup key.
    #[schemars(with = "std::collections::BTreeMap<String, Option<String>>")]
    pub(crate) group: Members<Option<String>>,
    /// Opening time of the episode in milliseconds since the Unix epoch.
    pub(crate) episode_opened_ms: i64,
    /// Members that the rule names.
    #[serde(flatten)]
    #[schemars(skip)]
    pub(crate) named: Members<ContextValue>,
    /// Sum or count of the window that crossed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64")]
    pub(crate) amount: Option<u64>,
    /// Least amount of the tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64")]
    pub(crate) threshold: Option<u64>,
    /// Level of the tier that was reached, in Sigma's words.
    #[schemars(extend("enum" = ["informational", "low", "medium", "high", "critical"]))]
    pub(crate) tier: Caption,
    /// Kind of the window; absent for a stateless rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("enum" = ["sliding", "tumbling"]))]
    pub(crate) window_kind: Option<Caption>,
    /// Length of the window in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64")]
    pub(crate) window_seconds: Option<u64>,
    /// Start of the window; not part of it when the window slides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub(crate) window_start: Option<String>,
    /// End of the window; part of it only when the window slides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub(crate) window_end: Option<String>,
    /// Whether the trigger came later than the allowed lateness; only a stateless rule's can.
    pub(crate) late: bool,
    /// Fingerprint of the rule set that was loaded, eight hexadecimal digits.
    #[schemars(extend("pattern" = "^[0-9a-f]{8}$"))]
    pub(crate) rules_fingerprint: String,
    /// Where the trigger was read.
    pub(crate) source: SourcePlace,
    /// Severity that the finding reported before; for an escalation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("enum" = ["Informational", "Low", "Medium", "High", "Critical"]))]
    pub(crate) previous_severity: Option<Caption>,
    /// Why the severity is higher than the tier's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub(crate) severity_reason: Option<String>,
    /// True when a text of this record held characters that had to be written out, as `<U+202E>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub(crate) sanitized: Option<bool>,
}

/// Where the trigger was read.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(inline, deny_unknown_fields)]
pub(crate) struct SourcePlace {
    /// Topic, or the name of a file in a scan.
    pub(crate) topic: String,
    /// Partition; 0 in a scan.
    pub(crate) partition: i32,
    /// Offset of the record; in a scan a running number.
    pub(crate) offset: i64,
}

/// Names that a rule cannot give to its own members, those of later record kinds among them.
pub(crate) const FIXED_NAMES: [&str; 21] = [
    "schema",
    "kind",
    "rule_id",
    "rule_name",
    "rule_author",
    "group",
    "episode_opened_ms",
    "amount",
    "threshold",
    "tier",
    "window_kind",
    "window_seconds",
    "window_start",
    "window_end",
    "late",
    "rules_fingerprint",
    "source",
    "previous_severity",
    "severity_reason",
    "close_reason",
    "sanitized",
];
