//! The rehearsal with a pipeline that knows the answer, and leaves out or adds what it is told to.

use super::*;
use crate::generate::{Expected, OrganizationSettings};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

/// Counts the source topic and writes an alert for each expected finding.
struct Oracle {
    events: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Pipeline for Oracle {
    fn progress(&self) -> PipelineProgress {
        let events = self.events.load(Ordering::Relaxed);
        PipelineProgress { events, ..PipelineProgress::default() }
    }

    fn stop(mut self: Box<Self>) -> Result<(), PipelineError> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.take().expect("stopped once").join().map_err(|_| "the oracle panicked".into())
    }
}

fn start_oracle(options: &PipelineOptions, findings: Vec<(Expected, Level)>) -> Box<dyn Pipeline> {
    let (events, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let (options, counted, over) = (options.clone(), Arc::clone(&events), Arc::clone(&is_over));
    let thread = std::thread::spawn(move || {
        let mut reader = TopicReader::open(&options.access, &options.source, ReadFrom::Beginning)
            .expect("the source is there");
        let settings = ProducerSettings { topic: options.alerts, compression: "gzip".into() };
        let mut alerts = Producer::connect(&options.access, &settings).expect("alerts are there");
        for (number, (finding, level)) in (0..).zip(&findings) {
            let text = alert(finding, *level).to_string();
            let record = Outgoing { key: None, value: text.as_bytes(), time: None };
            alerts.send(number, &record).expect("sends");
        }
        let sent = findings.len() as u64;
        while alerts.acknowledged(Duration::from_millis(5)).expect("is taken") < sent {}
        while !over.load(Ordering::Relaxed) {
            if reader.next(Duration::from_millis(20)).expect("reads").is_some() {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    Box::new(Oracle { events, is_over, thread: Some(thread) })
}

fn alert(finding: &Expected, level: Level) -> Value {
    let group: serde_json::Map<String, Value> =
        finding.group.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    let opened = finding.opens_from.as_millis();
    let uid = format!("{} {group:?} {opened}", finding.rule);
    serde_json::json!({
        "message": finding.scenario,
        "severity_id": level as u64 + 1,
        "finding_info": {"uid": uid},
        "unmapped": {"alert_context": {
            "rule_name": finding.rule, "group": group, "episode_opened_ms": opened,
        }},
    })
}

#[derive(Default)]
struct Quiet {
    alerts: usize,
    published: u64,
}

impl Audience for Quiet {
    fn alert(&mut self, _: &Value) {
        self.alerts += 1;
    }

    fn tick(&mut self, status: &Status) {
        assert!(status.published >= self.published);
        self.published = status.published;
    }
}

fn small() -> Organization {
    Organization::generate(&OrganizationSettings {
        principals: 100,
        events: 2000,
        counts: 0,
        ..OrganizationSettings::default()
    })
}

/// Runs a rehearsal whose pipeline finds what `change` makes of the truth.
fn rehearse_with(change: impl Fn(&mut Vec<(Expected, Level)>)) -> (Verdict, usize) {
    let organization = small();
    let mut findings: Vec<(Expected, Level)> =
        organization.truth().expected.iter().map(|one| (one.clone(), one.level)).collect();
    change(&mut findings);
    let mut audience = Quiet::default();
    let mut start =
        |options: &PipelineOptions| Ok(start_oracle(options, std::mem::take(&mut findings)));
    let verdict = rehearse(&Stage::Embedded, &organization, 100_000, &mut start, &mut audience)
        .expect("comes to a verdict");
    (verdict, audience.alerts)
}

#[test]
fn all_that_was_planted_is_found_when_the_pipeline_finds_it() {
    let (verdict, alerts) = rehearse_with(|_| {});

    assert_eq!((verdict.planted, verdict.found, alerts), (16, 16, 16));
    assert!(verdict.is_clean());
}

#[test]
fn an_escalation_counts_as_one_finding_with_its_highest_level() {
    let (verdict, alerts) = rehearse_with(|findings| {
        let lower: Vec<(Expected, Level)> = findings
            .iter()
            .filter(|(_, level)| *level == Level::High)
            .map(|(finding, _)| (finding.clone(), Level::Low))
            .collect();
        findings.extend(lower);
    });

    assert!(verdict.is_clean());
    assert_eq!(alerts, 18);
}

#[test]
fn without_the_byte_rules_their_findings_are_missed() {
    let (verdict, _) = rehearse_with(|findings| {
        findings.retain(|(finding, _)| !finding.rule.starts_with("s3_large_download"));
    });

    assert_eq!((verdict.found, verdict.missed.len(), verdict.unexpected.len()), (1, 15, 0));
    assert!(verdict.missed.iter().all(|one| one.rule.starts_with("s3_large_download")));
}

#[test]
fn what_nobody_planted_is_false() {
    let (verdict, _) = rehearse_with(|findings| {
        let mut invented = findings[0].clone();
        invented.0.group = vec![("tidegate.principal".into(), Some("somebody".into()))];
        findings.push(invented);
    });

    assert_eq!((verdict.found, verdict.missed.len(), verdict.unexpected.len()), (16, 0, 1));
}

#[test]
fn more_than_the_embedded_broker_keeps_is_refused() {
    let error = partitions_for(10_000_000).expect_err("is too much");

    assert!(error.to_string().contains("--brokers"), "{error}");
    assert_eq!(partitions_for(100).expect("fits"), 4);
}

#[test]
fn the_embedded_broker_keeps_a_whole_demo_before_anybody_reads() {
    let organization = Organization::generate(&OrganizationSettings {
        events: 25_000,
        ..OrganizationSettings::default()
    });
    let total = organization.len() as u64;
    let (broker, options) = set_up(&Stage::Embedded, total).expect("is set up");
    let settings = ProducerSettings { topic: options.source.clone(), compression: "gzip".into() };
    let mut producer = Producer::connect(&options.access, &settings).expect("connects");
    let (mut key, mut value, mut place) = (String::new(), String::new(), 0);
    while organization.write(place, &mut key, &mut value) {
        let record = Outgoing { key: Some(&key), value: value.as_bytes(), time: None };
        producer.send(place as u64, &record).expect("sends");
        place += 1;
        // Small batches, as a paced producer makes them: these take the most room.
        if place % 100 == 0 {
            producer.acknowledged(Duration::from_millis(10)).expect("is taken");
        }
    }
    while producer.acknowledged(Duration::from_millis(10)).expect("is taken") < total {}

    let mut reader = TopicReader::open(&options.access, &options.source, ReadFrom::Beginning)
        .expect("the source is there");
    let mut kept = 0;
    while !reader.is_at_end() {
        kept += u64::from(reader.next(Duration::from_millis(100)).expect("reads").is_some());
    }

    assert_eq!(kept, total);
    drop(broker);
}
