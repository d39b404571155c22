//! Nobody listens where the brokers should be: exit status 69, in bounded time, with the address.

use super::process::{tidegate, within};
use std::net::TcpListener;
use std::time::Duration;

/// Longer than any verb may try to reach a broker, on a machine that is busy.
const LIMIT: Duration = Duration::from_mins(1);

/// A port of this machine that nobody listens on.
fn closed_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

fn assert_unavailable(arguments: &[&str]) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("event.json"), "{\"eventVersion\":\"1.11\"}")
        .expect("a file");
    let broker = format!("127.0.0.1:{}", closed_port());
    let state = folder.path().join("state");
    let mut command = tidegate(folder.path(), arguments);
    command.args(["--set", &format!("kafka.brokers={broker}")]);
    command.args(["--set", &format!("state.dir={}", state.display())]);
    command.args(["--set", "http.admin.listen=127.0.0.1:0"]);

    let ended = within(LIMIT, command);

    assert_eq!(ended.status, Some(69), "{arguments:?}: {}{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains(&broker), "{arguments:?}: {}", ended.stderr);
}

#[test]
fn publish_says_that_no_broker_answers() {
    assert_unavailable(&["publish", "event.json", "--topic", "cloudtrail"]);
}

#[test]
fn tail_says_that_no_broker_answers() {
    assert_unavailable(&["tail"]);
}

#[test]
fn topics_plan_and_create_say_that_no_broker_answers() {
    assert_unavailable(&["topics", "plan"]);
    assert_unavailable(&["topics", "create", "--yes"]);
}

#[test]
fn validate_says_that_no_broker_answers() {
    assert_unavailable(&["validate"]);
}

#[test]
fn run_that_need_not_wait_says_that_no_broker_answers() {
    assert_unavailable(&["run", "--no-wait"]);
}
