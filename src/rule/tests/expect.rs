//! What a test expects of one rule.

use crate::rule::Level;
use serde_json::{Map, Value};

/// What must follow from a test's events, findings of the tested rule alone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Expect {
    /// How many findings are created.
    pub alerts: usize,
    /// How many Escalate records there are.
    pub escalations: Option<usize>,
    /// How many events come too late for windows.
    pub late: Option<usize>,
    /// How many events were seen before.
    pub duplicates: Option<usize>,
    /// Level of the last record.
    pub level: Option<Level>,
    /// Title of the last record.
    pub title: Option<String>,
    /// Members of the last record's group key, text or null.
    pub group: Map<String, Value>,
    /// Members of the last record's `unmapped.alert_context`.
    pub context: Map<String, Value>,
}
