//! Where a server-side copy reads from: the bucket in `x-amz-copy-source` (sources.md §2.7).

use std::borrow::Cow;

/// The source bucket; `None` for an access-point ARN and for text without a bucket.
///
/// Drops a leading slash, decodes `%XX`, cuts `?versionId=…`, takes what comes before the first slash.
pub(super) fn bucket<'a>(copy_source: &Cow<'a, str>) -> Option<Cow<'a, str>> {
    let decoded = match copy_source {
        Cow::Borrowed(text) => percent_decode(text),
        Cow::Owned(text) => Cow::Owned(percent_decode(text).into_owned()),
    };
    let cut = |text: &str| -> Option<(usize, usize)> {
        let start = usize::from(text.starts_with('/'));
        let rest = text.get(start..)?;
        let rest = rest.split("?versionId=").next().unwrap_or(rest);
        let bucket = rest.split('/').next().unwrap_or(rest);
        (!bucket.is_empty() && !bucket.starts_with("arn:")).then(|| (start, start + bucket.len()))
    };
    let (start, end) = cut(&decoded)?;
    match decoded {
        Cow::Borrowed(text) => text.get(start..end).map(Cow::Borrowed),
        Cow::Owned(text) => text.get(start..end).map(|bucket| Cow::Owned(bucket.to_owned())),
    }
}

/// Decodes `%XX`; what is no such sequence stays, bytes that are no UTF-8 become U+FFFD.
fn percent_decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let code = (byte == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.push(code.unwrap_or(byte));
        at += if code.is_some() { 3 } else { 1 };
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(bucket(&Cow::Borrowed(text)).as_deref(), expected, "{text}");
        assert_eq!(bucket(&Cow::Owned(text.to_owned())).as_deref(), expected, "{text}");
    }

    #[test]
    fn the_source_bucket_is_read_from_every_form() {
        check("orders/2025/part", Some("orders"));
        check("/orders/2025/part%200002", Some("orders"));
        check("%2Forders%2Fpart?versionId=x", Some("orders"));
        check("orders%2Fpart%3FversionId=x", Some("orders"));
        check("orders", Some("orders"));
        check("/orders?versionId=1", Some("orders"));
    }

    #[test]
    fn an_access_point_or_nothing_has_no_source_bucket() {
        check("arn:aws:s3:eu-central-1:111122223333:accesspoint/x/object/k", None);
        check("arn%3Aaws%3As3%3A%3A%3Aorders/k", None);
        check("", None);
        check("/", None);
        check("%", Some("%"));
        check("%zz/%é", Some("%zz"));
    }
}
