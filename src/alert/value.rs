//! Values on their way from an event or a window into an alert: scalars and lists of scalars.

use super::context::{ContextValue, Scalar};
use super::time::seconds_text;
use crate::event::{Number, Value};
use crate::units::EventTime;

/// Values of one list in an alert (alerts.md §7).
pub(super) const LIST_VALUES_MAX: usize = 10;

/// What a name stands for; texts are clean and cut. It is exactly what `alert_context` can hold.
pub(super) type Resolved = ContextValue;

impl ContextValue {
    /// The first values of a list that say something; `None` when there is none.
    pub(super) fn list(values: impl Iterator<Item = Scalar>) -> Option<ContextValue> {
        let says_something =
            |value: &Scalar| !matches!(value, Scalar::Text(text) if text.is_empty());
        let values: Vec<Scalar> = values.filter(says_something).take(LIST_VALUES_MAX).collect();
        (!values.is_empty()).then_some(ContextValue::List(values))
    }

    /// An event time, in seconds as the logs have it.
    pub(super) fn time(time: EventTime) -> ContextValue {
        ContextValue::One(Scalar::Text(seconds_text(time.as_millis())))
    }
}

/// A field of the crossing event; `None` for what is absent, null or empty.
pub(super) fn member(value: &Value<'_>, clean: &dyn Fn(&str) -> Scalar) -> Option<ContextValue> {
    if let Value::List(values) = value {
        return ContextValue::list(values.iter().filter_map(|value| scalar(value, clean)));
    }
    scalar(value, clean).map(ContextValue::One)
}

fn scalar(value: &Value<'_>, clean: &dyn Fn(&str) -> Scalar) -> Option<Scalar> {
    match value {
        Value::Absent | Value::Null => None,
        Value::Bool(truth) => Some(Scalar::Bool(*truth)),
        Value::Number(Number::Unsigned(n)) => Some(Scalar::Unsigned(*n)),
        Value::Number(Number::Signed(n)) => Some(Scalar::Signed(*n)),
        Value::Number(Number::Float(n)) => Some(Scalar::Float(*n)),
        Value::Text(text) => (!text.is_empty()).then(|| clean(text)),
        Value::Object(json) => Some(clean(json)),
        // A list in a list: its first member stands for it.
        Value::List(values) => values.iter().find_map(|value| scalar(value, clean)),
    }
}

/// A value as one line.
pub(super) fn text_of(value: &ContextValue) -> String {
    match value {
        ContextValue::One(scalar) => scalar_text(scalar),
        ContextValue::List(values) => values.iter().map(scalar_text).collect::<Vec<_>>().join(", "),
    }
}

fn scalar_text(scalar: &Scalar) -> String {
    match scalar {
        Scalar::Bool(truth) => truth.to_string(),
        Scalar::Unsigned(n) => n.to_string(),
        Scalar::Signed(n) => n.to_string(),
        Scalar::Float(n) => n.to_string(),
        Scalar::Text(text) => text.clone(),
    }
}

/// A filter after `|`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filter {
    /// `mb`: bytes as MiB.
    Mb,
    /// `host`: text up to the first dot.
    Host,
}

impl Filter {
    /// The filter with this name.
    pub(super) fn named(name: &str) -> Option<Filter> {
        match name {
            "mb" => Some(Filter::Mb),
            "host" => Some(Filter::Host),
            _ => None,
        }
    }

    /// The value behind the filter; `mb` of something that is no amount gives nothing.
    pub(super) fn apply(self, value: &ContextValue) -> Option<ContextValue> {
        match self {
            Filter::Mb => {
                let bytes: u64 = text_of(value).parse().ok()?;
                Some(ContextValue::One(Scalar::Float(mebibytes(bytes))))
            }
            Filter::Host => {
                let text = text_of(value);
                let host = text.split('.').next().filter(|host| !host.is_empty())?;
                Some(ContextValue::One(Scalar::Text(host.to_owned())))
            }
        }
    }
}

/// Bytes as MiB rounded to two places, the same double as Python's `round(bytes / 1048576, 2)`.
fn mebibytes(bytes: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "Python's int / int rounds the same way")]
    let exact = bytes as f64 / 1_048_576.0;
    // Both round the exact binary value to two decimals, ties to even, and read the decimals back.
    format!("{exact:.2}").parse().unwrap_or(exact)
}

/// The text Python prints for such a number: no trailing zeros, at least one decimal.
pub(super) fn mebibytes_text(value: f64) -> String {
    format!("{value:?}")
}
