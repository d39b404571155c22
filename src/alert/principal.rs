//! Who acted, in OCSF's words: one shape for each kind of AWS identity (alerts.md §4.4).

use super::case::Case;
use super::ocsf::{Account, Actor, Caption, Credential, Session, User};
use super::text::cap;
use super::time::millis_text;
use jiff::Timestamp;

/// The actor of the crossing event; `None` when the log names nobody.
pub(super) fn actor(case: &Case<'_>) -> Option<Actor> {
    let actor = Actor {
        user: user(case),
        session: session(case),
        invoked_by: case.clean_fact("userIdentity.invokedBy", cap::TEXT),
    };
    let is_known = actor.user.is_some() || actor.session.is_some() || actor.invoked_by.is_some();
    is_known.then_some(actor)
}

fn user(case: &Case<'_>) -> Option<User> {
    let kind = case.fact("userIdentity.type").unwrap_or_default();
    let invoked_by = case.clean_fact("userIdentity.invokedBy", cap::TEXT);
    let mut user = User {
        uid: case.clean_fact("userIdentity.arn", cap::ARN),
        uid_alt: case.clean_fact("userIdentity.principalId", cap::ARN),
        name: case.clean_fact("tidegate.actor", cap::ARN),
        account: case.clean_fact("userIdentity.accountId", cap::TEXT).map(Account::aws),
        programmatic_credentials: credentials(case),
        type_id: 0,
        kind: Caption::Borrowed("Unknown"),
    };
    let is_anonymous = case.fact("tidegate.anonymous").as_deref() == Some("true");
    let (type_id, caption) = if is_anonymous {
        user.name = Some("anonymous".into());
        // What stands there is a word for nobody, not an account.
        user.account = None;
        (0, "Unknown")
    } else if kind == "Root" {
        user.name = Some("root".into());
        (2, "Admin")
    } else if kind == "AWSService"
        || (kind.is_empty() && user.uid.is_none() && invoked_by.is_some())
    {
        user.name = invoked_by;
        (4, "Service")
    } else {
        match kind.as_str() {
            "IAMUser" | "AssumedRole" | "Role" | "FederatedUser" | "SAMLUser"
            | "WebIdentityUser" | "IdentityCenterUser" => (1, "User"),
            _ => (0, "Unknown"),
        }
    };
    (user.type_id, user.kind) = (type_id, caption.into());
    let has_required =
        |user: &User| user.uid.is_some() || user.name.is_some() || user.account.is_some();
    if !has_required(&user) {
        let principal = case.key_or_fact("tidegate.principal").filter(|text| text != "unknown")?;
        user.uid = case.cleaner.some(&principal, cap::ARN);
    }
    has_required(&user).then_some(user)
}

fn credentials(case: &Case<'_>) -> Vec<Credential> {
    let uid = case.clean_fact("userIdentity.accessKeyId", cap::TEXT);
    uid.map(|uid| Credential { uid, kind: "AWS access key".into() }).into_iter().collect()
}

fn session(case: &Case<'_>) -> Option<Session> {
    let issuer = case
        .clean_fact("userIdentity.sessionContext.sessionIssuer.arn", cap::ARN)
        .or_else(|| case.clean_fact("userIdentity.arn", cap::ARN))?;
    let is_mfa = case.fact("userIdentity.sessionContext.attributes.mfaAuthenticated");
    let created = case
        .fact("userIdentity.sessionContext.attributes.creationDate")
        .and_then(|text| text.parse::<Timestamp>().ok())
        .map(Timestamp::as_millisecond);
    Some(Session {
        issuer,
        uid: case.clean_fact("tidegate.session", cap::ARN),
        is_mfa: is_mfa.and_then(|text| text.parse().ok()),
        created_time: created,
        created_time_dt: created.map(millis_text),
    })
}
