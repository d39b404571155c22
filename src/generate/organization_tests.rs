//! The planted truth against sums that are computed naively over the generated texts.

use super::*;
use crate::generate::Expected;
use crate::rule::Level;
use std::collections::{BTreeMap, BTreeSet};

/// A read that counts, as the rules see it.
struct Read {
    second: i64,
    bytes: u64,
}

fn small(seed: u64) -> OrganizationSettings {
    OrganizationSettings {
        seed,
        principals: 400,
        events: 12_000,
        downloads: 3,
        counts: 1,
        ..OrganizationSettings::default()
    }
}

fn texts(organization: &Organization) -> Vec<(String, String)> {
    let (mut key, mut value) = (String::new(), String::new());
    let mut texts = Vec::new();
    for place in 0..organization.len() {
        assert!(organization.write(place, &mut key, &mut value));
        texts.push((key.clone(), value.clone()));
    }
    assert!(!organization.write(organization.len(), &mut key, &mut value));
    texts
}

fn amount(value: &serde_json::Value) -> u64 {
    match value {
        serde_json::Value::Number(number) => {
            // Every generated amount is whole, so the text before the point is all of it.
            number.to_string().split('.').next().and_then(|whole| whole.parse().ok()).unwrap_or(0)
        }
        serde_json::Value::String(text) => text.parse().unwrap_or(0),
        _ => 0,
    }
}

fn second(record: &serde_json::Value) -> i64 {
    let text = record["eventTime"].as_str().expect("a time");
    text.parse::<jiff::Timestamp>().expect("a time").as_second()
}

/// (rule, group) with the level and the time of each crossing, computed from the texts alone.
fn brute_force(
    organization: &Organization,
) -> BTreeSet<(String, Vec<Option<String>>, Level, usize)> {
    let mut seen = BTreeSet::new();
    let mut by_bucket = BTreeMap::<(String, String), Vec<Read>>::new();
    let mut by_principal = BTreeMap::<String, Vec<Read>>::new();
    let mut network = BTreeMap::<(String, String), usize>::new();
    for (key, text) in texts(organization) {
        let record: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        if !seen.insert(record["eventID"].to_string()) {
            continue;
        }
        let address = record["sourceIPAddress"].as_str().unwrap_or_default().to_owned();
        if record["eventCategory"] == "NetworkActivity" {
            if address.starts_with("8.") {
                *network.entry((key, address)).or_default() += 1;
            }
            continue;
        }
        let counts = record["eventName"] == "GetObject"
            && record["errorCode"].is_null()
            && record["userIdentity"]["invokedBy"].is_null();
        if counts {
            let bytes = amount(&record["additionalEventData"]["bytesTransferredOut"]);
            let bucket = record["requestParameters"]["bucketName"].to_string().replace('"', "");
            let second = second(&record);
            by_bucket.entry((key.clone(), bucket)).or_default().push(Read { second, bytes });
            by_principal.entry(key).or_default().push(Read { second, bytes });
        }
    }
    let mut found = BTreeSet::new();
    for ((principal, bucket), reads) in &by_bucket {
        let tiers = [(50, Level::Low), (100, Level::Medium), (1024, Level::High)];
        for (index, level) in episodes(reads, 600, &bytes_tiers(tiers), |read| read.bytes) {
            let group = vec![Some(principal.clone()), Some(bucket.clone())];
            found.insert(("s3_large_download".into(), group, level, index));
        }
    }
    for (principal, reads) in &by_principal {
        let group = vec![Some(principal.clone())];
        let tiers = [(50, Level::Informational), (100, Level::Medium), (1024, Level::High)];
        for (index, level) in episodes(reads, 600, &bytes_tiers(tiers), |read| read.bytes) {
            found.insert(("s3_large_download_principal".into(), group.clone(), level, index));
        }
        let tiers = [(1001, Level::Low), (5000, Level::Medium), (20_000, Level::High)];
        for (index, level) in episodes(reads, 3600, &tiers, |_| 1) {
            found.insert(("s3_object_count".into(), group.clone(), level, index));
        }
    }
    for (principal, address) in network.into_keys() {
        let group = vec![Some(principal), Some(address), None];
        found.insert(("vpce_s3_external_ip".into(), group, Level::Medium, 0));
    }
    found
}

fn bytes_tiers(tiers: [(u64, Level); 3]) -> [(u64, Level); 3] {
    tiers.map(|(mib, level)| (mib * 1_048_576, level))
}

/// Number and highest level of each episode: every window (t − W, t] is summed up anew.
fn episodes(
    reads: &[Read],
    window_s: i64,
    tiers: &[(u64, Level)],
    measure: impl Fn(&Read) -> u64,
) -> Vec<(usize, Level)> {
    let mut ends: Vec<i64> = reads.iter().map(|read| read.second).collect();
    ends.sort_unstable();
    ends.dedup();
    let mut episodes: Vec<(i64, Level)> = Vec::new();
    for end in ends {
        let inside = reads.iter().filter(|read| read.second > end - window_s && read.second <= end);
        let total: u64 = inside.map(&measure).sum();
        let Some(level) = tiers.iter().filter(|tier| total >= tier.0).map(|tier| tier.1).max()
        else {
            continue;
        };
        match episodes.last_mut() {
            Some((opened, highest)) if end - *opened < 3600 => *highest = level.max(*highest),
            _ => episodes.push((end, level)),
        }
    }
    episodes.into_iter().map(|(_, level)| level).enumerate().collect()
}

fn planted(expected: &[Expected]) -> BTreeSet<(String, Vec<Option<String>>, Level, usize)> {
    let mut earlier = BTreeMap::<(String, Vec<Option<String>>), usize>::new();
    let mut planted = BTreeSet::new();
    for one in expected {
        let group: Vec<Option<String>> = one.group.iter().map(|(_, value)| value.clone()).collect();
        let episode = earlier.entry((one.rule.into(), group.clone())).or_default();
        planted.insert((one.rule.into(), group, one.level, *episode));
        *episode += 1;
    }
    planted
}

#[test]
fn the_truth_is_what_naive_sums_over_the_generated_events_give() {
    for seed in [1, 2, 3] {
        let organization = Organization::generate(&small(seed));

        let found = brute_force(&organization);

        assert_eq!(found, planted(&organization.truth().expected), "seed {seed}");
        assert_eq!(found.len(), 3 * 16 + 1, "seed {seed}");
    }
}

#[test]
fn the_same_seed_gives_the_same_stream_and_another_seed_another() {
    let (one, same) = (Organization::generate(&small(1)), Organization::generate(&small(1)));

    assert_eq!(texts(&one), texts(&same));
    assert_ne!(texts(&one), texts(&Organization::generate(&small(2))));
}

#[test]
fn the_truth_does_not_depend_on_the_order_of_arrival() {
    let truth_at = |delay: i64| {
        let settings = OrganizationSettings { max_delay: Span::from_secs(delay), ..small(4) };
        let organization = Organization::generate(&settings);
        let mut ids: Vec<String> = texts(&organization).into_iter().map(|(_, text)| text).collect();
        let in_order = ids.clone();
        ids.sort();
        (organization.truth().expected.clone(), ids, in_order)
    };

    let (calm, sent_calm, order_calm) = truth_at(0);
    let (rough, sent_rough, order_rough) = truth_at(3300);

    assert_eq!(calm, rough);
    assert_eq!(sent_calm, sent_rough);
    assert_ne!(order_calm, order_rough);
}

#[test]
fn no_event_but_the_late_ones_arrives_behind_the_greatest_delay() {
    let settings = OrganizationSettings { max_delay: Span::from_secs(900), ..small(5) };
    let organization = Organization::generate(&settings);

    let mut newest = i64::MIN;
    let mut behind = 0;
    for place in 0..organization.len() {
        let (_, event) = organization.planned(place).expect("a place in the stream");
        newest = newest.max(event.second);
        if event.second < newest - 900 {
            behind += 1;
            assert_eq!(event.delivery, Delivery::Late);
        }
    }

    assert_eq!(behind, settings.late);
}

#[test]
fn copies_and_disorder_are_as_common_as_the_settings_say() {
    let organization = Organization::generate(&small(6));

    let texts = texts(&organization);
    let different: BTreeSet<&String> = texts.iter().map(|(_, text)| text).collect();
    let seconds: Vec<i64> = (0..organization.len())
        .filter_map(|place| organization.planned(place).map(|(_, event)| event.second))
        .collect();
    let backwards = seconds.windows(2).filter(|pair| pair[1] < pair[0]).count();

    let copies = texts.len() - different.len();
    assert!((480..800).contains(&copies), "{copies}");
    assert!(backwards * 3 > texts.len(), "{backwards} of {}", texts.len());
}

#[test]
fn forged_times_lie_a_month_ahead_and_plant_nothing() {
    let honest = Organization::generate(&small(7));
    let forged = Organization::generate(&OrganizationSettings { forged: 5, ..small(7) });

    let end = EventTime::from_millis(1_767_229_200_000).plus(Span::from_hours(24));
    let ahead = forged.events.iter().filter(|event| event.second * 1000 > end.as_millis()).count();

    assert_eq!(ahead, 5);
    assert_eq!(honest.truth().expected.len(), forged.truth().expected.len());
}
