//! Names of fields that tidegate makes itself (rules.md §2, sources.md §2.7).

use super::report::{Report, nearest};
use super::yaml::Key;

const PREFIX: &str = "tidegate.";

/// All derived fields, without their prefix.
const NAMES: [&str; 40] = [
    "principal",
    "actor",
    "account",
    "source_ip",
    "source_is_external",
    "bucket",
    "key",
    "bytes_out",
    "bytes_in",
    "operation",
    "outcome",
    "resource_accounts",
    "copy_source_bucket",
    "actor_user",
    "anonymous",
    "principal_name",
    "principal_uid",
    "session",
    "instance",
    "source_kind",
    "service_call",
    "record_id",
    "finding_id",
    "sample",
    "severity",
    "bucket_owner",
    "resource_account_count",
    "resource_bucket_count",
    "copy_source_owner",
    "kms_key_account",
    "grants",
    "policy_public",
    "policy_accounts",
    "policy_vpce_deny",
    "replication_accounts",
    "bucket_and_requester",
    "flow_kind",
    "peer_ip",
    "selects_s3_reads",
    "signal",
];

fn is_known_derived(name: &str) -> bool {
    name.strip_prefix(PREFIX).is_some_and(|name| NAMES.contains(&name))
}

/// Reports a field of ours that does not exist; raw fields are the log's own business.
pub(super) fn check_field(field: &Key, report: &mut Report) {
    if !field.text.starts_with(PREFIX) || is_known_derived(&field.text) {
        return;
    }
    let full: Vec<String> = NAMES.iter().map(|name| format!("{PREFIX}{name}")).collect();
    let what = format!("there is no field {:?}", super::report::shown(&field.text));
    let hint = nearest(&field.text, full.iter().map(String::as_str));
    report.error_with_hint(field.mark, "unknown-field", what, hint);
}

/// Top-level members of a `CloudTrail` record; only what people read is checked against them.
const CLOUDTRAIL_MEMBERS: [&str; 30] = [
    "eventVersion",
    "userIdentity",
    "eventTime",
    "eventSource",
    "eventName",
    "awsRegion",
    "sourceIPAddress",
    "userAgent",
    "errorCode",
    "errorMessage",
    "requestParameters",
    "responseElements",
    "additionalEventData",
    "requestID",
    "eventID",
    "eventType",
    "apiVersion",
    "managementEvent",
    "readOnly",
    "resources",
    "recipientAccountId",
    "serviceEventDetails",
    "sharedEventID",
    "vpcEndpointId",
    "vpcEndpointAccountId",
    "eventCategory",
    "addendum",
    "sessionCredentialFromConsole",
    "edgeDeviceDetails",
    "tlsDetails",
];

/// Whether `name` can be read from an event: ours, or below a member of the record.
pub(super) fn is_readable(name: &str) -> bool {
    let member = name.split('.').next().unwrap_or_default();
    is_known_derived(name) || CLOUDTRAIL_MEMBERS.contains(&member)
}

/// The readable name nearest to a wrong one.
pub(super) fn nearest_readable(name: &str, others: &[&str]) -> Option<String> {
    let full: Vec<String> = NAMES.iter().map(|name| format!("{PREFIX}{name}")).collect();
    let all = others.iter().copied().chain(full.iter().map(String::as_str));
    nearest(name, all.chain(CLOUDTRAIL_MEMBERS))
}
