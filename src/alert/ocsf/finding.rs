//! The top of the record and what it says about the rule.

use super::super::context::AlertContext;
use super::{Caption, Cloud, Evidence, Metadata, Observable, Resource};
use serde::{Deserialize, Serialize};

/// One record of the alerts topic, members in the order of alerts.md §4.1.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct DetectionFinding {
    pub(crate) message: String,
    pub(crate) severity: Caption,
    pub(crate) severity_id: u8,
    pub(crate) time_dt: String,
    pub(crate) time: i64,
    pub(crate) start_time_dt: String,
    pub(crate) start_time: i64,
    pub(crate) end_time_dt: String,
    pub(crate) end_time: i64,
    pub(crate) activity_id: u8,
    pub(crate) activity_name: Caption,
    pub(crate) class_uid: u32,
    pub(crate) class_name: Caption,
    pub(crate) category_uid: u32,
    pub(crate) category_name: Caption,
    pub(crate) type_uid: u32,
    pub(crate) type_name: Caption,
    pub(crate) status_id: u8,
    pub(crate) status: Caption,
    /// Milliseconds between the first and the last event.
    pub(crate) duration: i64,
    /// Events in the window that crossed.
    pub(crate) count: u64,
    pub(crate) confidence_id: u8,
    pub(crate) confidence: Caption,
    pub(crate) risk_level_id: u8,
    pub(crate) risk_level: Caption,
    pub(crate) risk_score: u8,
    pub(crate) is_alert: bool,
    pub(crate) timezone_offset: i32,
    pub(crate) metadata: Metadata,
    pub(crate) cloud: Cloud,
    pub(crate) finding_info: FindingInfo,
    pub(crate) evidences: Vec<Evidence>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) resources: Vec<Resource>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) observables: Vec<Observable>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) remediation: Option<Remediation>,
    pub(crate) unmapped: Unmapped,
}

/// The finding and the rule behind it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FindingInfo {
    pub(crate) uid: String,
    pub(crate) title: String,
    pub(crate) desc: String,
    pub(crate) types: Vec<Caption>,
    pub(crate) created_time: i64,
    pub(crate) created_time_dt: String,
    pub(crate) modified_time: i64,
    pub(crate) modified_time_dt: String,
    pub(crate) first_seen_time: i64,
    pub(crate) first_seen_time_dt: String,
    pub(crate) last_seen_time: i64,
    pub(crate) last_seen_time_dt: String,
    pub(crate) data_sources: Vec<Caption>,
    pub(crate) related_events_count: u64,
    pub(crate) analytic: Analytic,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) attacks: Vec<Attack>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) related_events: Vec<RelatedEvent>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) src_url: Option<String>,
    pub(crate) tags: Vec<Tag>,
}

/// The rule.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Analytic {
    pub(crate) uid: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    pub(crate) type_id: u8,
    #[serde(rename = "type")]
    pub(crate) kind: Caption,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) category: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) desc: Option<String>,
}

/// One technique with its tactic, or a tactic alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Attack {
    pub(crate) version: Caption,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tactic: Option<Named>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) technique: Option<Named>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sub_technique: Option<Named>,
}

/// An id with its name, when the name is known.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Named {
    pub(crate) uid: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<Caption>,
}

/// A contributing event. What kind of call it was is known of the trigger alone: the window keeps
/// identities and times.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RelatedEvent {
    pub(crate) uid: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) type_uid: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) type_name: Option<Caption>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) title: Option<String>,
    pub(crate) first_seen_time: i64,
    pub(crate) first_seen_time_dt: String,
    pub(crate) severity_id: u8,
}

/// A name with a value, which every SIEM can show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tag {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// What to do about it: the rule's runbook.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Remediation {
    pub(crate) desc: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) references: Vec<String>,
}

/// What OCSF has no place for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Unmapped {
    pub(crate) alert_context: AlertContext,
}
