//! What of an alert does not depend on our clock or our version (alerts.md §9).

use serde_json::Value;

/// Members that the wall clock or the build decides.
const UNSTABLE: [&[&str]; 9] = [
    &["time"],
    &["time_dt"],
    &["finding_info", "created_time"],
    &["finding_info", "created_time_dt"],
    &["finding_info", "modified_time"],
    &["finding_info", "modified_time_dt"],
    &["metadata", "logged_time"],
    &["metadata", "logged_time_dt"],
    &["metadata", "product", "version"],
];

/// An alert without the members that the wall clock or the build decides. What remains is a pure
/// function of the input prefix, the rules and the configuration; oracles and replays compare it.
#[must_use]
pub fn stable(alert: &Value) -> Value {
    let mut alert = alert.clone();
    for path in UNSTABLE {
        remove(&mut alert, path);
    }
    alert
}

fn remove(value: &mut Value, path: &[&str]) {
    let Some(members) = value.as_object_mut() else { return };
    match path {
        [] => {}
        [last] => {
            members.remove(*last);
        }
        [first, rest @ ..] => {
            if let Some(inner) = members.get_mut(*first) {
                remove(inner, rest);
            }
        }
    }
}
