//! What a record touched: bucket, key and their owners, from `requestParameters` and `resources`
//! (sources.md §2.7).
//!
//! Keys contain `:` and `/`, so an ARN is never split on `:` to find one.

use super::input::{Input, Raw};
use std::borrow::Cow;

/// One entry of `resources`; `arn` also holds an `ARNPrefix`.
#[derive(Debug, Clone, Default)]
pub(in crate::event) struct ResourceEntry<'a> {
    pub(in crate::event) kind: Option<Cow<'a, str>>,
    pub(in crate::event) arn: Option<Cow<'a, str>>,
    pub(in crate::event) account: Option<Cow<'a, str>>,
}

impl<'a> ResourceEntry<'a> {
    fn is_bucket(&self) -> bool {
        self.kind.as_deref() == Some("AWS::S3::Bucket")
    }

    fn is_object(&self) -> bool {
        matches!(
            self.kind.as_deref(),
            Some("AWS::S3::Object" | "AWS::S3Express::Object" | "AWS::S3Outposts::Object")
        )
    }

    fn bucket(&self) -> Option<Cow<'a, str>> {
        self.arn.as_ref().and_then(|arn| sub(arn, bucket_of_arn))
    }

    fn account(&self) -> Option<&Cow<'a, str>> {
        self.account.as_ref().filter(|account| !account.is_empty())
    }
}

/// Applies a cut to text and keeps the borrow where there is one.
pub(super) fn sub<'a>(
    text: &Cow<'a, str>,
    cut: impl Fn(&str) -> Option<&str>,
) -> Option<Cow<'a, str>> {
    match text {
        Cow::Borrowed(text) => cut(text).map(Cow::Borrowed),
        Cow::Owned(text) => cut(text).map(|part| Cow::Owned(part.to_owned())),
    }
}

/// Whether `requestParameters.bucketName` names a bucket: no ARN, no access-point alias.
pub(in crate::event) fn is_plain_bucket_name(name: &str) -> bool {
    !name.is_empty()
        && !name.bytes().any(|byte| matches!(byte, b':' | b'/'))
        && !name.ends_with("-s3alias")
        && !name.ends_with("--ol-s3")
}

/// What follows the bucket's name marker in an ARN of S3, S3 Express or Outposts: `bucket/key…`.
fn path_of_arn(arn: &str) -> Option<&str> {
    // arn:PARTITION:SERVICE:REGION:ACCOUNT:REST, where REST may hold more colons.
    let mut parts = arn.splitn(6, ':');
    if parts.next()? != "arn" {
        return None;
    }
    let service = parts.nth(1)?;
    let (region, _account, rest) = (parts.next()?, parts.next()?, parts.next()?);
    match service {
        // A region means an access point.
        "s3" => region.is_empty().then_some(rest),
        "s3express" => rest.strip_prefix("bucket/"),
        "s3-outposts" => rest
            .strip_prefix("bucket/")
            .or_else(|| rest.split_once("/bucket/").map(|(_, path)| path)),
        _ => None,
    }
}

fn bucket_of_arn(arn: &str) -> Option<&str> {
    let path = path_of_arn(arn)?;
    let bucket = path.split('/').next().unwrap_or(path);
    (!bucket.is_empty()).then_some(bucket)
}

fn key_of_arn(arn: &str) -> Option<&str> {
    let (_, key) = path_of_arn(arn)?.split_once('/')?;
    // Outposts write `bucket/NAME/object/KEY`.
    let key = if arn.contains(":s3-outposts:") {
        key.strip_prefix("object/").unwrap_or(key)
    } else {
        key
    };
    (!key.is_empty()).then_some(key)
}

/// `tidegate.bucket`.
pub(super) fn bucket<'a>(raw: &Raw<'_, 'a>) -> Option<Cow<'a, str>> {
    if let Some(name) = raw.text(Input::BucketName)
        && is_plain_bucket_name(name)
    {
        return Some(name.clone());
    }
    let of = |wanted: fn(&ResourceEntry<'a>) -> bool| {
        raw.resources.iter().filter(|entry| wanted(entry)).find_map(ResourceEntry::bucket)
    };
    of(ResourceEntry::is_bucket).or_else(|| of(ResourceEntry::is_object))
}

/// `tidegate.key`.
pub(super) fn key<'a>(raw: &Raw<'_, 'a>) -> Option<Cow<'a, str>> {
    if let Some(key) = raw.text(Input::Key).or_else(|| raw.text(Input::OutpostsKey)) {
        return Some(key.clone());
    }
    if raw.text(Input::BucketName).is_some() {
        return None;
    }
    let objects = raw.resources.iter().filter(|entry| entry.is_object());
    objects.filter_map(|entry| entry.arn.as_ref()).find_map(|arn| sub(arn, key_of_arn))
}

fn owner_of<'a>(raw: &Raw<'_, 'a>, bucket: &str) -> Option<Cow<'a, str>> {
    let mut buckets = raw.resources.iter().filter(|entry| entry.is_bucket());
    buckets.find(|entry| entry.bucket().as_deref() == Some(bucket))?.account().cloned()
}

/// `tidegate.bucket_owner`: the owner of the bucket's own entry, or of the only bucket entry.
pub(super) fn bucket_owner<'a>(raw: &Raw<'_, 'a>) -> Option<Cow<'a, str>> {
    let named = bucket(raw).and_then(|bucket| owner_of(raw, &bucket));
    named.or_else(|| {
        let mut buckets = raw.resources.iter().filter(|entry| entry.is_bucket());
        let only = buckets.next()?;
        buckets.next().is_none().then(|| only.account().cloned()).flatten()
    })
}

/// `tidegate.copy_source_owner`.
pub(super) fn copy_source_owner<'a>(raw: &Raw<'_, 'a>) -> Option<Cow<'a, str>> {
    let bucket = raw.text(Input::CopySource).and_then(super::copy_source::bucket)?;
    owner_of(raw, &bucket)
}

/// The different owners over all bucket entries, in the record's order.
pub(super) fn accounts<'s, 'a>(raw: &Raw<'s, 'a>) -> Vec<&'s Cow<'a, str>> {
    let mut accounts: Vec<&Cow<'a, str>> = Vec::new();
    for account in raw.resources.iter().filter(|e| e.is_bucket()).filter_map(ResourceEntry::account)
    {
        // Records list a handful; a forged long list may not cost its square.
        if accounts.len() < 1000 && !accounts.contains(&account) {
            accounts.push(account);
        }
    }
    accounts
}

/// How many different buckets the bucket entries name.
pub(super) fn bucket_count(raw: &Raw<'_, '_>) -> usize {
    let mut buckets: Vec<_> =
        raw.resources.iter().filter(|e| e.is_bucket()).filter_map(ResourceEntry::bucket).collect();
    buckets.sort_unstable();
    buckets.dedup();
    buckets.len()
}

/// `tidegate.kms_key_account`: the account part of a key's ARN.
pub(super) fn kms_key_account<'a>(raw: &Raw<'_, 'a>) -> Option<Cow<'a, str>> {
    sub(raw.text(Input::KmsKey)?, |arn| {
        let mut parts = arn.split(':');
        let is_kms = parts.next() == Some("arn") && parts.nth(1) == Some("kms");
        let account = parts.nth(1)?;
        (is_kms && account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()))
            .then_some(account)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_and_keys_come_from_every_kind_of_arn() {
        let cases = [
            ("arn:aws:s3:::b/k", Some("b"), Some("k")),
            ("arn:aws-cn:s3:::b", Some("b"), None),
            ("arn:aws-us-gov:s3:::b/", Some("b"), None),
            ("arn:aws:s3:::b/a:::b/c:d e %20😀", Some("b"), Some("a:::b/c:d e %20😀")),
            (
                "arn:aws:s3express:eu-central-1:111122223333:bucket/b--x-s3/k/l",
                Some("b--x-s3"),
                Some("k/l"),
            ),
            (
                "arn:aws:s3-outposts:eu-central-1:111122223333:outpost/op-1/bucket/b/object/k/l",
                Some("b"),
                Some("k/l"),
            ),
            ("arn:aws:s3tables:eu-central-1:111122223333:bucket/tb/table/x", None, None),
            ("arn:aws:s3:eu-central-1:111122223333:accesspoint/ap", None, None),
            ("", None, None),
            (":::", None, None),
        ];
        for (arn, bucket, key) in cases {
            assert_eq!(bucket_of_arn(arn), bucket, "{arn}");
            assert_eq!(key_of_arn(arn), key, "{arn}");
        }
    }

    #[test]
    fn an_access_point_arn_names_no_bucket_whatever_its_key_holds() {
        let arn = "arn:aws:s3:eu-central-1:111122223333:accesspoint/ap/object/a:::b";

        assert_eq!(bucket_of_arn(arn), None);
        assert_eq!(key_of_arn(arn), None);
    }

    #[test]
    fn only_a_plain_name_is_a_bucket_name() {
        for name in ["orders-archive", "a.b.c", "x--az1--x-s3"] {
            assert!(is_plain_bucket_name(name), "{name}");
        }
        for name in ["", "arn:aws:s3:::b", "ap-abc123-s3alias", "x/y", "ol-abc--ol-s3"] {
            assert!(!is_plain_bucket_name(name), "{name}");
        }
    }
}
