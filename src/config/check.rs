//! Whether a written value fits its key, and its form for the merge.

use super::key::{Key, Kind, Written};
use super::problem::{Origin, Problem};
use super::quantity::{parse_amount, parse_size, parse_span, show_size, show_span};
use crate::units::Span;
use config::ValueKind;
use std::net::SocketAddr;

/// Why a value does not fit.
struct Misfit {
    code: &'static str,
    what: String,
    hint: Option<String>,
}

/// Turns `written` into the value that is merged.
///
/// # Errors
/// What is wrong with it; the message names the key, what is right, and what was found.
pub(super) fn accept(
    key: &Key,
    path: &str,
    written: &Written,
    origin: &Origin,
) -> Result<ValueKind, Problem> {
    fit(key, written).map_err(|misfit| {
        let what = format!("{path} {}", misfit.what);
        let problem = Problem::error(misfit.code, path, origin.clone(), what);
        match misfit.hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    })
}

fn fit(key: &Key, written: &Written) -> Result<ValueKind, Misfit> {
    let wrong = || Misfit {
        code: "wrong-type",
        what: format!("must be {}, found {}", key.kind.expects(), written.describe()),
        hint: Some(format!("write for example {}", key.example)),
    };
    match (key.kind, written) {
        (Kind::Text | Kind::Path, Written::Text(text)) => {
            if text.is_empty() {
                return Err(empty(key));
            }
            Ok(ValueKind::String(text.clone()))
        }
        (Kind::Flag, Written::Flag(flag)) => Ok(ValueKind::Boolean(*flag)),
        (Kind::Integer { min, max }, Written::Integer(number)) => {
            if (min..=max).contains(number) {
                Ok(ValueKind::I64(*number))
            } else {
                Err(wrong())
            }
        }
        (Kind::Duration { min_ms }, Written::Text(text)) => {
            let span = parse_span(text).ok_or_else(|| quantity(key, written, "15s"))?;
            if span < Span::from_millis(min_ms) {
                return Err(wrong());
            }
            Ok(ValueKind::String(show_span(span)))
        }
        (Kind::Duration { .. }, Written::Integer(number)) => {
            Err(quantity(key, written, &format!("{number}s")))
        }
        (Kind::Size { min_bytes, max_bytes }, Written::Text(text)) => {
            let bytes = parse_size(text).ok_or_else(|| quantity(key, written, "8MiB"))?;
            if !(min_bytes..=max_bytes).contains(&bytes) {
                return Err(wrong());
            }
            Ok(ValueKind::String(show_size(bytes)))
        }
        (Kind::Size { .. }, Written::Integer(number)) => {
            Err(quantity(key, written, &format!("{number}B")))
        }
        (Kind::Amount, Written::Integer(number)) => match u64::try_from(*number) {
            Ok(number) => Ok(ValueKind::String(number.to_string())),
            Err(_) => Err(wrong()),
        },
        (Kind::Amount, Written::Text(text)) => match parse_amount(text) {
            Some(amount) => Ok(ValueKind::String(amount.to_string())),
            None => Err(quantity(key, written, "100MiB")),
        },
        (Kind::OneOf { now, later }, Written::Text(text)) => {
            word(now, later, text).map(ValueKind::String)
        }
        (Kind::SomeOf { now, later }, Written::List(items)) => items
            .iter()
            .map(|item| match item {
                Written::Text(text) => word(now, later, text).map(text_value),
                _ => Err(wrong()),
            })
            .collect::<Result<Vec<_>, _>>()
            .map(ValueKind::Array),
        (Kind::List, Written::List(items)) => items
            .iter()
            .map(|item| match item {
                Written::Text(text) if !text.is_empty() => Ok(text_value(text.clone())),
                _ => Err(wrong()),
            })
            .collect::<Result<Vec<_>, _>>()
            .map(ValueKind::Array),
        (Kind::Listen, Written::Text(text)) => match text.parse::<SocketAddr>() {
            Ok(address) => Ok(ValueKind::String(address.to_string())),
            Err(_) => Err(wrong()),
        },
        (Kind::PassThrough, Written::Text(text)) => Ok(ValueKind::String(text.clone())),
        (Kind::PassThrough, Written::Integer(number)) => Ok(ValueKind::String(number.to_string())),
        (Kind::PassThrough, Written::Float(number)) => Ok(ValueKind::String(number.to_string())),
        (Kind::PassThrough, Written::Flag(flag)) => Ok(ValueKind::String(flag.to_string())),
        _ => Err(wrong()),
    }
}

/// An empty text would be read as "set"; leaving the key out is how it is unset.
fn empty(key: &Key) -> Misfit {
    Misfit {
        code: "empty",
        what: "must not be empty".into(),
        hint: Some(format!("leave the key out, or write for example {}", key.example)),
    }
}

fn quantity(key: &Key, written: &Written, example: &str) -> Misfit {
    let units = match key.kind {
        Kind::Amount => "a whole number, also with KB, KiB, MB, MiB, GB, GiB, TB or TiB",
        Kind::Size { .. } => "a whole number with B, KB, KiB, MB, MiB, GB, GiB, TB or TiB",
        _ => "a whole number with ms, s, m, h or d",
    };
    Misfit {
        code: "wrong-type",
        what: format!("must be {units}, found {}", written.describe()),
        hint: Some(format!("write for example \"{example}\"")),
    }
}

fn word(now: &[&str], later: &[&str], text: &str) -> Result<String, Misfit> {
    let shown: String = text.chars().take(60).collect();
    if now.contains(&text) {
        return Ok(text.to_owned());
    }
    if later.contains(&text) {
        return Err(Misfit {
            code: "not-supported-yet",
            what: format!("cannot be \"{text}\" yet"),
            hint: Some(format!("one of {}", now.join(", "))),
        });
    }
    let nearest = now
        .iter()
        .map(|word| (strsim::damerau_levenshtein(&shown.to_lowercase(), word), *word))
        .min()
        .filter(|(distance, _)| *distance <= 2);
    Err(Misfit {
        code: "wrong-value",
        what: format!("must be one of {}, found {shown:?}", now.join(", ")),
        hint: nearest.map(|(_, word)| format!("write \"{word}\"")),
    })
}

fn text_value(text: String) -> config::Value {
    config::Value::new(None, ValueKind::String(text))
}
