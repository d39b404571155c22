//! Who acted: the variants of `userIdentity` and what they give (sources.md §2.5).
//!
//! Role sessions are grouped by their role, so that rotating session names never split a group. Three
//! accounts are never exchanged for each other: the caller's (`accountId`), the reader's of this copy
//! (`recipientAccountId`) and the bucket owner's.

use super::input::{Input, Raw};
use super::resources::sub;
use crate::event::address::canonical_address;
use std::borrow::Cow;

/// `arn:PARTITION:SERVICE::ACCOUNT:RESOURCE` of IAM and STS.
struct Arn<'t> {
    partition: &'t str,
    account: &'t str,
    resource: &'t str,
}

/// What is before and after the first colon: these parts are short, so a plain loop is the fastest.
#[inline]
fn cut(text: &str) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| byte == b':')?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

impl<'t> Arn<'t> {
    fn parse(text: &'t str) -> Option<Self> {
        let rest = text.strip_prefix("arn:")?;
        let (partition, rest) = cut(rest)?;
        let (_service, rest) = cut(rest)?;
        let (_region, rest) = cut(rest)?;
        let (account, resource) = cut(rest)?;
        Some(Arn { partition, account, resource })
    }

    /// Role and session of an assumed role.
    fn assumed_role(&self) -> Option<(&'t str, &'t str)> {
        self.resource.strip_prefix("assumed-role/")?.split_once('/')
    }
}

/// The part of a `principalId` that stays when sessions change: `AROA…:S` → `AROA…`.
fn without_session(principal_id: &str) -> &str {
    match principal_id.split_once(':') {
        Some((role, _)) if role.starts_with("AROA") => role,
        _ => principal_id,
    }
}

fn last_segment(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A user name that says something.
fn user_name<'s, 'a>(raw: &Raw<'s, 'a>, input: Input) -> Option<&'s Cow<'a, str>> {
    raw.text(input).filter(|name| *name != "HIDDEN_DUE_TO_SECURITY_REASONS")
}

fn kind<'s>(raw: &Raw<'s, '_>) -> &'s str {
    raw.text(Input::Type).map_or("", |kind| kind)
}

/// Whether the call was made without credentials; sources.md §2.5.1 names the three spellings.
pub(super) fn is_anonymous(raw: &Raw<'_, '_>) -> bool {
    let is =
        |input, word: &str| raw.text(input).is_some_and(|text| text.eq_ignore_ascii_case(word));
    is(Input::AccountId, "ANONYMOUS_PRINCIPAL")
        || is(Input::AccountId, "anonymous")
        || is(Input::PrincipalId, "anonymous")
        || (kind(raw) == "AWSAccount"
            && raw.text(Input::PrincipalId).is_none()
            && raw.text(Input::Arn).is_none())
}

/// Role and session when the caller is a session of a role.
fn role_session<'s>(raw: &Raw<'s, '_>) -> Option<(&'s str, &'s str)> {
    Arn::parse(raw.text(Input::Arn)?)?.assumed_role()
}

/// `tidegate.principal`: never absent.
pub(super) fn principal<'a>(raw: &Raw<'_, 'a>) -> Cow<'a, str> {
    if is_anonymous(raw) {
        let address = raw.text(Input::SourceIpAddress).and_then(|text| canonical_address(text));
        return address
            .map_or(Cow::Borrowed("anonymous"), |ip| Cow::Owned(format!("anonymous:{ip}")));
    }
    if let Some(role) = role_arn(raw) {
        return role;
    }
    if let Some(arn) = raw.text(Input::Arn) {
        return arn.clone();
    }
    let account = raw.text(Input::AccountId);
    if let Some(id) = raw.text(Input::PrincipalId) {
        return match account {
            Some(account) => Cow::Owned(format!("{account}:{}", without_session(id))),
            None => sub(id, |id| Some(without_session(id))).unwrap_or(Cow::Borrowed("unknown")),
        };
    }
    if let (Some(account), Some(user)) = (account, raw.text(Input::OnBehalfOfUser)) {
        return Cow::Owned(format!("{account}:{user}"));
    }
    raw.text(Input::InvokedBy).or(account).cloned().unwrap_or(Cow::Borrowed("unknown"))
}

/// The role behind a role session: the issuer's ARN with its path, else made from the session's ARN.
fn role_arn<'a>(raw: &Raw<'_, 'a>) -> Option<Cow<'a, str>> {
    let is_assumed = kind(raw) == "AssumedRole";
    let issuer = raw.text(Input::IssuerArn);
    if let (true, Some(issuer)) = (is_assumed, issuer) {
        return Some(issuer.clone());
    }
    let session = role_session(raw);
    if !is_assumed && session.is_none() {
        return None;
    }
    if let Some(issuer) = issuer {
        return Some(issuer.clone());
    }
    let arn = Arn::parse(raw.text(Input::Arn)?)?;
    let (role, _) = session?;
    Some(Cow::Owned(format!("arn:{}:iam::{}:role/{role}", arn.partition, arn.account)))
}

/// `tidegate.actor`.
pub(super) fn actor<'a>(raw: &Raw<'_, 'a>) -> Option<Cow<'a, str>> {
    if is_anonymous(raw) {
        return None;
    }
    let own = || user_name(raw, Input::UserName).cloned();
    let issuer = || user_name(raw, Input::IssuerUserName).cloned();
    match kind(raw) {
        "AssumedRole" => issuer().or_else(|| role_of_arn(raw)),
        "Role" => role_of_arn(raw),
        "FederatedUser" => own().or_else(issuer),
        "IdentityCenterUser" => user_name(raw, Input::IdentityCenterUserName).cloned(),
        "AWSAccount" | "AWSService" => None,
        _ => own(),
    }
}

/// R of `…:assumed-role/R/S` or `…:role/path/R`.
fn role_of_arn<'a>(raw: &Raw<'_, 'a>) -> Option<Cow<'a, str>> {
    sub(raw.text(Input::Arn)?, |arn| {
        let arn = Arn::parse(arn)?;
        let session = arn.assumed_role().map(|(role, _)| role);
        session.or_else(|| arn.resource.strip_prefix("role/").map(last_segment))
    })
}

/// `tidegate.account`: the caller's, as written.
pub(super) fn account<'a>(raw: &Raw<'_, 'a>) -> Option<Cow<'a, str>> {
    raw.text(Input::AccountId).filter(|_| kind(raw) != "AWSService").cloned()
}

/// `tidegate.principal_name`: the short form that every source can give.
pub(super) fn principal_name<'a>(raw: &Raw<'_, 'a>) -> Option<Cow<'a, str>> {
    let principal = principal(raw);
    if let Some(arn) = Arn::parse(&principal) {
        let account = arn.account;
        let named = |word: &str, name: &str| format!("{account}:{word}/{}", last_segment(name));
        let short = match arn.resource.split_once('/') {
            Some(("user", name)) => Some(named("user", name)),
            Some(("role", name)) => Some(named("role", name)),
            // A federated user's name has no path and may hold anything.
            Some(("federated-user", name)) => Some(format!("{account}:federated/{name}")),
            None if arn.resource == "root" => Some(format!("{account}:root")),
            _ => None,
        };
        return Some(short.map_or_else(|| principal.clone(), Cow::Owned));
    }
    let is_service = raw.text(Input::InvokedBy).is_some_and(|service| *service == principal);
    (!is_service && principal != "unknown").then_some(principal)
}

/// `tidegate.principal_uid`: equal in both copies of a cross-account call and in GuardDuty.
pub(super) fn principal_uid<'a>(raw: &Raw<'_, 'a>) -> Option<Cow<'a, str>> {
    if is_anonymous(raw) {
        return None;
    }
    if kind(raw) == "Root" {
        return raw.text(Input::AccountId).or_else(|| raw.text(Input::PrincipalId)).cloned();
    }
    sub(raw.text(Input::PrincipalId)?, |id| Some(without_session(id)))
}

/// `tidegate.session`.
pub(super) fn session<'a>(raw: &Raw<'_, 'a>) -> Option<Cow<'a, str>> {
    let of_arn = raw.text(Input::Arn).and_then(|arn| {
        sub(arn, |arn| Arn::parse(arn)?.assumed_role().map(|(_, session)| session))
    });
    let session = of_arn.or_else(|| {
        let id = raw.text(Input::PrincipalId)?;
        sub(id, |id| {
            id.split_once(':').filter(|(role, _)| role.starts_with("AROA")).map(|(_, s)| s)
        })
    });
    session.filter(|session| !session.is_empty())
}

/// `tidegate.instance`: the session of an instance's role is the instance's id.
pub(super) fn instance<'a>(raw: &Raw<'_, 'a>) -> Option<Cow<'a, str>> {
    session(raw).filter(|session| {
        session.strip_prefix("i-").is_some_and(|id| {
            (8..=17).contains(&id.len())
                && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        })
    })
}

/// `tidegate.actor_user`: the name in titles (sources.md §2.5.3).
pub(super) fn actor_user<'a>(raw: &Raw<'_, 'a>) -> Option<Cow<'a, str>> {
    if raw.value(Input::EventType).as_text() == Some("AwsServiceEvent") {
        return raw.text(Input::InvokedBy).cloned();
    }
    let own = || user_name(raw, Input::UserName).cloned();
    let unknown = |kind: &str| Cow::Owned(format!("Unknown{kind}"));
    Some(match kind(raw) {
        "Root" => own()
            .or_else(|| raw.text(Input::AccountId).cloned())
            .unwrap_or(Cow::Borrowed("UnknownRootUser")),
        kind @ ("IAMUser" | "Directory" | "Unknown" | "SAMLUser" | "WebIdentityUser") => {
            own().unwrap_or_else(|| unknown(kind))
        }
        kind @ ("AssumedRole" | "Role" | "FederatedUser") => {
            let issuer = user_name(raw, Input::IssuerUserName).cloned();
            let person = issuer
                .as_ref()
                .filter(|name| name.starts_with("AWSReservedSSO_"))
                .and_then(|_| raw.text(Input::PrincipalId))
                .and_then(|id| sub(id, |id| id.split_once(':').map(|(_, person)| person)))
                .filter(|person| !person.is_empty());
            person.or(issuer).unwrap_or_else(|| unknown(kind))
        }
        "IdentityCenterUser" => user_name(raw, Input::IdentityCenterUserName)
            .cloned()
            .unwrap_or(Cow::Borrowed("UnknownIdentityCenterUser")),
        kind @ ("AWSService" | "AWSAccount") => {
            raw.text(Input::SourceIdentity).cloned().unwrap_or_else(|| unknown(kind))
        }
        _ => Cow::Borrowed("UnknownUser"),
    })
}
