//! The plan as a function of deployment and cluster, and the answer of a cluster that is there.

use super::*;
use crate::stream::embedded::EmbeddedBroker;

fn deployment() -> Deployment {
    Deployment {
        sources: vec![SourceTopics {
            topic: "cloudtrail".into(),
            changelog: "tidegate-tidegate-cloudtrail-changelog".into(),
            max_record_bytes: 8 << 20,
        }],
        alerts: "tidegate.alerts.v1".into(),
        dead_letters: Some("tidegate.dlq.v1".into()),
        gzip_alerts: true,
        source_partitions: 8,
        replication: None,
        changelog_replication: None,
    }
}

fn found(partitions: i32, settings: &[(&str, &str)]) -> Found {
    let settings = settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Found { partitions, replication: 3, settings }
}

fn cluster(brokers: i32, topics: &[(&str, Found)]) -> Cluster {
    let topics = topics.iter().map(|(name, found)| ((*name).into(), found.clone())).collect();
    Cluster { brokers, topics }
}

fn actions(with_source: WithSource, cluster: &Cluster) -> Vec<Action> {
    plan(&deployment(), with_source, cluster).into_iter().map(|planned| planned.action).collect()
}

fn new(partitions: i32, replication: i32, min_in_sync: i32) -> Action {
    Action::Create(NewSettings { partitions, replication, min_in_sync })
}

#[test]
fn an_empty_cluster_gets_everything_and_the_changelog_follows_its_source() {
    let expected = [new(8, 3, 2), new(8, 3, 2), new(3, 3, 2), new(3, 3, 2)];

    assert_eq!(actions(WithSource::Yes, &cluster(5, &[])), expected);
}

#[test]
fn a_single_broker_holds_one_copy() {
    let created = actions(WithSource::Yes, &cluster(1, &[]));

    assert!(created.iter().all(|action| matches!(
        action,
        Action::Create(NewSettings { replication: 1, min_in_sync: 1, .. })
    )));
}

#[test]
fn a_source_that_is_missing_blocks_its_changelog_and_nothing_else() {
    let actions = actions(WithSource::No, &cluster(3, &[]));

    assert!(matches!(&actions[0], Action::Blocked(why) if why.contains("--with-source")));
    assert!(matches!(&actions[1], Action::Blocked(_)));
    assert_eq!(actions[2..], [new(3, 3, 2), new(3, 3, 2)]);
}

#[test]
fn the_changelog_of_an_existing_source_has_its_partition_count() {
    let actions = actions(WithSource::No, &cluster(3, &[("cloudtrail", found(24, &[]))]));

    assert_eq!(actions[..2], [Action::Keep, new(24, 3, 2)]);
}

#[test]
fn what_differs_is_named_and_never_changed() {
    let changelog = found(4, &[("cleanup.policy", "delete"), ("delete.retention.ms", "60000")]);
    let alerts = found(9, &[("compression.type", "zstd"), ("retention.ms", "1000")]);
    let there = cluster(
        3,
        &[
            ("cloudtrail", found(8, &[])),
            ("tidegate-tidegate-cloudtrail-changelog", changelog),
            ("tidegate.alerts.v1", alerts),
        ],
    );

    let actions = actions(WithSource::No, &there);

    let expected = Action::Differs(vec![
        "has 4 partitions and its source has 8".into(),
        "cleanup.policy is delete and should be compact".into(),
        "delete.retention.ms is 60000 and should be at least 3600000".into(),
    ]);
    assert_eq!(actions[1], expected);
    let codec = "compression.type is zstd and should be gzip";
    assert_eq!(actions[2], Action::Differs(vec![codec.into()]));
}

#[test]
fn larger_records_than_needed_are_right() {
    let setting = setting("max.message.bytes", "1048588", Right::AtLeast);

    assert!(is_right(&setting, "1048588"));
    assert!(is_right(&setting, "-1"));
    assert!(!is_right(&setting, "1048587"));
    assert!(!is_right(&setting, "many"));
}

#[test]
fn a_cluster_that_is_there_says_how_many_partitions_a_topic_has() {
    let broker = EmbeddedBroker::start().expect("starts");
    broker.create_topic("cloudtrail", 6).expect("creates");

    let cluster = look_at(&Access::plain(&broker.brokers()), &deployment()).expect("answers");

    // The embedded broker knows no settings; that must not hide the partition counts.
    assert_eq!(cluster.brokers, 1);
    assert_eq!(cluster.topics["cloudtrail"], Found { replication: 1, ..found(6, &[]) });
}
