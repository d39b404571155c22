//! The one table from Sigma's levels to what alerts call them (alerts.md §4.3).

use crate::rule::{Level, Status};

/// One row of the table.
#[derive(Debug)]
pub(super) struct Severity {
    pub(super) id: u8,
    pub(super) caption: &'static str,
    pub(super) risk_id: u8,
    pub(super) risk_caption: &'static str,
    pub(super) risk_score: u8,
    /// `ce_severitytext`, also the label of AWS Security Hub.
    pub(super) header: &'static str,
    /// Sigma's own word, as `alert_context.tier` gives it.
    pub(super) level: &'static str,
}

/// The row of a level.
pub(super) const fn severity(level: Level) -> &'static Severity {
    match level {
        Level::Informational => &Severity {
            id: 1,
            caption: "Informational",
            risk_id: 0,
            risk_caption: "Info",
            risk_score: 1,
            header: "INFORMATIONAL",
            level: "informational",
        },
        Level::Low => &Severity {
            id: 2,
            caption: "Low",
            risk_id: 1,
            risk_caption: "Low",
            risk_score: 21,
            header: "LOW",
            level: "low",
        },
        Level::Medium => &Severity {
            id: 3,
            caption: "Medium",
            risk_id: 2,
            risk_caption: "Medium",
            risk_score: 47,
            header: "MEDIUM",
            level: "medium",
        },
        Level::High => &Severity {
            id: 4,
            caption: "High",
            risk_id: 3,
            risk_caption: "High",
            risk_score: 73,
            header: "HIGH",
            level: "high",
        },
        Level::Critical => &Severity {
            id: 5,
            caption: "Critical",
            risk_id: 4,
            risk_caption: "Critical",
            risk_score: 99,
            header: "CRITICAL",
            level: "critical",
        },
    }
}

/// `confidence_id` and `confidence` from Sigma's `status`.
pub(super) const fn confidence(status: Status) -> (u8, &'static str) {
    match status {
        Status::Stable => (3, "High"),
        Status::Test => (2, "Medium"),
        Status::Other => (1, "Low"),
    }
}
