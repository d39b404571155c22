//! Rules of new terms while partitions move: one member begins at the topic's beginning, a second joins,
//! the first leaves. What is new must equal the slow reference, which never moved.

use crate::acceptance::{PARTITIONS, caught_up, compare, expected, others};
use crate::broker::{Broker, Isolation, Outcome, wait_until};
use crate::tidegate_run::Instance;
use serde_json::json;
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_mins(1);
/// First sightings of an address after days of learning, and of a client without any.
const ASKED: [&str; 2] = ["s3_read_new_address", "s3_uncommon_client"];
const PRINCIPALS: usize = 40;

pub(crate) fn join_and_leave(broker: &Broker) -> Outcome<()> {
    broker.create_topic("terms-in", PARTITIONS, &[])?;
    let changelog = [("cleanup.policy", "compact")];
    broker.create_topic("tidegate-terms-ct-changelog", PARTITIONS, &changelog)?;
    broker.create_topic("terms-alerts", 1, &[("compression.type", "gzip")])?;
    broker.create_topic("terms-dlq", 1, &[])?;
    let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
    let disabled = others(&ASKED)?;
    let instance = |name| Instance::new(&broker.bootstrap, "terms", name, dir.path(), &disabled);
    let (first, second) = (instance("first")?, instance("second")?);
    let taken_in =
        || wait_until("it to be taken in", LIMIT, || caught_up(broker, "terms", PARTITIONS));

    broker.produce("terms-in", &days(1..9)?)?;
    let mut one = first.start("")?;
    taken_in()?;
    let mut two = second.start("")?;
    wait_until("the second member to have partitions", LIMIT, || {
        Ok((stores(&second.state)? > 0).then_some(()))
    })?;
    broker.produce("terms-in", &days(9..17)?)?;
    taken_in()?;
    one.signal("TERM")?;
    one.wait_end(LIMIT)?;
    broker.produce("terms-in", &days(17..26)?)?;
    taken_in()?;
    two.signal("TERM")?;
    two.wait_end(LIMIT)?;

    let input = broker.read("terms-in", Isolation::Committed)?;
    let expected = expected(&input, PARTITIONS, &ASKED)?;
    compare(&expected, &broker.read("terms-alerts", Isolation::Committed)?)?;
    let moved = usize::try_from(PARTITIONS).unwrap_or_default();
    if stores(&first.state)? != moved || stores(&second.state)? != moved {
        return Err("not every partition has been with both members".to_owned());
    }
    // Each rule has something to say, in the days of each member.
    if expected.len() < 100 {
        return Err(format!("the stream holds only {} findings", expected.len()));
    }
    Ok(())
}

/// How many partitions an instance has kept rows of.
fn stores(state: &Path) -> Outcome<usize> {
    let folder = state.join("terms");
    if !folder.is_dir() {
        return Ok(0);
    }
    let entries = std::fs::read_dir(folder).map_err(|error| error.to_string())?;
    Ok(entries.filter_map(Result::ok).filter(|entry| entry.path().is_dir()).count())
}

/// What everybody reads on these days of March: from home, and from addresses of which some come back
/// within a fortnight and some after it; now and then with a client that few use.
fn days(days: std::ops::Range<usize>) -> Outcome<Vec<(i32, String, Vec<u8>)>> {
    let mut records = Vec::new();
    for day in days {
        for who in 0..PRINCIPALS {
            let arn = format!("arn:aws:iam::111122223333:user/person-{who}");
            let turn = who * 7 + day * 5;
            let address = if turn.is_multiple_of(3) { 0 } else { turn % 17 };
            let agent = if turn.is_multiple_of(11) { "S3 Browser" } else { "aws-cli" };
            let record = json!({
                "eventVersion": "1.11",
                "eventID": format!("00000000-0000-4000-8000-{day:04}{who:08}"),
                "eventTime": format!("2026-03-{day:02}T08:{:02}:{:02}Z", who % 60, day % 60),
                "eventSource": "s3.amazonaws.com",
                "eventName": "GetObject",
                "awsRegion": "eu-central-1",
                "sourceIPAddress": format!("198.51.100.{address}"),
                "userAgent": agent,
                "userIdentity": {
                    "type": "IAMUser", "principalId": format!("AIDA{who}"), "arn": arn,
                    "accountId": "111122223333", "userName": format!("person-{who}"),
                },
                "requestParameters": {"bucketName": "orders-archive", "key": format!("{day}.csv")},
                "eventType": "AwsApiCall",
                "eventCategory": "Data",
                "recipientAccountId": "111122223333",
            });
            let partition = i32::try_from(who).map_err(|error| error.to_string())? % PARTITIONS;
            records.push((partition, arn, record.to_string().into_bytes()));
        }
    }
    Ok(records)
}
