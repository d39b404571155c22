//! To whom an ACL gives something: `tidegate.grants` (sources.md §2.7).
//!
//! Canned ACLs, the body of a call and its `x-amz-grant-*` headers say the same in three ways; they are
//! reduced to one set of words.

use super::input::{Input, Raw};
use crate::event::value::Value;
use std::borrow::Cow;

/// Calls that may set an ACL.
const CALLS: [&str; 5] =
    ["PutBucketAcl", "PutObjectAcl", "CreateBucket", "PutObject", "CopyObject"];

/// Grants that are kept of one call: S3 takes 100, a forged record more.
const GRANTS_MAX: usize = 128;

const HEADERS: [Input; 5] = [
    Input::GrantRead,
    Input::GrantWrite,
    Input::GrantReadAcp,
    Input::GrantWriteAcp,
    Input::GrantFullControl,
];

/// `tidegate.grants`, each word once; empty for another call and for one that sets no ACL.
pub(super) fn grants(raw: &Raw<'_, '_>) -> Vec<Cow<'static, str>> {
    let mut grants = Grants(Vec::new());
    if !raw.text(Input::EventName).is_some_and(|name| CALLS.contains(&name.as_ref())) {
        return grants.0;
    }
    each_text(raw.value(Input::CannedAcl), |acl| grants.add(canned(acl)));
    each_text(raw.value(Input::GranteeUri), |uri| grants.add(group(uri)));
    each_text(raw.value(Input::GranteeId), |id| grants.add(canonical(id)));
    each_text(raw.value(Input::GranteeEmail), |_| grants.add(OTHER));
    for header in HEADERS {
        each_text(raw.value(header), |list| {
            list.split(',').for_each(|one| grants.add(grantee(one)));
        });
    }
    grants.0
}

struct Grants(Vec<Cow<'static, str>>);

impl Grants {
    fn add(&mut self, grant: Cow<'static, str>) {
        if self.0.len() < GRANTS_MAX && !self.0.contains(&grant) {
            self.0.push(grant);
        }
    }
}

const OTHER: Cow<'static, str> = Cow::Borrowed("other");

/// Texts of a value or of its members; empty ones are none.
fn each_text(value: &Value<'_>, mut each: impl FnMut(&str)) {
    let members = match value {
        Value::List(members) => members.as_slice(),
        other => std::slice::from_ref(other),
    };
    members.iter().filter_map(Value::as_text).filter(|text| !text.is_empty()).for_each(&mut each);
}

/// A canned ACL, as `x-amz-acl` names it.
fn canned(acl: &str) -> Cow<'static, str> {
    let known = ["public-read", "public-read-write", "authenticated-read"];
    let found = known.into_iter().find(|known| known.eq_ignore_ascii_case(acl.trim()));
    found.map_or(OTHER, Cow::Borrowed)
}

/// A group, as a URI such as `http://acs.amazonaws.com/groups/global/AllUsers`.
fn group(uri: &str) -> Cow<'static, str> {
    let known = ["AllUsers", "AuthenticatedUsers"];
    let name = uri.trim().strip_prefix("http://acs.amazonaws.com/groups/global/");
    let found = known.into_iter().find(|known| name == Some(known));
    found.map_or(OTHER, Cow::Borrowed)
}

fn canonical(id: &str) -> Cow<'static, str> {
    Cow::Owned(format!("id:{}", id.trim()))
}

/// One entry of a grant header: `uri="…"`, `id="…"` or `emailAddress="…"`, quoted or not.
fn grantee(entry: &str) -> Cow<'static, str> {
    let Some((kind, value)) = entry.split_once('=') else { return OTHER };
    let value = value.trim().trim_matches('"');
    match kind.trim().to_ascii_lowercase().as_str() {
        "uri" => group(value),
        "id" => canonical(value),
        _ => OTHER,
    }
}
