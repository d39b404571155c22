//! The one table of what we do differently and why: a data file that the test reads and the book shows.

use super::corpus::{folder, lines};
use std::fmt::Write as _;
use std::path::Path;

/// One row.
pub(super) struct Deviation {
    /// The construct that rules of the corpus name.
    pub(super) construct: String,
    /// `pysigma` or `rsigma`.
    pub(super) with: String,
    ours: String,
    theirs: String,
    reason: String,
}

/// All rows, in the order of the file.
pub(super) fn all() -> Vec<Deviation> {
    let rows = lines(&folder().join("deviations.jsonl"));
    let rows = rows.iter().map(|row| {
        let text =
            |name: &str| row[name].as_str().unwrap_or_else(|| panic!("{row}: {name}")).into();
        Deviation {
            construct: text("construct"),
            with: text("with"),
            ours: text("ours"),
            theirs: text("theirs"),
            reason: text("reason"),
        }
    });
    rows.collect()
}

fn table() -> String {
    let mut table = String::from("| construct | tidegate | other | because |\n|---|---|---|---|\n");
    for row in all() {
        let with = if row.with == "pysigma" { "pySigma 2.0.1" } else { "rsigma 0.23" };
        let _ = writeln!(
            table,
            "| {} | {} | {with}: {} | {} |",
            row.construct, row.ours, row.theirs, row.reason
        );
    }
    table
}

#[test]
fn the_book_shows_the_table() {
    const BEGIN: &str = "<!-- deviations: made from tests/data/conformance/deviations.jsonl -->\n";
    const END: &str = "<!-- end of deviations -->";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules.md");
    let page = std::fs::read_to_string(&path).expect("the page is there");
    let (before, rest) = page.split_once(BEGIN).expect("the page has the place of the table");
    let (shown, after) = rest.split_once(END).expect("the place has an end");
    let table = table();
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
        return;
    }

    assert!(shown == table, "docs/rules.md is stale: make generate");
}
