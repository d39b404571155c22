//! What a bucket or access-point policy opens: the fields `tidegate.policy_*` (sources.md §2.7.1).
//!
//! A policy comes as an object or as JSON text, and each of its parts as one value or an array. It is read
//! only where a rule asks for it, and such events are rare, so each field reads it anew. A text that is no
//! policy gives no field at all: neither "public" nor "not public" would be true.

use super::input::{Input, Raw};
use crate::event::tree::Tree;
use crate::event::value::Value;

/// Accounts that are kept of one policy; a forged long one may not cost its square.
const ACCOUNTS_MAX: usize = 1000;

/// Condition keys that tie a statement to somebody: to principals, organizations, networks or resources.
const RESTRICTING_KEYS: [&str; 12] = [
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:SourceOrgID",
    "aws:SourceOrgPaths",
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceVpc",
    "aws:SourceVpce",
    "aws:SourceIp",
    "aws:userid",
];

/// Networks that are everybody's.
const EVERYWHERE: [&str; 2] = ["0.0.0.0/0", "::/0"];

/// `tidegate.policy_public`: somebody may do something, whoever he is and wherever he comes from.
pub(super) fn is_public(raw: &Raw<'_, '_>) -> Option<bool> {
    let public = |statement: &Statement<'_>| {
        statement.has_effect("Allow")
            && statement.is_for_everyone()
            && !statement.conditions().any(|condition| condition.is_restricting())
    };
    Some(Policy::of(raw)?.statements().any(|statement| public(&statement)))
}

/// `tidegate.policy_accounts`: who is allowed by account; empty when there is no policy.
pub(super) fn accounts(raw: &Raw<'_, '_>) -> Vec<String> {
    let Some(policy) = Policy::of(raw) else { return Vec::new() };
    let mut accounts: Vec<String> = Vec::new();
    let mut add = |account: Option<&str>| {
        let Some(account) = account.filter(|_| accounts.len() < ACCOUNTS_MAX) else { return };
        if !accounts.iter().any(|known| known == account) {
            accounts.push(account.to_owned());
        }
    };
    for statement in policy.statements().filter(|statement| statement.has_effect("Allow")) {
        for principal in statement.aws_principals() {
            add(account_of(principal));
        }
        for condition in statement.conditions().filter(Condition::is_positive) {
            if condition.is_about(&["aws:PrincipalAccount", "aws:SourceAccount"]) {
                condition.values().for_each(|value| add(account_id(value)));
            }
        }
    }
    accounts
}

/// `tidegate.policy_vpce_deny`: reads that do not come through a VPC or its endpoint are denied to all.
pub(super) fn denies_outside_vpce(raw: &Raw<'_, '_>) -> Option<bool> {
    let denies = |statement: &Statement<'_>| {
        statement.has_effect("Deny")
            && statement.is_for_everyone()
            && statement.actions().any(|action| covers(action, "s3:GetObject"))
            && statement.conditions().any(|condition| {
                condition.is_about(&["aws:SourceVpce", "aws:SourceVpc"])
                    && ["notequals", "notlike"].iter().any(|not| condition.operator.contains(not))
            })
    };
    Some(Policy::of(raw)?.statements().any(|statement| denies(&statement)))
}

/// Whether the call brings a policy that cannot be read; `false` where no rule asks for policies.
pub(in crate::event) fn has_unreadable_policy(raw: &Raw<'_, '_>) -> bool {
    let says_something = |input| match raw.only(input) {
        Some(Value::Text(text)) => !text.trim_ascii().is_empty(),
        Some(Value::Object(_)) => true,
        _ => false,
    };
    (says_something(Input::BucketPolicy) || says_something(Input::Policy))
        && Policy::of(raw).is_none()
}

/// A policy document that has statements.
struct Policy(Tree<'static>);

impl Policy {
    /// The policy that a call sets; `None` for none and for one that cannot be read.
    fn of(raw: &Raw<'_, '_>) -> Option<Self> {
        // `policy` beside `bucketPolicy` is only the name of the sub-resource, with no text.
        let document = raw.document(Input::BucketPolicy).or_else(|| raw.document(Input::Policy))?;
        let policy = Policy(document);
        let has_statements = policy.statements().next().is_some();
        has_statements.then_some(policy)
    }

    fn statements(&self) -> impl Iterator<Item = Statement<'_>> {
        let statements = self.0.member("Statement").into_iter().flat_map(Tree::each);
        statements.filter(|one| matches!(one, Tree::Object(_))).map(Statement)
    }
}

/// One entry of `Statement`.
struct Statement<'t>(&'t Tree<'static>);

impl<'t> Statement<'t> {
    fn has_effect(&self, effect: &str) -> bool {
        self.0
            .member("Effect")
            .and_then(Tree::text)
            .is_some_and(|is| is.eq_ignore_ascii_case(effect))
    }

    /// `"*"` and `{"AWS": "*"}`.
    fn is_for_everyone(&self) -> bool {
        self.aws_principals().any(|principal| principal == "*")
    }

    /// Principals that are named at once or under `AWS`; services and federations are none.
    fn aws_principals(&self) -> impl Iterator<Item = &'t str> {
        let principal = self.0.member("Principal");
        let named = match principal {
            Some(Tree::Object(_)) => principal.and_then(|principal| principal.member("AWS")),
            other => other,
        };
        named.into_iter().flat_map(Tree::each).filter_map(Tree::text)
    }

    fn actions(&self) -> impl Iterator<Item = &'t str> {
        self.0.member("Action").into_iter().flat_map(Tree::each).filter_map(Tree::text)
    }

    /// `Condition: {OPERATOR: {KEY: VALUES}}`, one for each key.
    fn conditions(&self) -> impl Iterator<Item = Condition<'t>> {
        let by_operator = self.0.member("Condition").into_iter().flat_map(Tree::members);
        by_operator.flat_map(|(operator, keys)| {
            let operator = operator.to_ascii_lowercase();
            keys.members().map(move |(key, values)| Condition {
                operator: operator.clone(),
                key,
                values,
            })
        })
    }
}

/// One key of one operator of a statement's condition.
struct Condition<'t> {
    /// In lower case.
    operator: String,
    key: &'t str,
    values: &'t Tree<'static>,
}

impl<'t> Condition<'t> {
    fn is_about(&self, keys: &[&str]) -> bool {
        keys.iter().any(|key| self.key.eq_ignore_ascii_case(key))
    }

    fn values(&self) -> impl Iterator<Item = &'t str> {
        self.values.each().filter_map(Tree::text)
    }

    /// Whether it asks for one of its values rather than for another one.
    fn is_positive(&self) -> bool {
        !self.operator.contains("not") && self.operator != "null"
    }

    /// Whether a caller has to be somebody, or somewhere, for it to hold.
    ///
    /// What holds for a missing key restricts nobody who leaves it out: `…IfExists`, and `ForAllValues:`,
    /// which is true of no values at all.
    fn is_restricting(&self) -> bool {
        let holds_for_missing =
            self.operator.ends_with("ifexists") || self.operator.starts_with("forallvalues:");
        let is_everything = |value: &str| {
            value == "*" || (self.is_about(&["aws:SourceIp"]) && EVERYWHERE.contains(&value))
        };
        self.is_positive()
            && !holds_for_missing
            && self.is_about(&RESTRICTING_KEYS)
            && self.values().next().is_some()
            && !self.values().any(is_everything)
    }
}

/// The account of a principal: twelve digits, or an ARN's account part. CloudFront's identities have the
/// word `cloudfront` there, and services have no account.
fn account_of(principal: &str) -> Option<&str> {
    if !principal.starts_with("arn:") {
        return account_id(principal);
    }
    principal.split(':').nth(4).and_then(account_id)
}

fn account_id(text: &str) -> Option<&str> {
    (text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

/// Whether an action of a policy, with its `*` and `?`, covers `action`; case does not count.
fn covers(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.as_bytes(), action.as_bytes());
    // Where the last star stood, and how much of the action it had taken.
    let (mut at, mut of, mut star) = (0, 0, None);
    while let Some(byte) = action.get(of) {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, of));
                at += 1;
            }
            Some(wanted) if *wanted == b'?' || wanted.eq_ignore_ascii_case(byte) => {
                at += 1;
                of += 1;
            }
            _ => {
                let Some((star_at, taken)) = star else { return false };
                star = Some((star_at, taken + 1));
                at = star_at + 1;
                of = taken + 1;
            }
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

impl Raw<'_, '_> {
    /// An input that holds a document: an object, or its JSON text. Old records wrap a text in a list.
    fn document(&self, input: Input) -> Option<Tree<'static>> {
        document(self.only(input)?)
    }

    fn only(&self, input: Input) -> Option<&Value<'_>> {
        match self.value(input) {
            Value::List(members) => members.first(),
            other => Some(other),
        }
    }
}

/// The document that a value holds as an object or as JSON text.
pub(super) fn document(value: &Value<'_>) -> Option<Tree<'static>> {
    let (Value::Object(text) | Value::Text(text)) = value else { return None };
    // Text inside text has not been checked for depth; the parser has a bound of its own.
    let tree = serde_json::from_str::<Tree<'_>>(text).ok()?;
    matches!(tree, Tree::Object(_)).then(|| tree.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_covers_what_its_wildcards_reach() {
        for pattern in
            ["s3:GetObject", "S3:getobject", "s3:Get*", "s3:*", "*", "s3:?etObject", "**"]
        {
            assert!(covers(pattern, "s3:GetObject"), "{pattern}");
        }
        for pattern in ["", "s3:GetObjectAcl", "s3:Put*", "s3:Get", "s3:*Acl", "?", "s3:GetObject?"]
        {
            assert!(!covers(pattern, "s3:GetObject"), "{pattern}");
        }
    }

    #[test]
    fn only_accounts_are_accounts() {
        for (principal, account) in [
            ("111122223333", Some("111122223333")),
            ("arn:aws:iam::111122223333:root", Some("111122223333")),
            ("arn:aws-cn:sts::111122223333:assumed-role/R/S", Some("111122223333")),
            ("arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1", None),
            ("*", None),
            ("AIDAEXAMPLE", None),
            ("11112222333", None),
        ] {
            assert_eq!(account_of(principal), account, "{principal}");
        }
    }
}
