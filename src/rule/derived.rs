//! Names of fields that a rule may read: those that the decoder makes, and the record's own members.

use super::report::{Report, nearest, nearest_name};
use super::yaml::Key;
use crate::event::{derived_names, is_known_derived};

const PREFIX: &str = "tidegate.";

/// Reports a field of ours that does not exist; raw fields are the log's own business.
pub(super) fn check_field(field: &Key, report: &mut Report) {
    if !field.text.starts_with(PREFIX) || is_known_derived(&field.text) {
        return;
    }
    let what = format!("there is no field {:?}", super::report::shown(&field.text));
    let hint = nearest(&field.text, derived_names().iter().copied());
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

/// What to write instead of a field whose first part is no member of a record.
pub(super) fn mend(field: &str) -> String {
    let ours = format!("{PREFIX}{field}");
    if is_known_derived(&ours) {
        return format!("did you mean {ours:?}");
    }
    // Below a member nothing is known: what follows it stays.
    let (member, rest) = field.split_at(field.find('.').unwrap_or(field.len()));
    match nearest_name(member, CLOUDTRAIL_MEMBERS) {
        Some(member) => format!("did you mean \"{member}{}\"", super::report::shown(rest)),
        None => nearest(field, derived_names().iter().copied()).unwrap_or_else(|| {
            "field names mind case, like requestParameters.bucketName".to_owned()
        }),
    }
}

/// The readable name nearest to a wrong one.
pub(super) fn nearest_readable(name: &str, others: &[&str]) -> Option<String> {
    let all = others.iter().copied().chain(derived_names().iter().copied());
    nearest(name, all.chain(CLOUDTRAIL_MEMBERS))
}
