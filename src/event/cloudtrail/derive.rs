//! The derived fields `tidegate.*` of CloudTrail: names, inputs and how each is made (sources.md §2.3–§2.7).
//!
//! A derived field costs nothing unless a rule names it: only then are its inputs read.

use super::input::{Input, Raw};
use super::{copy_source, grants, identity, policy, resources, selectors};
use crate::event::address::{canonical_address, is_external};
use crate::event::entry::Identity;
use crate::event::projection::Resources;
use crate::event::value::{Amount, Number, Value};
use std::borrow::Cow;
use std::cell::OnceCell;
use std::net::IpAddr;

macro_rules! derived {
    ($($variant:ident $name:literal,)*) => {
        /// A derived field.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(in crate::event) enum Derived { $($variant),* }

        const NAMES: &[&str] = &[$($name),*];

        impl Derived {
            pub(in crate::event) fn named(name: &str) -> Option<Self> {
                match name { $($name => Some(Derived::$variant),)* _ => None }
            }
        }
    };
}

derived! {
    Account "tidegate.account",
    Actor "tidegate.actor",
    ActorUser "tidegate.actor_user",
    Anonymous "tidegate.anonymous",
    Bucket "tidegate.bucket",
    BucketOwner "tidegate.bucket_owner",
    BytesIn "tidegate.bytes_in",
    BytesOut "tidegate.bytes_out",
    CopySourceBucket "tidegate.copy_source_bucket",
    CopySourceOwner "tidegate.copy_source_owner",
    Grants "tidegate.grants",
    Instance "tidegate.instance",
    Key "tidegate.key",
    KmsKeyAccount "tidegate.kms_key_account",
    Operation "tidegate.operation",
    Outcome "tidegate.outcome",
    PolicyAccounts "tidegate.policy_accounts",
    PolicyPublic "tidegate.policy_public",
    PolicyVpceDeny "tidegate.policy_vpce_deny",
    Principal "tidegate.principal",
    PrincipalName "tidegate.principal_name",
    PrincipalUid "tidegate.principal_uid",
    RecordId "tidegate.record_id",
    ReplicationAccounts "tidegate.replication_accounts",
    ResourceAccountCount "tidegate.resource_account_count",
    ResourceAccounts "tidegate.resource_accounts",
    ResourceBucketCount "tidegate.resource_bucket_count",
    SelectsS3Reads "tidegate.selects_s3_reads",
    ServiceCall "tidegate.service_call",
    Session "tidegate.session",
    SourceIp "tidegate.source_ip",
    SourceIsExternal "tidegate.source_is_external",
    SourceKind "tidegate.source_kind",
}

/// The names of all derived fields that the decoder can give, sorted.
#[must_use]
pub fn derived_names() -> &'static [&'static str] {
    NAMES
}

/// Whether the decoder can give this `tidegate.*` field.
#[must_use]
pub fn is_known_derived(name: &str) -> bool {
    Derived::named(name).is_some()
}

const CALLER: &[Input] = &[
    Input::Type,
    Input::PrincipalId,
    Input::Arn,
    Input::AccountId,
    Input::UserName,
    Input::InvokedBy,
    Input::OnBehalfOfUser,
    Input::IssuerArn,
    Input::IssuerUserName,
    Input::SourceIpAddress,
];

const GRANTS: &[Input] = &[
    Input::CannedAcl,
    Input::GranteeUri,
    Input::GranteeId,
    Input::GranteeEmail,
    Input::GrantRead,
    Input::GrantWrite,
    Input::GrantReadAcp,
    Input::GrantWriteAcp,
    Input::GrantFullControl,
];

/// What a field needs beyond the record's members.
#[derive(Debug, Clone, Copy)]
pub(in crate::event) struct Context<'s, 'a> {
    /// `eventID` as written, empty when absent.
    pub(in crate::event) id: &'s Cow<'a, str>,
    pub(in crate::event) identity: Identity,
    /// The source address, parsed at most once for all fields of a record.
    pub(in crate::event) address: &'s OnceCell<Option<IpAddr>>,
}

impl Context<'_, '_> {
    fn source_address(&self, raw: &Raw<'_, '_>) -> Option<IpAddr> {
        let parse = || raw.text(Input::SourceIpAddress).and_then(|text| canonical_address(text));
        *self.address.get_or_init(parse)
    }
}

impl Derived {
    /// The members it is made from.
    pub(in crate::event) fn inputs(self) -> &'static [Input] {
        use Input as I;
        match self {
            Derived::Principal | Derived::PrincipalName | Derived::PrincipalUid => CALLER,
            Derived::Anonymous => &[I::Type, I::AccountId, I::PrincipalId, I::Arn],
            Derived::Account => &[I::Type, I::AccountId],
            Derived::Actor => &[
                I::Type,
                I::AccountId,
                I::PrincipalId,
                I::Arn,
                I::UserName,
                I::IssuerUserName,
                I::IdentityCenterUserName,
            ],
            Derived::ActorUser => &[
                I::Type,
                I::AccountId,
                I::PrincipalId,
                I::UserName,
                I::IssuerUserName,
                I::InvokedBy,
                I::SourceIdentity,
                I::IdentityCenterUserName,
            ],
            Derived::Session | Derived::Instance => &[I::Arn, I::PrincipalId],
            Derived::SourceIp | Derived::SourceKind | Derived::SourceIsExternal => {
                &[I::SourceIpAddress]
            }
            Derived::ServiceCall => &[I::Type, I::InvokedBy, I::SourceIpAddress],
            Derived::Bucket | Derived::BucketOwner => &[I::BucketName],
            Derived::Key => &[I::BucketName, I::Key, I::OutpostsKey],
            Derived::CopySourceBucket | Derived::CopySourceOwner => &[I::CopySource],
            Derived::KmsKeyAccount => &[I::KmsKey],
            Derived::BytesOut => &[I::BytesOut],
            Derived::BytesIn => &[I::BytesIn],
            Derived::Outcome => &[I::ErrorCode, I::ErrorMessage],
            Derived::PolicyPublic | Derived::PolicyAccounts | Derived::PolicyVpceDeny => {
                &[I::BucketPolicy, I::Policy]
            }
            Derived::Grants => GRANTS,
            Derived::SelectsS3Reads => &[I::Selectors, I::AdvancedSelectors],
            Derived::ReplicationAccounts => &[I::ReplicationAccount],
            Derived::Operation
            | Derived::RecordId
            | Derived::ResourceAccounts
            | Derived::ResourceAccountCount
            | Derived::ResourceBucketCount => &[],
        }
    }

    /// Whether it looks at the entries of `resources`.
    pub(in crate::event) fn resources(self) -> Resources {
        match self {
            Derived::Bucket | Derived::Key => Resources::ForBucket,
            Derived::BucketOwner
            | Derived::CopySourceOwner
            | Derived::ResourceAccounts
            | Derived::ResourceAccountCount
            | Derived::ResourceBucketCount => Resources::Always,
            _ => Resources::Unused,
        }
    }

    /// The field's value for one record.
    pub(in crate::event) fn value<'a>(
        self,
        raw: &Raw<'_, 'a>,
        context: Context<'_, 'a>,
    ) -> Value<'a> {
        match self {
            Derived::Principal => Value::Text(identity::principal(raw)),
            Derived::PrincipalName => text(identity::principal_name(raw)),
            Derived::PrincipalUid => text(identity::principal_uid(raw)),
            Derived::Anonymous => Value::Bool(identity::is_anonymous(raw)),
            Derived::Account => text(identity::account(raw)),
            Derived::Actor => text(identity::actor(raw)),
            Derived::ActorUser => text(identity::actor_user(raw)),
            Derived::Session => text(identity::session(raw)),
            Derived::Instance => text(identity::instance(raw)),
            Derived::SourceIp => source_ip(raw, context.source_address(raw)),
            Derived::SourceKind => {
                let is_address = context.source_address(raw).is_some();
                Value::Text(Cow::Borrowed(source_kind(raw, is_address)))
            }
            Derived::SourceIsExternal => {
                Value::Bool(context.source_address(raw).is_some_and(is_external))
            }
            Derived::ServiceCall => Value::Bool(is_service_call(raw)),
            Derived::Bucket => text(resources::bucket(raw)),
            Derived::BucketOwner => text(resources::bucket_owner(raw)),
            Derived::Key => text(resources::key(raw)),
            Derived::CopySourceBucket => {
                text(raw.text(Input::CopySource).and_then(copy_source::bucket))
            }
            Derived::CopySourceOwner => text(resources::copy_source_owner(raw)),
            Derived::KmsKeyAccount => text(resources::kms_key_account(raw)),
            Derived::BytesOut => amount(raw.value(Input::BytesOut)),
            Derived::BytesIn => amount(raw.value(Input::BytesIn)),
            Derived::Operation => text(raw.text(Input::EventName).cloned()),
            Derived::Outcome => Value::Text(Cow::Borrowed(outcome(raw))),
            Derived::RecordId if context.id.is_empty() => {
                Value::Text(Cow::Owned(context.identity.to_string()))
            }
            Derived::RecordId => Value::Text(context.id.clone()),
            Derived::ResourceAccounts => {
                set(resources::accounts(raw).into_iter().map(|one| Value::Text(one.clone())))
            }
            Derived::PolicyPublic => policy::is_public(raw).map_or(Value::Absent, Value::Bool),
            Derived::PolicyVpceDeny => {
                policy::denies_outside_vpce(raw).map_or(Value::Absent, Value::Bool)
            }
            Derived::PolicyAccounts => set(policy::accounts(raw).into_iter().map(owned)),
            Derived::Grants => set(grants::grants(raw).into_iter().map(Value::Text)),
            Derived::SelectsS3Reads => {
                selectors::selects_s3_reads(raw).map_or(Value::Absent, Value::Bool)
            }
            Derived::ReplicationAccounts => {
                set(selectors::replication_accounts(raw).into_iter().map(owned))
            }
            Derived::ResourceAccountCount => count(resources::accounts(raw).len()),
            Derived::ResourceBucketCount => count(resources::bucket_count(raw)),
        }
    }
}

fn text(text: Option<Cow<'_, str>>) -> Value<'_> {
    text.map_or(Value::Absent, Value::Text)
}

fn owned(text: String) -> Value<'static> {
    Value::Text(Cow::Owned(text))
}

/// Different values; none at all is an absent field.
fn set<'a>(values: impl Iterator<Item = Value<'a>>) -> Value<'a> {
    let values: Vec<_> = values.collect();
    if values.is_empty() { Value::Absent } else { Value::List(values) }
}

fn count(count: usize) -> Value<'static> {
    Value::Number(Number::Unsigned(u64::try_from(count).unwrap_or(u64::MAX)))
}

/// A whole number; what cannot be read stays as it is, so that whoever sums it can count it as bad.
fn amount<'a>(raw: &Value<'a>) -> Value<'a> {
    match raw.as_amount() {
        Amount::Of(amount) => Value::Number(Number::Unsigned(amount)),
        Amount::Absent => Value::Absent,
        Amount::Unreadable => raw.clone(),
    }
}

fn outcome(raw: &Raw<'_, '_>) -> &'static str {
    let says = |input| match raw.value(input) {
        Value::Absent | Value::Null => false,
        Value::Text(text) => !text.is_empty(),
        _ => true,
    };
    if says(Input::ErrorCode) || says(Input::ErrorMessage) { "failure" } else { "success" }
}

fn source_ip<'a>(raw: &Raw<'_, 'a>, address: Option<IpAddr>) -> Value<'a> {
    let (Some(written), Some(address)) = (raw.text(Input::SourceIpAddress), address) else {
        return Value::Absent;
    };
    // An IPv4 text that parses is canonical; of IPv6 there are many spellings.
    if address.is_ipv4() && !written.contains(':') {
        return Value::Text(written.clone());
    }
    let canonical = address.to_string();
    Value::Text(if *written == canonical { written.clone() } else { Cow::Owned(canonical) })
}

fn source_kind(raw: &Raw<'_, '_>, is_address: bool) -> &'static str {
    match raw.text(Input::SourceIpAddress) {
        None => "none",
        Some(_) if is_address => "ip",
        Some(text) => name_kind(text),
    }
}

/// The kind of a source that is no address.
fn name_kind(text: &str) -> &'static str {
    if text.ends_with(".amazonaws.com") {
        "service"
    } else if text == "AWS Internal" || text.starts_with("AWS Internal/") {
        "internal"
    } else {
        "other"
    }
}

fn is_service_call(raw: &Raw<'_, '_>) -> bool {
    raw.text(Input::Type).is_some_and(|kind| kind == "AWSService")
        || raw.text(Input::InvokedBy).is_some()
        || raw
            .text(Input::SourceIpAddress)
            .is_some_and(|text| matches!(name_kind(text), "service" | "internal"))
}
