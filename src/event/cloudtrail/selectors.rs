//! Whether a trail still records reads of S3 objects: `tidegate.selects_s3_reads`; and where replication
//! sends objects: `tidegate.replication_accounts` (sources.md §2.7).

use super::input::{Input, Raw};
use super::policy::document;
use crate::event::tree::Tree;
use crate::event::value::{Number, Value};

const OBJECTS: &str = "AWS::S3::Object";

/// Accounts that are kept of one call: S3 takes 1,000 replication rules.
const ACCOUNTS_MAX: usize = 1000;

/// `tidegate.selects_s3_reads` of a `PutEventSelectors`; `None` when it shows no selectors.
pub(super) fn selects_s3_reads(raw: &Raw<'_, '_>) -> Option<bool> {
    if raw.text(Input::EventName).is_none_or(|name| name != "PutEventSelectors") {
        return None;
    }
    let (basic, advanced) = (raw.value(Input::Selectors), raw.value(Input::AdvancedSelectors));
    if basic.is_nothing() && advanced.is_nothing() {
        return None;
    }
    Some(
        documents(basic).any(|one| reads_basic(&one))
            || documents(advanced).any(|one| reads_advanced(&one)),
    )
}

/// The objects of a value that is one or a list of them.
fn documents(value: &Value<'_>) -> impl Iterator<Item = Tree<'static>> {
    let members = match value {
        Value::List(members) => members.as_slice(),
        other => std::slice::from_ref(other),
    };
    members.iter().filter_map(document)
}

/// A basic selector: all or read-only events of some objects. An empty list of values selects nothing.
fn reads_basic(selector: &Tree<'static>) -> bool {
    // CloudTrail's own default is `All`.
    let kind = selector.member("readWriteType").and_then(Tree::text).unwrap_or("All");
    let is_of_objects = |resource: &&Tree<'static>| has_text(resource.member("type"), OBJECTS);
    let resources = selector.member("dataResources").into_iter().flat_map(Tree::each);
    let mut of_objects = resources.filter(is_of_objects);
    (kind.eq_ignore_ascii_case("All") || kind.eq_ignore_ascii_case("ReadOnly"))
        && of_objects.any(|resource| {
            let mut values = resource.member("values").into_iter().flat_map(Tree::each);
            values.any(|value| value.text().is_some_and(|text| !text.is_empty()))
        })
}

/// An advanced selector: a list of fields with what they must equal.
fn reads_advanced(selector: &Tree<'static>) -> bool {
    let asks = |field: &str, wanted: &str| {
        let fields = selector.member("fieldSelectors").into_iter().flat_map(Tree::each);
        let mut of_field = fields.filter(|one| has_text(one.member("field"), field));
        of_field.any(|one| has_text(one.member("equals"), wanted))
    };
    asks("resources.type", OBJECTS) && !asks("readOnly", "false")
}

/// Whether a value is this text, or one of its members is.
fn has_text(value: Option<&Tree<'static>>, wanted: &str) -> bool {
    let mut members = value.into_iter().flat_map(Tree::each);
    members.any(|member| match member {
        Tree::Text(text) => text.eq_ignore_ascii_case(wanted),
        Tree::Bool(truth) => wanted == if *truth { "true" } else { "false" },
        _ => false,
    })
}

/// `tidegate.replication_accounts`: owners of the destinations that name one, each once.
pub(super) fn replication_accounts(raw: &Raw<'_, '_>) -> Vec<String> {
    let value = raw.value(Input::ReplicationAccount);
    let members = match value {
        Value::List(members) => members.as_slice(),
        other => std::slice::from_ref(other),
    };
    let mut accounts = Vec::new();
    for account in members.iter().filter_map(account) {
        if accounts.len() < ACCOUNTS_MAX && !accounts.contains(&account) {
            accounts.push(account);
        }
    }
    accounts
}

/// An account, also one that lost its leading zeros when XML became JSON.
fn account(value: &Value<'_>) -> Option<String> {
    match value {
        Value::Text(text) if !text.is_empty() => Some(text.to_string()),
        Value::Number(Number::Unsigned(number)) => Some(format!("{number:012}")),
        _ => None,
    }
}
