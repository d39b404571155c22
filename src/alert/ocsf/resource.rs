//! What was touched, and the entities a SOAR tool can pivot on.

use super::{Account, Caption};
use serde::{Deserialize, Serialize};

/// The bucket as evidence.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Databucket {
    pub(crate) uid: String,
    pub(crate) name: String,
    pub(crate) type_id: u8,
    #[serde(rename = "type")]
    pub(crate) kind: Caption,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<String>,
}

/// The bucket as the resource that is affected.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Resource {
    pub(crate) uid: String,
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: Caption,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<String>,
    pub(crate) cloud_partition: String,
    pub(crate) role_id: u8,
    pub(crate) role: Caption,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) owner: Option<Owner>,
}

/// Whose bucket it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Owner {
    pub(crate) account: Account,
}

/// One entity; `name` is the path of the member that holds `value`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Observable {
    pub(crate) name: Caption,
    pub(crate) type_id: u8,
    #[serde(rename = "type")]
    pub(crate) kind: Caption,
    pub(crate) value: String,
}
