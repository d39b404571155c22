//! The condition grammar: and, or, not, parentheses, `1 of`, `all of`, `them`, patterns.
//!
//! ```text
//! or   := and ("or" and)*
//! and  := not ("and" not)*
//! not  := "not" not | atom
//! atom := "(" or ")" | ("1" | "any" | "all") "of" ("them" | PATTERN) | NAME
//! ```
//! Every node keeps its column, so that an unknown name is reported where it stands.

use super::report::{Report, shown};
use super::yaml::{Mark, Node, Style};

/// Deepest nesting of parentheses and `not`: evaluation walks it by recursion.
const DEPTH_MAX: usize = 64;

/// A parsed condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    /// One named search.
    Search {
        name: String,
        mark: Mark,
    },
    /// `1 of PATTERN` or `all of PATTERN`; `them` is `None`.
    Several {
        quantity: Quantity,
        pattern: Option<String>,
        mark: Mark,
    },
    Not(Box<Condition>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
}

impl Condition {
    /// Where the first search that it names stands.
    pub(super) fn first_mark(&self) -> Option<Mark> {
        match self {
            Condition::Search { mark, .. } | Condition::Several { mark, .. } => Some(*mark),
            Condition::Not(inner) => inner.first_mark(),
            Condition::All(all) | Condition::Any(all) => all.first().and_then(Self::first_mark),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantity {
    One,
    All,
}

/// Reads `condition`: a text, or a list of texts of which one must hold.
pub(super) fn read(node: &Node, report: &mut Report) -> Option<Condition> {
    if let Some(items) = node.as_list() {
        if items.is_empty() {
            report.error(node.mark, "condition-syntax", "the list of conditions is empty");
            return None;
        }
        let conditions: Vec<_> = items.iter().filter_map(|item| read_text(item, report)).collect();
        return (conditions.len() == items.len()).then_some(Condition::Any(conditions));
    }
    read_text(node, report)
}

fn read_text(node: &Node, report: &mut Report) -> Option<Condition> {
    let Some(scalar) = node.as_scalar().filter(|_| !node.is_null()) else {
        let what = format!("a condition is text, not {}", node.kind());
        report.error(node.mark, "condition-syntax", what);
        return None;
    };
    // In a block the characters stand on other lines than the mark: its place must do.
    let start = match scalar.style {
        Style::Plain => Some(node.mark),
        Style::Quoted => Some(node.mark.right(1)),
        Style::Block => None,
    };
    let place = |offset: usize| start.map_or(node.mark, |mark| mark.right(offset));
    let tokens = tokens(&scalar.text);
    let mut parser =
        Parser { tokens: &tokens, next: 0, end: scalar.text.chars().count(), depth: 0 };
    let parsed = parser.or(&place).and_then(|condition| match parser.peek() {
        None => Ok(condition),
        Some(token) => Err(unexpected(token)),
    });
    match parsed {
        Ok(condition) => Some(condition),
        Err(Wrong { offset, what, hint }) => {
            report.error_with_hint(place(offset), "condition-syntax", what, hint);
            None
        }
    }
}

#[derive(Debug, Clone)]
struct Token {
    text: String,
    offset: usize,
}

/// Words and single signs, with their offset in characters.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut is_in_word = false;
    for (offset, char) in text.chars().enumerate() {
        let is_word = char.is_alphanumeric() || matches!(char, '_' | '*' | '-' | '.' | '?');
        if is_word && is_in_word {
            if let Some(last) = tokens.last_mut() {
                last.text.push(char);
            }
        } else if !char.is_whitespace() {
            tokens.push(Token { text: char.to_string(), offset });
        }
        is_in_word = is_word;
    }
    tokens
}

struct Wrong {
    offset: usize,
    what: String,
    hint: Option<String>,
}

struct Parser<'t> {
    tokens: &'t [Token],
    next: usize,
    end: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn or(&mut self, place: &impl Fn(usize) -> Mark) -> Result<Condition, Wrong> {
        let mut any = vec![self.and(place)?];
        while self.take_word("or") {
            any.push(self.and(place)?);
        }
        Ok(single_or(any, Condition::Any))
    }

    fn and(&mut self, place: &impl Fn(usize) -> Mark) -> Result<Condition, Wrong> {
        let mut all = vec![self.not(place)?];
        while self.take_word("and") {
            all.push(self.not(place)?);
        }
        Ok(single_or(all, Condition::All))
    }

    fn not(&mut self, place: &impl Fn(usize) -> Mark) -> Result<Condition, Wrong> {
        if self.take_word("not") {
            self.deeper()?;
            let inner = self.not(place)?;
            self.depth -= 1;
            return Ok(Condition::Not(Box::new(inner)));
        }
        self.atom(place)
    }

    fn atom(&mut self, place: &impl Fn(usize) -> Mark) -> Result<Condition, Wrong> {
        let Some(token) = self.advance() else {
            return Err(self.wrong("the condition ends where a search name is expected"));
        };
        if token.text == "(" {
            self.deeper()?;
            let inner = self.or(place)?;
            self.depth -= 1;
            return match self.advance() {
                Some(close) if close.text == ")" => Ok(inner),
                Some(other) => Err(unexpected(other)),
                None => Err(Wrong {
                    offset: token.offset,
                    what: "this parenthesis is never closed".into(),
                    hint: None,
                }),
            };
        }
        let is_followed_by_of =
            self.peek().is_some_and(|next| next.text.eq_ignore_ascii_case("of"));
        if is_followed_by_of {
            return self.several(token, place);
        }
        let is_name = token.text.starts_with(|char: char| char.is_alphanumeric() || char == '_');
        if !is_name || is_keyword(&token.text) {
            return Err(unexpected(token));
        }
        if token.text.contains(['*', '?']) {
            return Err(Wrong {
                offset: token.offset,
                what: format!("the pattern {:?} stands alone", shown(&token.text)),
                hint: Some(format!("1 of {0} or all of {0}", shown(&token.text))),
            });
        }
        Ok(Condition::Search { name: token.text.clone(), mark: place(token.offset) })
    }

    fn several(
        &mut self,
        quantity: &Token,
        place: &impl Fn(usize) -> Mark,
    ) -> Result<Condition, Wrong> {
        let how_many = match quantity.text.to_ascii_lowercase().as_str() {
            "1" | "any" => Quantity::One,
            "all" => Quantity::All,
            other => {
                return Err(Wrong {
                    offset: quantity.offset,
                    what: format!("{:?} of several searches cannot be asked for", shown(other)),
                    hint: Some("1 of or all of".into()),
                });
            }
        };
        self.next += 1;
        let Some(what) = self.advance() else {
            return Err(self.wrong("the condition ends after \"of\""));
        };
        if what.text == "(" || what.text == ")" {
            return Err(unexpected(what));
        }
        let is_them = what.text.eq_ignore_ascii_case("them");
        let pattern = (!is_them).then(|| what.text.clone());
        Ok(Condition::Several { quantity: how_many, pattern, mark: place(what.offset) })
    }

    fn deeper(&mut self) -> Result<(), Wrong> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.wrong("the condition is nested too deep"));
        }
        Ok(())
    }

    fn peek(&self) -> Option<&'t Token> {
        self.tokens.get(self.next)
    }

    fn advance(&mut self) -> Option<&'t Token> {
        let token = self.peek()?;
        self.next += 1;
        Some(token)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is_next = self.peek().is_some_and(|token| token.text.eq_ignore_ascii_case(word));
        self.next += usize::from(is_next);
        is_next
    }

    fn wrong(&self, what: &str) -> Wrong {
        let offset = self.peek().map_or(self.end, |token| token.offset);
        Wrong { offset, what: what.into(), hint: None }
    }
}

fn single_or(mut several: Vec<Condition>, make: fn(Vec<Condition>) -> Condition) -> Condition {
    match (several.len(), several.pop()) {
        (1, Some(single)) => single,
        (_, last) => {
            several.extend(last);
            make(several)
        }
    }
}

fn is_keyword(word: &str) -> bool {
    ["and", "or", "not", "of", "them"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
}

fn unexpected(token: &Token) -> Wrong {
    let hint = match token.text.as_str() {
        "|" => Some("aggregations are written as a correlation rule".into()),
        "&" => Some("and".into()),
        "!" => Some("not".into()),
        _ => None,
    };
    Wrong {
        offset: token.offset,
        what: format!("{:?} is not expected here in a condition", shown(&token.text)),
        hint,
    }
}

#[cfg(test)]
mod tests {
    use super::super::yaml::{Data, Form, Scalar};
    use super::*;

    fn parse(text: &str) -> Result<Condition, String> {
        let scalar = Scalar { text: text.into(), form: Form::Text, style: Style::Plain };
        let node = Node { mark: Mark { line: 1, column: 1 }, data: Data::Scalar(scalar) };
        let mut report = Report::new("a.yml");
        let condition = read(&node, &mut report);
        condition.ok_or_else(|| {
            report.into_problems().first().map(ToString::to_string).unwrap_or_default()
        })
    }

    /// The tree with parentheses around everything.
    fn written(condition: &Condition) -> String {
        let joined = |all: &[Condition], with: &str| {
            format!("({})", all.iter().map(written).collect::<Vec<_>>().join(with))
        };
        match condition {
            Condition::Search { name, .. } => name.clone(),
            Condition::Several { quantity, pattern, .. } => {
                format!("{quantity:?} {}", pattern.as_deref().unwrap_or("them"))
            }
            Condition::Not(inner) => format!("!{}", written(inner)),
            Condition::All(all) => joined(all, " & "),
            Condition::Any(any) => joined(any, " | "),
        }
    }

    #[test]
    fn not_binds_before_and_binds_before_or() {
        for (text, expected) in [
            ("a", "a"),
            ("a and b or c", "((a & b) | c)"),
            ("a or b and c", "(a | (b & c))"),
            ("not a and b", "(!a & b)"),
            ("not (a or b)", "!(a | b)"),
            ("a AND NOT 1 of filter_*", "(a & !One filter_*)"),
            ("all of them", "All them"),
            ("1 of selection_* and all of x*", "(One selection_* & All x*)"),
            ("not not a", "!!a"),
            ("((a))", "a"),
            ("any of sel*", "One sel*"),
            ("notable and order", "(notable & order)"),
        ] {
            assert_eq!(
                parse(text).map(|condition| written(&condition)),
                Ok(expected.into()),
                "{text}"
            );
        }
    }

    #[test]
    fn mistakes_are_told_with_their_column() {
        for (text, expected) in [
            ("", "a.yml:1:1 "),
            ("a and", "a.yml:1:6 "),
            ("a b", "a.yml:1:3 "),
            ("(a or b", "a.yml:1:1 "),
            ("a)", "a.yml:1:2 "),
            ("a or or b", "a.yml:1:6 "),
            ("2 of them", "a.yml:1:1 "),
            ("1 of", "a.yml:1:5 "),
            ("selection | count() > 5", "a.yml:1:11 "),
            ("sel*", "a.yml:1:1 "),
        ] {
            let problem = parse(text).unwrap_err();
            assert!(problem.starts_with(expected), "{text}: {problem}");
        }
    }

    #[test]
    fn deep_nesting_is_an_error_and_not_a_full_stack() {
        assert!(parse(&"(".repeat(100_000)).is_err());
        assert!(parse(&"not ".repeat(100_000)).is_err());
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_conditions_never_panic(text in "(and|or|not|of|them|1|all|a|b\\*|\\(|\\)| |é|\\|){0,20}") {
            let _ = parse(&text);
        }
    }
}
