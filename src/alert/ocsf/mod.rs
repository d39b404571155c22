//! OCSF Detection Finding, class 2004: the alert's body as types (alerts.md §4).
//!
//! serde writes struct fields in their order, so the order of members is the order below and
//! `message` is first (A2). Never turn the top into a map. Members that are empty or not known are
//! left out, never `null`, `""` or `[]`. No attribute that OCSF 1.6.0 does not know (A9).

mod evidence;
mod finding;
mod metadata;
mod resource;

pub(crate) use evidence::{
    Actor, Api, ApiService, Credential, Evidence, EvidenceData, HttpRequest, Session, SrcEndpoint,
    User,
};
pub(crate) use finding::{
    Analytic, Attack, DetectionFinding, FindingInfo, Named, RelatedEvent, Remediation, Tag,
    Unmapped,
};
pub(crate) use metadata::{Account, Cloud, Feature, Metadata, Product};
pub(crate) use resource::{Databucket, Observable, Owner, Resource};

use std::borrow::Cow;

/// The OCSF release that `metadata.version` names.
pub(crate) const VERSION: &str = "1.8.0";

/// A word from a closed table, owned only when it was read back.
pub(crate) type Caption = Cow<'static, str>;
