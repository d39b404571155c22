//! Alert titles: text with placeholders.

/// One piece of a title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TitlePart {
    /// Text as it is.
    Text(String),
    /// A value of the finding.
    Value {
        /// `amount`, a collected value, a group-by field or a field of the crossing event.
        name: String,
        /// How it is written.
        form: TitleForm,
        /// What stands for a missing value.
        default: String,
    },
}

/// How a placeholder's value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TitleForm {
    /// As it is.
    Plain,
    /// `|mb`: MiB, rounded to two places (alerts.md §4.2).
    MebiBytes,
    /// `|host`: the text up to the first dot.
    Host,
}

/// A title that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TitleError {
    /// Characters before the mistake.
    pub offset: usize,
    /// What is wrong there.
    pub what: String,
    /// What to type instead.
    pub hint: Option<String>,
}

/// Splits a title into text and placeholders: `{name}`, `{name|mb}`, `{name|host}`, `{name|or:TEXT}`.
///
/// ```
/// use tidegate::rule::{TitlePart, title_parts};
/// let parts = title_parts("read from {tidegate.bucket|or:nowhere}").unwrap();
/// assert_eq!(parts[0], TitlePart::Text("read from ".into()));
/// ```
///
/// # Errors
/// A brace without its partner, an empty name, or a form that does not exist.
pub fn title_parts(title: &str) -> Result<Vec<TitlePart>, TitleError> {
    let mut parts = Vec::new();
    let mut rest = title;
    let mut offset = 0;
    while let Some(open) = rest.find(['{', '}']) {
        let (text, after) = rest.split_at(open);
        offset += text.chars().count();
        if after.starts_with('}') {
            return Err(mistake(offset, "this brace was never opened", Some("{field}")));
        }
        if !text.is_empty() {
            parts.push(TitlePart::Text(text.to_owned()));
        }
        let Some(close) = after.find('}') else {
            return Err(mistake(offset, "this brace is never closed", Some("{field}")));
        };
        let inner = after.get(1..close).unwrap_or_default();
        parts.push(placeholder(inner, offset)?);
        offset += inner.chars().count() + 2;
        rest = after.get(close + 1..).unwrap_or_default();
    }
    if !rest.is_empty() {
        parts.push(TitlePart::Text(rest.to_owned()));
    }
    Ok(parts)
}

fn placeholder(inner: &str, offset: usize) -> Result<TitlePart, TitleError> {
    let mut pieces = inner.split('|');
    let name = pieces.next().unwrap_or_default().trim();
    if name.is_empty() || name.contains(['{', ' ']) {
        return Err(mistake(offset, "this placeholder has no name", Some("{field}")));
    }
    let mut form = TitleForm::Plain;
    let mut default = "unknown".to_owned();
    for piece in pieces {
        match piece.split_once(':') {
            Some(("or", text)) => text.clone_into(&mut default),
            None if piece == "mb" => form = TitleForm::MebiBytes,
            None if piece == "host" => form = TitleForm::Host,
            _ => {
                let what = format!("a placeholder has no form {:?}", super::report::shown(piece));
                return Err(mistake(offset, &what, Some("mb, host or or:TEXT")));
            }
        }
    }
    Ok(TitlePart::Value { name: name.to_owned(), form, default })
}

fn mistake(offset: usize, what: &str, hint: Option<&str>) -> TitleError {
    TitleError { offset, what: what.to_owned(), hint: hint.map(ToOwned::to_owned) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_have_a_form_and_a_default() {
        let parts =
            title_parts("a {amount|mb}MB of {tidegate.bucket|or:none} é {eventSource|host}");

        let value = |name: &str, form, default: &str| TitlePart::Value {
            name: name.into(),
            form,
            default: default.into(),
        };
        assert_eq!(
            parts.unwrap(),
            [
                TitlePart::Text("a ".into()),
                value("amount", TitleForm::MebiBytes, "unknown"),
                TitlePart::Text("MB of ".into()),
                value("tidegate.bucket", TitleForm::Plain, "none"),
                TitlePart::Text(" é ".into()),
                value("eventSource", TitleForm::Host, "unknown"),
            ]
        );
    }

    #[test]
    fn broken_placeholders_are_told_with_their_offset() {
        for (title, offset) in
            [("a {b", 2), ("a }", 2), ("é {}", 2), ("{a|kb}", 0), ("{a} {b{c}", 4)]
        {
            assert_eq!(title_parts(title).unwrap_err().offset, offset, "{title}");
        }
    }
}
