//! Whether the deployment samples fit the program: a stop must be allowed to take as long as it may.
//!
//! The judges of `tests/deploy` see each file alone; they cannot see that a supervisor would kill a
//! process in the middle of its last commit.

use std::path::Path;

/// Between the end of our own limit and the supervisor's patience: closing clients and stores.
const MARGIN_S: u64 = 10;

/// Where each sample says how long a stop may take: file, text before the number.
const PATIENCE: [(&str, &str); 3] = [
    ("deploy/systemd/tidegate.service", "TimeoutStopSec="),
    ("deploy/compose/compose.yaml", "stop_grace_period: "),
    ("deploy/k8s/statefulset.yaml", "terminationGracePeriodSeconds: "),
];

/// The whole number that follows `label` in `text`, without its unit.
fn number_after(text: &str, label: &str) -> Option<u64> {
    let (_, rest) = text.split_once(label)?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn leaves_time_to_stop(patience_s: u64, limit_s: u64) -> bool {
    patience_s >= limit_s + MARGIN_S
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()))
}

#[test]
fn every_supervisor_waits_longer_than_a_stop_may_take() {
    // The default, as the generated page has it; the samples do not set the key.
    let limit = number_after(&read("docs/configuration.md"), "`shutdown_limit` | `\"")
        .expect("the page lists app.shutdown_limit with its default in seconds");

    for (file, label) in PATIENCE {
        let patience = number_after(&read(file), label)
            .unwrap_or_else(|| panic!("{file} does not say `{label}` and a number"));
        assert!(
            leaves_time_to_stop(patience, limit),
            "{file}: {label}{patience} is not {MARGIN_S} s longer than app.shutdown_limit, {limit} s"
        );
    }
}

#[test]
fn a_supervisor_without_patience_is_found() {
    assert_eq!(number_after("a\nTimeoutStopSec=60\nb", "TimeoutStopSec="), Some(60));
    assert_eq!(number_after("TimeoutStopSec=soon", "TimeoutStopSec="), None);
    assert!(!leaves_time_to_stop(60, 60));
    assert!(leaves_time_to_stop(75, 60));
}
