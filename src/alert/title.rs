//! An alert's title from the rule's template: `{field}`, `{amount|mb}`, `{x|host}`, `{x|or:TEXT}`.

use super::case::Case;
use super::context::{ContextValue, Scalar};
use super::text::cap;
use super::value::{Filter, mebibytes_text, text_of};

/// What a missing value reads as, unless the template says otherwise.
const MISSING: &str = "unknown";

/// The title of the finding: the rule's template, else the rule's title and the key.
pub(super) fn title(case: &Case<'_>) -> String {
    let title = match &case.rule.text.alert_title {
        Some(template) => fill(template, |name| case.resolve(name)),
        None => default_title(case),
    };
    case.cleaner.text(&title, cap::TITLE)
}

fn default_title(case: &Case<'_>) -> String {
    let title = &case.rule.text.title;
    let key = &case.finding.dedup_key;
    if key.is_empty() {
        return title.clone();
    }
    let values: Vec<String> = key
        .iter()
        .map(|(_, value)| case.cleaner.text(value.as_deref().unwrap_or(MISSING), cap::ARN))
        .collect();
    format!("{title}: {}", values.join(", "))
}

/// Fills the placeholders. A brace that opens no placeholder stays as it is: rules are checked when
/// they load, so this is text the author meant.
fn fill(template: &str, resolve: impl Fn(&str) -> Option<ContextValue>) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, inside)) = rest.split_once('{') {
        out.push_str(before);
        let Some((placeholder, after)) = inside.split_once('}') else {
            out.push('{');
            rest = inside;
            continue;
        };
        out.push_str(&fill_one(placeholder, &resolve));
        rest = after;
    }
    out.push_str(rest);
    out
}

fn fill_one(placeholder: &str, resolve: &impl Fn(&str) -> Option<ContextValue>) -> String {
    let mut parts = placeholder.split('|');
    let mut value = resolve(parts.next().unwrap_or_default().trim());
    let mut missing = MISSING;
    for part in parts {
        if let Some(text) = part.trim_start().strip_prefix("or:") {
            missing = text;
        } else if let Some(filter) = Filter::named(part.trim()) {
            value = value.and_then(|value| filter.apply(&value));
        }
    }
    match value {
        None => missing.to_owned(),
        Some(ContextValue::One(Scalar::Float(number))) => mebibytes_text(number),
        Some(value) => text_of(&value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str) -> String {
        fill(template, |name| match name {
            "amount" => Some(ContextValue::One(Scalar::Unsigned(53_687_100))),
            "service" => Some(ContextValue::One(Scalar::Text("s3.amazonaws.com".into()))),
            "buckets" => ContextValue::list(["a", "b"].map(|s| Scalar::Text(s.into())).into_iter()),
            _ => None,
        })
    }

    #[test]
    fn placeholders_are_filled_and_missing_values_have_a_word() {
        assert_eq!(
            filled("{amount|mb}MB of {amount} from {buckets} via {service|host}"),
            "51.2MB of 53687100 from a, b via s3"
        );
        assert_eq!(filled("{x} {x|or:none} {x|mb} {x|host|or:}."), "unknown none unknown .");
    }

    #[test]
    fn a_lone_brace_stays() {
        assert_eq!(filled("a } b { c"), "a } b { c");
        assert_eq!(filled("{"), "{");
    }

    #[test]
    fn mebibytes_read_as_python_rounds_them() {
        // (bytes, str(round(bytes / 1048576, 2))) from CPython.
        let table = include!("testdata/mebibytes.in");
        for (bytes, expected) in table {
            let value = fill("{n|mb}", |_| Some(ContextValue::One(Scalar::Unsigned(bytes))));
            assert_eq!(value, expected, "{bytes}");
        }
    }
}
