//! `docs/rules-pack.md`: every shipped rule with what it finds, generated from the rules themselves.

use crate::support::{pack_of, shipped_rules, whole_pack};
use std::fmt::Write;
use std::path::Path;
use tidegate::rule::{Kind, Level, Measure, Rule, Window};
use tidegate::units::Span;

const HEAD: &str = "# The shipped rules

Generated from the rules by `make generate`; `tidegate rules list` shows the same of your version.

*on*: the rule runs unless you switch it off. *off*: it is there and switched off. *accounts*: it runs once \
`[lists.our_accounts]` names your accounts.

In bold the level that a finding begins with; behind it the levels that it may have instead, by the \
amount, out of the event, or because the bucket is in one of the lists that raise it by a step.

Names and ids never change. Lists, thresholds and what each one leaves out stand in the rule's file under \
`rules/`, with its tests.
";

fn span_text(span: Span) -> String {
    match span.as_millis() / 1000 {
        seconds if seconds % 86_400 == 0 => format!("{} d", seconds / 86_400),
        seconds if seconds % 3600 == 0 => format!("{} h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

/// What a window counts, and over how long.
fn window_text(window: &Window) -> String {
    let span = span_text(window.span);
    if let Measure::Rules { ordered, .. } = &window.measure {
        let how = if *ordered { "one after the other" } else { "together" };
        return format!("{how} within {span}");
    }
    if window.closes {
        return format!("{} within {span}, once that is over", window.condition);
    }
    let least: Vec<String> = window.tiers.iter().map(|tier| tier.gte.to_string()).collect();
    format!("{} within {span}", least.join(", "))
}

/// The level of a finding as it begins, and those that it may have instead, lowest first: by amount, out
/// of the event, or because the bucket is in a list.
fn levels(rule: &Rule) -> String {
    let others = rule.levels().into_iter().filter(|level| *level != rule.level);
    let others: Vec<&str> = others.map(Level::name).collect();
    if others.is_empty() {
        return format!("**{}**", rule.level.name());
    }
    format!("**{}**; {}", rule.level.name(), others.join(", "))
}

/// Techniques, as ATT&CK writes them.
fn techniques(rule: &Rule) -> String {
    let tags = rule.text.tags.iter().filter_map(|tag| tag.strip_prefix("attack.t"));
    tags.map(|number| format!("T{number}")).collect::<Vec<_>>().join(" ")
}

fn row(rule: &Rule, state: &str) -> String {
    let counts = match &rule.kind {
        Kind::Window(window) => window_text(window),
        Kind::Match => "each match".to_owned(),
        Kind::NewTerms(terms) => format!("new within {}", span_text(terms.history)),
    };
    let text = &rule.text;
    let what = text.description.replace('|', "\\|");
    format!(
        "| `{}` | {} | {} | {state} | {counts} | {} | {what} |",
        text.name,
        text.title,
        levels(rule),
        techniques(rule)
    )
}

fn page() -> String {
    let all = whole_pack("111122223333");
    let shipped = shipped_rules(&[]);
    let with_accounts = pack_of("111122223333", &[]);
    let mut out = HEAD.to_owned();
    out.push_str("\n| rule | title | levels | runs | counts | ATT&CK | what it finds |\n");
    out.push_str("|---|---|---|---|---|---|---|\n");
    for rule in all.rules().iter().filter(|rule| !rule.silent) {
        let name = &rule.text.name;
        let state = match (shipped.find(name), with_accounts.find(name)) {
            (Some(_), _) => "on",
            (None, Some(_)) => "accounts",
            (None, None) => "off",
        };
        // Writing into a `String` cannot fail.
        let _ = writeln!(out, "{}", row(rule, state));
    }
    out
}

#[test]
fn the_page_of_the_shipped_rules_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules-pack.md");
    let page = page();
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&path, &page).unwrap();
    }

    let committed = std::fs::read_to_string(&path).unwrap_or_default();

    assert!(committed == page, "stale: make generate");
}
