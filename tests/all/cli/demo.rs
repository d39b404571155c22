//! `tidegate demo` as a new user runs it: its summary is counted from the alerts topic.

use super::process::call;

/// Exit status and standard output of a short demo.
fn demo(arguments: &[&str]) -> (Option<i32>, String) {
    let mut all = vec!["demo", "--duration", "8s", "--rate", "1000", "--no-ui"];
    all.extend(arguments);
    let ended = call(&all);
    (ended.status, ended.stdout)
}

/// The last line with the counts, as (planted, found, missed, false).
fn counts(printed: &str) -> Vec<u64> {
    let line = printed.lines().rfind(|line| line.contains("· found")).unwrap_or_default();
    line.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect()
}

#[test]
fn three_seeds_find_all_that_was_planted_and_nothing_false() {
    for seed in ["1", "2", "3"] {
        let (status, printed) = demo(&["--seed", seed]);

        let counts = counts(&printed);
        assert_eq!((status, counts.len()), (Some(0), 4), "{printed}");
        assert!(counts[0] >= 20 && counts[0] == counts[1], "seed {seed}: {printed}");
        assert_eq!(counts[2..], [0, 0], "seed {seed}: {printed}");
        assert!(printed.contains("embedded broker"), "it says what it runs on: {printed}");
    }
}

#[test]
fn with_the_byte_rules_off_the_summary_says_what_was_missed() {
    let off = "rules.disable=s3_large_download,s3_large_download_principal";

    let (status, printed) = demo(&["--set", off]);

    let counts = counts(&printed);
    assert_eq!((status, counts.len()), (Some(1), 4), "{printed}");
    assert!(counts[2] > 0 && counts[0] == counts[1] + counts[2], "{printed}");
    assert!(printed.contains("missed") && printed.contains("s3_large_download"), "{printed}");
}
