//! Partitions as Java's producer chooses them, and what a user sees when something is missing.

use super::*;
use crate::stream::embedded::EmbeddedBroker;
use crate::stream::reader::{ReadFrom, TopicReader};
use std::collections::HashMap;

/// Made by Apache Kafka's own producer code; PartitionTable.java beside it says how.
const TABLE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/murmur2/murmur2.tsv"));

fn settings(topic: &str) -> ProducerSettings {
    ProducerSettings { topic: topic.into(), compression: "gzip".into() }
}

fn check_partitions(partitions: i32, column: usize) {
    let expected: HashMap<String, i32> = TABLE
        .lines()
        .map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            (cells[0].to_owned(), cells[column].parse().expect("a number"))
        })
        .collect();
    let broker = EmbeddedBroker::start().expect("starts");
    broker.create_topic("cloudtrail", partitions).expect("creates");
    let access = Access::plain(&broker.brokers());
    let mut producer = Producer::connect(&access, &settings("cloudtrail")).expect("connects");
    assert_eq!(usize::try_from(partitions), Ok(producer.partitions()));

    for (number, key) in (0..).zip(expected.keys()) {
        let record = Outgoing { key: Some(key), value: key.as_bytes(), time: None };
        producer.send(number, &record).expect("sends");
    }
    while producer.acknowledged(Duration::from_millis(10)).expect("is taken") < 1000 {}

    let mut reader = TopicReader::open(&access, "cloudtrail", ReadFrom::Beginning).expect("opens");
    let mut chosen = HashMap::new();
    while !reader.is_at_end() {
        if let Some(record) = reader.next(Duration::from_millis(100)).expect("reads") {
            let key = String::from_utf8(record.value.expect("a value")).expect("text");
            chosen.insert(key, record.partition.0);
        }
    }
    assert_eq!(expected.len(), 1000);
    assert_eq!(chosen, expected);
}

#[test]
fn a_thousand_principals_go_where_javas_producer_sends_them_with_8_partitions() {
    check_partitions(8, 1);
}

#[test]
fn a_thousand_principals_go_where_javas_producer_sends_them_with_12_partitions() {
    check_partitions(12, 2);
}

#[test]
fn a_broker_that_is_down_is_named() {
    // A port that was free a moment ago: nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = port.local_addr().expect("an address").to_string();
    drop(port);

    let result = Producer::connect(&Access::plain(&address), &settings("cloudtrail"));

    let Err(PublishError::NoBroker { brokers, .. }) = result else { panic!("somebody answers") };
    assert_eq!(brokers, address);
}

#[test]
fn a_record_that_is_too_large_is_refused_alone() {
    let broker = EmbeddedBroker::start().expect("starts");
    broker.create_topic("cloudtrail", 1).expect("creates");
    let access = Access::plain(&broker.brokers());
    let mut producer = Producer::connect(&access, &settings("cloudtrail")).expect("connects");

    let huge = vec![b'x'; 2 << 20];
    let refused = producer.send(0, &Outgoing { key: None, value: &huge, time: None });
    producer.pass_over(0);
    producer.send(1, &Outgoing { key: None, value: b"{}", time: None }).expect("sends");

    assert!(matches!(refused, Err(PublishError::TooLarge { bytes: 2_097_152 })));
    while producer.acknowledged(Duration::from_millis(10)).expect("is taken") < 2 {}
}
