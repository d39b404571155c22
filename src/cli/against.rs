//! `validate --against`: what a change of rules would do to state that lives (semantics.md §10).
//!
//! The other side is a folder of rules, loaded as this configuration loads its own, or a running
//! process, which tells its rules on its admin listener.

use super::catalogue::{self, Locality};
use super::failure::{ExitCode, Failure};
use crate::alert::visible;
use crate::config::{Origins, Settings};
use crate::rule::{RuleFate, RuleSet, StateFate, compare, overview};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest answer that is read.
const ANSWER_BYTES_MAX: u64 = 16 << 20;
/// For connecting, and for each read.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of a name or a change that are shown.
const SHOWN_BYTES: usize = 300;

/// One line for each rule, and how many start empty.
///
/// # Errors
/// The other side cannot be read, or is none.
pub(super) fn told(
    against: &str,
    rules: &RuleSet,
    settings: &Settings,
    origins: &Origins,
) -> Result<String, Failure> {
    let old = match against.strip_prefix("http://") {
        Some(rest) => from_process(against, rest)?,
        None if against.starts_with("https://") => {
            let what = "the admin listener speaks http, not https";
            return Err(Failure::new(ExitCode::Usage, anyhow::anyhow!(what)));
        }
        None => from_files(Path::new(against), settings, origins)?,
    };
    let fates = compare(&old, &overview(rules)).ok_or_else(|| {
        let what = format!("what {} says is no list of rules", visible(against, SHOWN_BYTES));
        Failure::new(ExitCode::Unavailable, anyhow::anyhow!(what))
    })?;
    // A name that stands for two rules is told with the ids.
    let label = |fate: &RuleFate| {
        let is_shared = fates.iter().filter(|other| other.name == fate.name).count() > 1;
        let label =
            if is_shared { format!("{} ({})", fate.name, fate.id) } else { fate.name.clone() };
        visible(&label, SHOWN_BYTES).into_owned()
    };
    let width = fates.iter().map(|fate| label(fate).chars().count()).max().unwrap_or_default();
    let mut out = String::new();
    for fate in &fates {
        let told = match &fate.state {
            StateFate::Kept(changes) if changes.is_empty() => "state kept".to_owned(),
            StateFate::Kept(changes) => {
                format!("state kept, {}", visible(&changes.join("; "), SHOWN_BYTES))
            }
            StateFate::Reset => "starts empty: what it counts has changed".to_owned(),
            StateFate::New => "new, starts empty".to_owned(),
            StateFate::Dropped => "gone, its state leaves with time".to_owned(),
        };
        out.push_str(&format!("{:width$}  {told}\n", label(fate)));
    }
    let of =
        |wanted: fn(&StateFate) -> bool| fates.iter().filter(|fate| wanted(&fate.state)).count();
    out.push_str(&format!(
        "against {}: {} kept, {} start empty, {} new, {} gone\n",
        visible(against, SHOWN_BYTES),
        of(|fate| matches!(fate, StateFate::Kept(_))),
        of(|fate| matches!(fate, StateFate::Reset)),
        of(|fate| matches!(fate, StateFate::New)),
        of(|fate| matches!(fate, StateFate::Dropped)),
    ));
    Ok(out)
}

/// The rules of another folder in place of the configured ones; lists and tuning as configured.
fn from_files(path: &Path, settings: &Settings, origins: &Origins) -> Result<Value, Failure> {
    let mut other = settings.clone();
    other.rules.paths = vec![PathBuf::from(path)];
    let known: Vec<String> = {
        let files = catalogue::rule_files(&other.rules)?;
        let outlines = crate::rule::outlines(&files);
        let names = outlines.iter().flat_map(|outline| [&outline.name, &outline.id]);
        names.flatten().cloned().collect()
    };
    // A name that only the new rules have is no mistake of the old ones.
    other.rules.disable.retain(|name| known.contains(name));
    other.tune.retain(|tune| known.contains(&tune.rule));
    let loaded = catalogue::load(&other, origins, Locality::OfSources)?;
    match loaded.rules {
        Some(rules) => Ok(overview(&rules)),
        None => Err(Failure::rules(&loaded.problems)),
    }
}

fn from_process(url: &str, rest: &str) -> Result<Value, Failure> {
    let unavailable = |what: String| {
        let what = format!("could not ask {}: {what}", visible(url, SHOWN_BYTES));
        Failure::new(ExitCode::Unavailable, anyhow::anyhow!(what))
    };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = if path.is_empty() { "rules" } else { path };
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    if host.is_empty() || !is_plain(host) || !is_plain(path) {
        return Err(unavailable("write it as http://127.0.0.1:9598".into()));
    }
    let with_port = if host.rsplit(':').next().is_some_and(|port| port.parse::<u16>().is_ok()) {
        host.to_owned()
    } else {
        format!("{host}:80")
    };
    let answer = ask(&with_port, host, path).map_err(|error| unavailable(error.to_string()))?;
    let (head, body) =
        answer.split_once("\r\n\r\n").ok_or_else(|| unavailable("the answer is no HTTP".into()))?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    if status != "200" {
        return Err(unavailable(format!("it answers {}", visible(status, 20))));
    }
    serde_json::from_str(body).map_err(|error| unavailable(format!("no JSON: {error}")))
}

/// One plain request: the listener is ours and closes after each answer.
fn ask(address: &str, host: &str, path: &str) -> std::io::Result<String> {
    let nowhere = || std::io::Error::other("the name has no address");
    let address = address.to_socket_addrs()?.next().ok_or_else(nowhere)?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // Of version 1.0, so that the body comes as it is and not in chunks.
    let request = format!("GET /{path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{LoadOptions, Place, Tune, builtin, load};
    use crate::serve::{Admin, Server, Version};
    use crate::telemetry::Health;
    use std::net::SocketAddr;
    use std::sync::Arc;

    fn rules(threshold: Option<u64>) -> RuleSet {
        let place = Place { file: "t".into(), line: 0, column: 0 };
        let mut tune = Tune::new("s3_large_download", place);
        tune.threshold = threshold;
        let options = LoadOptions { tune: vec![tune], ..LoadOptions::default() };
        load(&builtin(), &options).rules.expect("the pack loads")
    }

    /// An admin listener that shows `rules`.
    fn serving(rules: &RuleSet) -> Server {
        let shown = overview(rules);
        let nothing = String::new;
        let admin = Admin {
            health: Arc::new(Health::new(0)),
            render_metrics: Arc::new(String::new),
            upkeep: Arc::new(|| {}),
            version: Version {
                version: nothing(),
                revision: nothing(),
                target: nothing(),
                librdkafka: nothing(),
                rocksdb: nothing(),
            },
            render_rules: Arc::new(move || shown.clone()),
        };
        Server::start(SocketAddr::from(([127, 0, 0, 1], 0)), admin).expect("starts")
    }

    #[test]
    fn a_running_process_is_asked_for_its_rules() {
        let server = serving(&rules(None));
        let url = format!("http://{}", server.address());

        let old = from_process(&url, &server.address().to_string()).expect("answers");
        let fates = compare(&old, &overview(&rules(Some(60_000_000)))).expect("overviews");

        let of = |name: &str| fates.iter().find(|fate| fate.name == name).expect("is told");
        let StateFate::Kept(changes) = &of("s3_large_download").state else { panic!("{fates:?}") };
        assert_eq!(changes.len(), 1, "{changes:?}");
        assert_eq!(of("s3_object_count").state, StateFate::Kept(vec![]));
        server.stop();
    }

    #[test]
    fn what_does_not_answer_with_rules_is_unavailable() {
        let server = serving(&rules(None));
        let address = server.address().to_string();

        let other = from_process("http://x", &format!("{address}/livez")).expect_err("no JSON");
        let missing = from_process("http://x", &format!("{address}/nothing")).expect_err("404");
        let odd = from_process("http://x", "a b/rules").expect_err("no host");

        server.stop();
        assert_eq!([&other, &missing, &odd].map(|failure| failure.exit().status()), [69; 3]);
        assert!(missing.to_string().contains("it answers 404"), "{missing}");
        assert!(odd.to_string().contains("write it as http://"), "{odd}");
    }
}
