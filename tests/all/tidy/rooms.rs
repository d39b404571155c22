//! Which room may use what: the table of ARCHITECTURE.md as data, and the rules that read it.

use super::source::{self, Fault, Source};

/// The rooms, lowest first: a room may use the rooms that stand before it.
///
/// `main.rs` and `lib.rs` stand above all of them.
const ROOMS: [&str; 14] = [
    "units",
    "telemetry",
    "event",
    "rule",
    "state",
    "detect",
    "alert",
    "config",
    "generate",
    "scan",
    "trial",
    "stream",
    "serve",
    "cli",
];

/// Rooms whose result depends on their input alone (semantics.md §2: no rule result depends on the
/// wall clock, on batch sizes, on the number of workers or on restarts).
const PURE: [&str; 4] = ["event", "rule", "detect", "alert"];

/// What would let the world into a pure room. `std::net` is not here: addresses live there too, so
/// its sockets stand by name.
const WORLD: [(&str, &str); 24] = [
    ("rdkafka", "Kafka"),
    ("rdkafka_sys", "Kafka"),
    ("rocksdb", "RocksDB"),
    ("tokio", "an async runtime"),
    ("axum", "HTTP"),
    ("metrics", "metrics: return plain numbers instead"),
    ("SystemTime", "a clock"),
    ("Instant", "a clock"),
    ("Timestamp::now", "a clock"),
    ("Zoned::now", "a clock"),
    ("rand", "randomness"),
    ("getrandom", "randomness"),
    ("RandomState", "randomness"),
    ("new_v4", "randomness"),
    ("now_v7", "a clock and randomness"),
    ("std::env", "the environment"),
    ("std::thread", "threads"),
    ("std::process", "processes"),
    ("std::fs", "files"),
    ("File::open", "files"),
    ("std::io::stdin", "files"),
    ("TcpStream", "sockets"),
    ("TcpListener", "sockets"),
    ("UdpSocket", "sockets"),
];

/// Crates that live in one place, so that replacing one of them is work in that place alone.
const GUESTS: [(&str, &[&str]); 8] = [
    ("rdkafka", &["src/stream/"]),
    ("rdkafka_sys", &["src/stream/"]),
    ("rocksdb", &["src/state/rocks.rs", "src/state/rocks/"]),
    ("config", &["src/config/"]),
    ("axum", &["src/serve/"]),
    ("tracing_subscriber", &["src/telemetry/"]),
    ("clap", &["src/cli/", "src/main.rs"]),
    ("indicatif", &["src/cli/"]),
];

/// The one file that talks to C without a wrapper, and the one that loads vector registers.
const UNSAFE: [&str; 2] = ["src/event/quotes.rs", "src/stream/ffi.rs"];

/// The room of a file: `src/detect/window.rs` and `src/detect.rs` are in `detect`.
fn room_of(path: &str) -> Option<(usize, &'static str)> {
    let inside = path.strip_prefix("src/")?;
    let name = inside.split('/').next()?.trim_end_matches(".rs");
    ROOMS.iter().enumerate().find(|(_, room)| **room == name).map(|(rank, room)| (rank, *room))
}

/// `use crate::x`, `crate::x::…` or the same through `super`, where x stands above this file's room.
pub(super) fn use_goes_up(source: &Source<'_>) -> Vec<Fault> {
    let Some((rank, room)) = room_of(source.path) else {
        return unplaced(source);
    };
    let mut faults = Vec::new();
    let mut named: Vec<(usize, String)> = first_names_of_crate_paths(&source.code);
    named.extend(names_reached_by_super(source));
    named.sort();
    named.dedup();
    for (line, name) in named {
        if ROOMS.iter().position(|other| *other == name).is_some_and(|other| other > rank) {
            faults.push(source.fault(line, format!("`{room}` uses `{name}`, a room above it")));
        }
    }
    faults
}

/// A new room must find its place in the order before it is built.
fn unplaced(source: &Source<'_>) -> Vec<Fault> {
    match source.path {
        "src/lib.rs" | "src/main.rs" => Vec::new(),
        path if !path.starts_with("src/") => Vec::new(),
        _ => vec![source.fault(0, "is in no room that tests/all/tidy/rooms.rs knows")],
    }
}

/// The names right behind `crate::`, in groups as well.
fn first_names_of_crate_paths(code: &str) -> Vec<(usize, String)> {
    let from_groups = source::use_paths(code)
        .into_iter()
        .filter_map(|(line, path)| Some((line, first_name(path.strip_prefix("crate::")?))));
    let inline = source::places_of(code, "crate").into_iter().filter_map(|at| {
        let behind = code[at..].strip_prefix("crate::")?;
        Some((source::line_of(code, at), first_name(behind)))
    });
    from_groups.chain(inline).filter(|(_, name)| !name.is_empty()).collect()
}

/// Names behind as many `super::` as lead from this file to the top of the crate.
fn names_reached_by_super(source: &Source<'_>) -> Vec<(usize, String)> {
    let inside = source.path.trim_start_matches("src/").trim_end_matches(".rs");
    let depth = inside.trim_end_matches("/mod").split('/').count();
    let climb = "super::".repeat(depth);
    let code = &source.production;
    code.match_indices(&climb)
        .filter(|(at, _)| !code[..*at].ends_with("super::"))
        .map(|(at, _)| (source::line_of(code, at), first_name(&code[at + climb.len()..])))
        .collect()
}

fn first_name(path: &str) -> String {
    path.trim_start().chars().take_while(|c| source::is_name(*c)).collect()
}

/// A pure room that reaches for the world outside its arguments.
pub(super) fn reaches_outside(source: &Source<'_>) -> Vec<Fault> {
    let Some((_, room)) = room_of(source.path).filter(|(_, room)| PURE.contains(room)) else {
        return Vec::new();
    };
    let paths = source::use_paths(&source.production);
    let mut faults = Vec::new();
    for (word, what) in WORLD {
        let in_groups = paths.iter().filter(|(_, path)| starts_with_path(path, word));
        let mut lines: Vec<usize> = in_groups.map(|(line, _)| *line).collect();
        lines.extend(source::lines_with(&source.production, word));
        lines.sort_unstable();
        lines.dedup();
        let fault = |line| source.fault(line, format!("`{room}` reaches for {what}: `{word}`"));
        faults.extend(lines.into_iter().map(fault));
    }
    faults
}

fn starts_with_path(path: &str, start: &str) -> bool {
    path.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// A crate used outside its place.
pub(super) fn guest_elsewhere(source: &Source<'_>) -> Vec<Fault> {
    let paths = source::use_paths(&source.production);
    let mut faults = Vec::new();
    for (guest, homes) in GUESTS {
        if homes.iter().any(|home| source.path.starts_with(home)) {
            continue;
        }
        let used = paths.iter().filter(|(_, path)| starts_with_path(path, guest));
        let mut lines: Vec<usize> = used.map(|(line, _)| *line).collect();
        lines.extend(inline_uses(&source.production, guest));
        lines.sort_unstable();
        lines.dedup();
        let home = homes.join(" or ");
        let fault = |line| source.fault(line, format!("`{guest}` is used outside {home}"));
        faults.extend(lines.into_iter().map(fault));
    }
    faults
}

/// `guest::…` without a `use`, unless it is a room of ours (`crate::config`, or `config` after a use).
fn inline_uses(code: &str, guest: &str) -> Vec<usize> {
    source::places_of(code, guest)
        .into_iter()
        .filter(|at| {
            let before = &code[..*at];
            let absolute = before.ends_with("::") && !before.ends_with("crate::");
            let plain = !before.ends_with("::") && !ROOMS.contains(&guest);
            let global = absolute && !before.trim_end_matches("::").ends_with(source::is_name);
            code[*at + guest.len()..].starts_with("::") && (plain || global)
        })
        .map(|at| source::line_of(code, at))
        .collect()
}

/// `unsafe` outside its file.
pub(super) fn unsafe_elsewhere(source: &Source<'_>) -> Vec<Fault> {
    if UNSAFE.contains(&source.path) {
        return Vec::new();
    }
    source::lines_with(&source.code, "unsafe")
        .into_iter()
        .map(|line| source.fault(line, format!("`unsafe` outside {}", UNSAFE.join(", "))))
        .collect()
}

#[cfg(test)]
mod planted_faults {
    use super::super::source::File;
    use super::*;

    fn lines(rule: fn(&Source<'_>) -> Vec<Fault>, path: &str, text: &str) -> Vec<usize> {
        let file = File { path: path.to_owned(), text: text.to_owned() };
        rule(&Source::read(&file, &[])).into_iter().map(|fault| fault.line).collect()
    }

    #[test]
    fn a_use_that_goes_up_is_found() {
        let found = |path: &str, text: &str| lines(use_goes_up, path, text);

        assert_eq!(found("src/detect/window.rs", "\nuse crate::alert::Alert;"), [2]);
        assert_eq!(found("src/rule/mod.rs", "use crate::{event::Event, detect::Finding};"), [1]);
        assert_eq!(found("src/state/store.rs", "fn f() -> crate::detect::Finding {}"), [1]);
        assert_eq!(found("src/event/value.rs", "use super::super::rule::Rule;"), [1]);
        assert_eq!(found("src/units.rs", "use super::event;"), [1]);
        assert_eq!(found("src/new_room/mod.rs", ""), [0]);
    }

    #[test]
    fn a_use_that_goes_down_or_stays_is_left_alone() {
        let found = |path: &str, text: &str| lines(use_goes_up, path, text);

        assert!(found("src/alert/mod.rs", "use crate::detect::Finding;").is_empty());
        assert!(found("src/rule/mod.rs", "use crate::rule::Rule; // crate::detect").is_empty());
        assert!(found("src/event/value.rs", "use super::field::FieldId;").is_empty());
        assert!(found("src/lib.rs", "pub use crate::cli::run;").is_empty());
    }

    #[test]
    fn a_pure_room_that_reaches_outside_is_found() {
        let found = |path: &str, text: &str| lines(reaches_outside, path, text);

        assert_eq!(found("src/detect/watermark.rs", "let now = SystemTime::now();"), [1]);
        assert_eq!(found("src/event/file.rs", "use std::{io,\n fs::File};"), [1]);
        assert_eq!(found("src/rule/load.rs", "\n let text = std::fs::read(path);"), [2]);
        assert_eq!(found("src/alert/writer.rs", "let id = Uuid::new_v4();"), [1]);
        assert_eq!(found("src/detect/a.rs", "let x: u8 = rand::random();"), [1]);
        for word in ["rdkafka", "rocksdb", "tokio"] {
            assert_eq!(found("src/detect/a.rs", &format!("use {word}::a;")), [1], "{word}");
        }
    }

    #[test]
    fn what_only_looks_like_reaching_outside_is_left_alone() {
        let found = |path: &str, text: &str| lines(reaches_outside, path, text);

        assert!(found("src/stream/worker.rs", "let now = Instant::now();").is_empty());
        assert!(found("src/event/ip.rs", "use std::net::IpAddr; // std::fs").is_empty());
        let in_tests = "#[cfg(test)]\nmod tests { use std::fs; }";
        assert!(found("src/rule/load.rs", in_tests).is_empty());
    }

    #[test]
    fn a_guest_outside_its_room_is_found() {
        let found = |path: &str, text: &str| lines(guest_elsewhere, path, text);

        assert_eq!(found("src/state/memory.rs", "use rocksdb::DB;"), [1]);
        assert_eq!(found("src/serve/mod.rs", "let c: rdkafka::Consumer = x;"), [1]);
        assert_eq!(found("src/cli/run.rs", "use config::Config;"), [1]);
        assert_eq!(found("src/cli/run.rs", "let c = ::config::Config::builder();"), [1]);
        assert!(found("src/state/rocks.rs", "use rocksdb::DB;").is_empty());
        assert!(found("src/cli/run.rs", "use crate::config; fn f(s: config::S) {}").is_empty());
    }

    #[test]
    fn unsafe_outside_its_file_is_found() {
        let text = "fn f() {\n unsafe { g() }\n}";

        assert_eq!(lines(unsafe_elsewhere, "src/stream/worker.rs", text), [2]);
        assert_eq!(lines(unsafe_elsewhere, "tests/all/x.rs", text), [2]);
        assert!(lines(unsafe_elsewhere, "src/stream/ffi.rs", text).is_empty());
    }
}
