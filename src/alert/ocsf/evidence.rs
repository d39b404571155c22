//! Who did what from where: the crossing event in OCSF's words.

use super::{Account, Caption, Databucket};
use serde::{Deserialize, Serialize};

/// The one piece of evidence of an alert. OCSF wants at least one member beside `name`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Evidence {
    pub(crate) name: Caption,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) actor: Option<Actor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) api: Option<Api>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) src_endpoint: Option<SrcEndpoint>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) http_request: Option<HttpRequest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) databucket: Option<Databucket>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<EvidenceData>,
}

/// Who acted. OCSF wants at least one member.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Actor {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<User>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<Session>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) invoked_by: Option<String>,
}

/// A principal. OCSF wants one of account, name, uid.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct User {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) uid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) uid_alt: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    pub(crate) type_id: u8,
    #[serde(rename = "type")]
    pub(crate) kind: Caption,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<Account>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) programmatic_credentials: Vec<Credential>,
}

/// An access key; never its secret, which no log holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Credential {
    pub(crate) uid: String,
    #[serde(rename = "type")]
    pub(crate) kind: Caption,
}

/// The session behind a call.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) issuer: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) uid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) is_mfa: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) created_time: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) created_time_dt: Option<String>,
}

/// The call.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Api {
    pub(crate) operation: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) service: Option<ApiService>,
}

/// The service that was called.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ApiService {
    pub(crate) name: String,
}

/// Where the call came from: one of the first three, and the VPC endpoint it passed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SrcEndpoint {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ip: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) domain: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) svc_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) uid: Option<String>,
}

/// The request's only header that logs keep.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct HttpRequest {
    pub(crate) user_agent: String,
}

/// How much: the measure of the window that crossed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct EvidenceData {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) total_bytes_downloaded: Option<u64>,
    pub(crate) object_count: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) sample_objects: Vec<String>,
}
