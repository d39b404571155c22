//! Five reloads of rules and lists while 20,000 events flow each second: what the rules that stay find
//! must equal the slow reference, which knows of no reload.

use crate::acceptance::{
    Publisher, caught_up, compare, expected, key, left_out, others, said_by_alert, shipped,
};
use crate::broker::{Broker, Isolation, Outcome, free_ports, wait_until};
use crate::process::Process;
use crate::tidegate_run::Instance;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tidegate::generate::{Organization, OrganizationSettings};

const APP: &str = "reload";
const PARTITIONS: i32 = 4;
const EVENTS: usize = 120_000;
const EVENTS_PER_SECOND: usize = 20_000;
/// Parts of the stream; behind each but the last something changes.
const PARTS: usize = 7;
const LIMIT: Duration = Duration::from_mins(2);

/// They stay as they are; the first two share windows with what is changed.
const UNCHANGED: [&str; 4] = [
    "s3_large_download",
    "s3_large_download_principal",
    "s3_uncommon_client",
    "vpce_s3_external_ip",
];
/// It gets other thresholds.
const TUNED: &str = "s3_object_count";

/// A rule of the deployment, which fires at every write into some of its buckets.
fn own_rule(name: &str) -> String {
    format!(
        "title: {name}
name: {name}
level: low
logsource: {{product: aws, service: cloudtrail}}
detection:
  write: {{eventName: PutObject, tidegate.bucket|expand: '%watched%'}}
  condition: write
tidegate:
  lists: {{watched: {{type: glob}}}}
  dedup: {{period: 0}}
"
    )
}

/// The files of a deployment and the process that runs on them.
struct Deployment {
    dir: PathBuf,
    config: PathBuf,
    admin: u16,
    process: Process,
}

pub(crate) fn five_times(broker: &Broker) -> Outcome<()> {
    broker.create_topic("reload-in", PARTITIONS, &[])?;
    let changelog = [("cleanup.policy", "compact")];
    broker.create_topic("tidegate-reload-ct-changelog", PARTITIONS, &changelog)?;
    broker.create_topic("reload-alerts", 1, &[("compression.type", "gzip")])?;
    broker.create_topic("reload-dlq", 1, &[])?;
    let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut running = Deployment::start(broker, dir.path())?;

    let published = AtomicUsize::new(0);
    let done_parts = AtomicUsize::new(0);
    let (count, took) = std::thread::scope(|scope| {
        let publisher = scope.spawn(|| publish(broker, &published, &done_parts));
        let reloads = reload_all(broker, &mut running, &published, &done_parts);
        // However it ended: the publisher waits for it.
        done_parts.store(PARTS, Ordering::Release);
        let took = publisher.join().map_err(|_| "the publisher panicked")?;
        reloads.and(took)
    })?;
    wait_until("everything to be committed", LIMIT, || caught_up(broker, APP, PARTITIONS))?;
    running.process.signal("TERM")?;
    running.process.wait_end(LIMIT)?;

    let input = broker.read("reload-in", Isolation::Committed)?;
    let expected = expected(&input, PARTITIONS, &UNCHANGED)?;
    let all = broker.read("reload-alerts", Isolation::Committed)?;
    let ids = ids()?;
    let (mut unchanged, mut others) = (Vec::new(), BTreeMap::<String, usize>::new());
    for alert in all {
        let (_, said) = said_by_alert(&alert.value)?;
        if UNCHANGED.iter().any(|name| ids.get(*name) == Some(&said.rule)) {
            unchanged.push(alert);
        } else {
            *others.entry(said.rule).or_default() += 1;
        }
    }
    compare(&expected, &unchanged)?;
    if expected.len() < 50 {
        return Err(format!("only {} findings to compare", expected.len()));
    }
    // What came and what was changed did something, too.
    let tuned = ids.get(TUNED).map_or("", String::as_str);
    for rule in ["own_one", "own_two", tuned] {
        if !others.contains_key(rule) {
            return Err(format!("{rule} found nothing; others: {others:?}"));
        }
    }
    println!(
        "{} findings of the rules that stay equal the reference over 5 reloads and a broken file; \
         {} events/s published; others: {others:?}",
        expected.len(),
        count * 1000 / usize::try_from(took.as_millis().max(1)).unwrap_or(usize::MAX),
    );
    Ok(())
}

/// Publishes at the pace; the last part only when all is reloaded, so that each edition sees records.
fn publish(
    broker: &Broker,
    published: &AtomicUsize,
    done: &AtomicUsize,
) -> Outcome<(usize, Duration)> {
    let organization = Organization::generate(&OrganizationSettings {
        seed: 29,
        events: EVENTS,
        downloads: 30,
        // Thousands of events of one principal make the reference slow.
        counts: 0,
        forged: 0,
        ..OrganizationSettings::default()
    });
    let all = organization.len();
    let mut publisher = Publisher::new(broker, "reload-in", organization)?;
    let began = Instant::now();
    let mut waited = Duration::ZERO;
    let mut next = 0;
    while next < all {
        let part = next * PARTS / all;
        let since = Instant::now();
        wait_until("the reloads to keep up", LIMIT, || {
            Ok((done.load(Ordering::Acquire) + 1 >= part).then_some(()))
        })?;
        waited += since.elapsed();
        // A pace is kept, nothing is waited for.
        std::thread::sleep(Duration::from_millis(20));
        let running = (began.elapsed().saturating_sub(waited)).as_millis();
        let due = usize::try_from(running).unwrap_or(usize::MAX) * EVENTS_PER_SECOND / 1000;
        next = due.clamp(next, all).min(next + EVENTS_PER_SECOND / 4);
        publisher.publish_until(next)?;
        published.store(next * PARTS / all, Ordering::Release);
    }
    Ok((all, began.elapsed().saturating_sub(waited)))
}

/// Does what changes the rules, one thing behind each part of the stream.
fn reload_all(
    broker: &Broker,
    running: &mut Deployment,
    published: &AtomicUsize,
    done: &AtomicUsize,
) -> Outcome<()> {
    let steps: [fn(&Deployment) -> Outcome<()>; PARTS - 1] = [
        |it| {
            it.write("rules/one.yml", &own_rule("own_one"))?;
            it.edition(2)
        },
        |it| {
            it.configure("[rule.s3_object_count]\nthreshold = \"40\"\n")?;
            it.process.signal("HUP")?;
            it.edition(3)
        },
        |it| {
            it.write("watched.txt", "*\n")?;
            it.edition(4)
        },
        |it| {
            it.write("rules/two.yml", "title: Two\ndetection: [\n")?;
            it.metric("tidegate_config_last_reload_successful 0")?;
            it.edition(4)
        },
        |it| {
            it.write("rules/two.yml", &own_rule("own_two"))?;
            it.edition(5)?;
            it.metric("tidegate_config_last_reload_successful 1")
        },
        |it| {
            fs::remove_file(it.dir.join("rules/one.yml")).map_err(|error| error.to_string())?;
            it.configure("[rule.s3_object_count]\nthreshold = \"90\"\n")?;
            it.process.signal("HUP")?;
            it.edition(6)
        },
    ];
    for (at, step) in steps.iter().enumerate() {
        wait_until("a part to be published", LIMIT, || {
            Ok((published.load(Ordering::Acquire) > at).then_some(()))
        })?;
        step(running).map_err(|error| format!("step {at}: {error}"))?;
        // Each edition has to see records before the next comes.
        let target = broker.ends("reload-in", PARTITIONS)?;
        wait_until("the records so far to be committed", LIMIT, || {
            let committed = broker.committed(APP, "reload-in", PARTITIONS)?;
            let is_done = committed.iter().zip(&target).all(|(at, end)| at.unwrap_or(0) >= *end);
            Ok(is_done.then_some(()))
        })?;
        done.store(at + 1, Ordering::Release);
    }
    Ok(())
}

impl Deployment {
    fn start(broker: &Broker, dir: &Path) -> Outcome<Self> {
        let admin = free_ports(1)?.first().copied().ok_or("no free port")?;
        fs::create_dir(dir.join("rules")).map_err(|error| error.to_string())?;
        fs::write(dir.join("watched.txt"), "no-such-bucket\n").map_err(|e| e.to_string())?;
        fs::write(dir.join("rules/base.yml"), own_rule("own_base")).map_err(|e| e.to_string())?;
        let rules = rules(dir)?;
        let instance = Instance::with_rules(&broker.bootstrap, APP, "one", dir, &rules)?;
        let config = dir.join("one.toml");
        let text = fs::read_to_string(&config).map_err(|error| error.to_string())?;
        let text = text.replace("127.0.0.1:0", &format!("127.0.0.1:{admin}"));
        fs::write(&config, text).map_err(|error| error.to_string())?;
        let process = instance.start("")?;
        let this = Self { dir: dir.to_owned(), config, admin, process };
        this.edition(1)?;
        Ok(this)
    }

    fn write(&self, name: &str, text: &str) -> Outcome<()> {
        fs::write(self.dir.join(name), text).map_err(|error| error.to_string())
    }

    /// Exchanges what stands in the configuration behind `[rules]` and the list.
    fn configure(&self, more: &str) -> Outcome<()> {
        let text = fs::read_to_string(&self.config).map_err(|error| error.to_string())?;
        let kept = text.split("[rule.").next().unwrap_or_default();
        let aside = self.config.with_extension("new");
        fs::write(&aside, format!("{kept}{more}")).map_err(|error| error.to_string())?;
        fs::rename(aside, &self.config).map_err(|error| error.to_string())
    }

    /// Waits until the process has that edition, and no later one.
    fn edition(&self, number: u64) -> Outcome<()> {
        wait_until(&format!("edition {number}"), LIMIT, || {
            let Some(answer) = self.get("/rules") else { return Ok(None) };
            let shown: Json = serde_json::from_str(&answer).map_err(|error| error.to_string())?;
            match shown.get("edition").and_then(Json::as_u64) {
                Some(edition) if edition > number => Err(format!("edition {edition} came")),
                edition => Ok((edition == Some(number)).then_some(())),
            }
        })
    }

    fn metric(&self, line: &str) -> Outcome<()> {
        wait_until(line, LIMIT, || {
            let text = self.get("/metrics").unwrap_or_default();
            Ok(text.lines().any(|shown| shown == line).then_some(()))
        })
    }

    /// The body of an answer; `None` while nobody answers.
    fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.admin)).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
    }
}

/// `[rules]` and the list, for files in `dir`.
fn rules(dir: &Path) -> Outcome<String> {
    let mut asked = UNCHANGED.to_vec();
    asked.push(TUNED);
    let mut disabled = others(&asked)?;
    disabled.extend(left_out(key()));
    Ok(format!(
        "disable = {disabled:?}\nwatch = \"200ms\"\npaths = [\"{dir}/rules\"]\n\
         [lists.watched]\nfile = \"{dir}/watched.txt\"\n",
        dir = dir.display(),
    ))
}

/// Ids of the shipped rules by name.
fn ids() -> Outcome<BTreeMap<String, String>> {
    let rules = shipped(key())?;
    Ok(rules.rules().iter().map(|rule| (rule.text.name.clone(), rule.text.id.clone())).collect())
}
