//! Two thousand rules: they load in time that grows with their number, and an event is asked little more.
//!
//! Bounds are wide and relative, since the machine is shared: what would be found here is a square.
//! The figures are in `benches/match.rs`.

use crate::support::decode_limits;
use std::convert::Infallible;
use std::path::Path;
use std::time::Duration;
use tidegate::event::{Decoder, Entry, FieldSet, Format};
use tidegate::rule::{LoadOptions, RuleFile, RuleSet, load};
use tidegate::scan::{ReadBytes, find_inputs, open_input, read_entries};

#[path = "../../benches/support/many_rules.rs"]
mod text;

fn loaded(text: &str) -> RuleSet {
    let file = RuleFile { name: "many.yml".into(), text: text.to_owned(), builtin: false };
    let loaded = load(&[file], &LoadOptions::default());
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems.first());
    loaded.rules.expect("rules without problems load")
}

/// CPU time of this thread: what else runs on the machine is not in it.
fn cpu_time() -> Duration {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(spent).expect("no thread has run for less than nothing")
}

/// The shortest of five: cold caches make it longer, nothing makes it shorter.
fn shortest(mut work: impl FnMut()) -> Duration {
    let times = (0..5).map(|_| {
        let start = cpu_time();
        work();
        cpu_time().saturating_sub(start)
    });
    times.min().expect("five times")
}

/// Real events as their JSON texts.
fn events() -> Vec<Vec<u8>> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cloudtrail");
    let mut decoder = Decoder::new(&FieldSet::default(), Format::Auto, decode_limits());
    let mut events = Vec::new();
    for input in find_inputs(&[data]).files {
        let reader = open_input(&input, &ReadBytes::default()).expect("the file opens");
        let done = read_entries(reader, &mut decoder, decode_limits(), |_, entry| {
            if let Entry::Event(event) = entry {
                events.push(event.raw.to_vec());
            }
            Ok::<(), Infallible>(())
        });
        let Ok(()) = done.expect("the file is read");
    }
    events
}

/// Decodes and matches every event; gives how many rules matched in all.
fn matched(rules: &RuleSet, events: &[Vec<u8>]) -> usize {
    let mut decoder = Decoder::new(rules.fields(), Format::Auto, decode_limits());
    let (mut out, mut count) = (Vec::new(), 0);
    for event in events {
        let done: Result<(), Infallible> = decoder.decode(event, |entry| {
            if let Entry::Event(event) = entry {
                rules.matching(event, &mut out);
                count += out.len();
            }
            Ok(())
        });
        let Ok(()) = done;
    }
    count
}

#[test]
fn ten_times_the_rules_load_in_less_than_forty_times_the_time() {
    let (few, many) = (text::text(200), text::text(2000));

    let of_few = shortest(|| drop(loaded(&few)));
    let of_many = shortest(|| drop(loaded(&many)));

    assert!(of_many < of_few * 40, "{of_few:?} for 200 rules, {of_many:?} for 2000");
    assert!(of_many < Duration::from_secs(2), "{of_many:?} for 2000 rules");
}

#[test]
fn forty_times_the_rules_at_most_double_what_an_event_costs() {
    let events = events();
    let (few, many) = (loaded(&text::text(50)), loaded(&text::text(2000)));
    assert_eq!((few.rules().len(), many.rules().len()), (50, 2000));

    let of_few = shortest(|| assert!(matched(&few, &events) < usize::MAX));
    let of_many = shortest(|| assert!(matched(&many, &events) < usize::MAX));

    assert!(of_many < of_few * 2, "{of_few:?} with 50 rules, {of_many:?} with 2000");
}
