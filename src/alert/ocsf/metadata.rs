//! Who wrote the record, and in which account it happened.

use super::Caption;
use serde::{Deserialize, Serialize};

/// About the record itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) version: Caption,
    pub(crate) profiles: Vec<Caption>,
    pub(crate) uid: String,
    pub(crate) correlation_uid: String,
    pub(crate) event_code: String,
    pub(crate) sequence: u32,
    pub(crate) product: Product,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tenant_uid: Option<String>,
    pub(crate) log_name: String,
    pub(crate) log_provider: Caption,
    pub(crate) original_time: String,
    pub(crate) logged_time: i64,
    pub(crate) logged_time_dt: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) labels: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) is_truncated: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) untruncated_size: Option<u64>,
}

/// tidegate.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Product {
    pub(crate) uid: Caption,
    pub(crate) name: Caption,
    pub(crate) vendor_name: String,
    pub(crate) version: String,
    pub(crate) feature: Feature,
}

/// The part of tidegate that spoke.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Feature {
    pub(crate) uid: Caption,
    pub(crate) name: Caption,
}

/// The cloud whose log it was.
#[expect(clippy::struct_field_names, reason = "OCSF's names")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Cloud {
    pub(crate) provider: Caption,
    pub(crate) cloud_partition: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<Account>,
}

/// An AWS account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) uid: String,
    pub(crate) type_id: u8,
    #[serde(rename = "type")]
    pub(crate) kind: Caption,
}

impl Account {
    /// The account with this number.
    pub(crate) fn aws(uid: String) -> Account {
        Account { uid, type_id: 10, kind: "AWS Account".into() }
    }
}
