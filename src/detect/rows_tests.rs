//! Rows come back as they were written, and damaged bytes are told, never met with a panic.

use super::*;
use crate::detect::evidence::{ENDS, Seen, Sighting};
use crate::event::{Event, EventId, FieldId, Identity, Source, Value};
use crate::rule::{Collect, CollectHow, Condition, Measure, Window};
use crate::units::Span;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

fn shape(kind: WindowKind, columns: usize) -> Shape {
    let measure = Measure::Count;
    let span = Span::from_minutes(10);
    let window =
        Window { kind, span, measure, condition: Condition::AtLeast(1), tiers: Vec::new() };
    let sums = (0..columns).map(|_| Collect {
        name: String::new(),
        field: FieldId(0),
        how: CollectHow::Sum,
    });
    let set = Collect { name: String::new(), field: FieldId(1), how: CollectHow::Set(9) };
    Shape::new(&window, Span::ZERO, &sums.chain([set]).collect::<Vec<_>>(), 7)
}

fn event(text: &str) -> Event<'_> {
    Event {
        source: Source::CloudTrail,
        time: EventTime::default(),
        identity: Identity(0),
        shared_identity: None,
        id: "".into(),
        raw: b"",
        values: vec![Value::Absent, Value::Text(text.into())],
    }
}

fn ids() -> impl Strategy<Value = EventId> {
    prop_oneof![
        any::<[u8; 16]>().prop_map(EventId::Guid),
        any::<String>().prop_map(|text| EventId::Text(text.into())),
    ]
}

fn segments() -> impl Strategy<Value = (Shape, Segment)> {
    let panes = btree_map(0u8..64, (1u32.., any::<u64>()), 1..64);
    let events = vec((ids(), any::<i32>(), 1u64..1000, any::<String>(), 0u8..64), 0..=3 * ENDS);
    let numbers = vec(any::<Option<u64>>(), 128);
    (any::<bool>(), -1000i64..1000, panes, events, 0usize..=2, numbers).prop_map(
        |(sliding, index, panes, events, columns, numbers)| {
            let kind = if sliding { WindowKind::Sliding } else { WindowKind::Tumbling };
            let shape = shape(kind, columns);
            let panes: Vec<Pane> = panes
                .into_iter()
                .take(if sliding { 64 } else { 1 })
                .map(|(offset, (count, sum))| Pane {
                    offset: if sliding { offset } else { 0 },
                    count,
                    sum,
                })
                .collect();
            let start = shape.start_of(index);
            let mut evidence = Evidence::default();
            let mut arrival = 0;
            for (id, time, step, text, offset) in events {
                arrival += step;
                let event = event(&text);
                let time = EventTime::from_millis(time.into());
                let sighting = Sighting { event: &event, id: &id, time };
                evidence.note(&shape, sighting, (start, offset), arrival);
            }
            let seen =
                if sliding { (start, start) } else { (start, start.plus(Span::from_secs(9))) };
            let numbers = numbers.into_iter().take(panes.len() * columns).collect();
            (shape, Segment::restored(index, seen, panes, numbers, evidence))
        },
    )
}

fn episodes() -> impl Strategy<Value = Vec<Episode>> {
    let levels = prop_oneof![Just(Level::Informational), Just(Level::Critical)];
    let rest = (0i64..1 << 40, any::<i64>(), any::<u32>(), levels, any::<u64>());
    btree_map(-(1i64 << 50)..1 << 50, rest, 0..4).prop_map(|episodes| {
        let episodes = episodes.into_iter();
        let episodes = episodes.map(|(opened, (length, created, sequence, level, reported))| {
            let opened = EventTime::from_millis(opened);
            Episode {
                opened,
                expires: opened.plus(Span::from_millis(length)),
                created: WallTime::from_millis(created),
                sequence,
                level,
                reported,
            }
        });
        episodes.collect()
    })
}

proptest! {
    #[test]
    fn a_segment_comes_back_as_it_was_written((shape, segment) in segments()) {
        let mut bytes = Vec::new();
        write_segment(&segment, &shape, &mut bytes);

        let read = read_segment(segment.index, &shape, &bytes).unwrap();

        prop_assert_eq!(&read.panes, &segment.panes);
        prop_assert_eq!(&read.columns, &segment.columns);
        let start = shape.start_of(segment.index);
        prop_assert!(read.evidence.in_order(start).eq(segment.evidence.in_order(start)));
        prop_assert_eq!(read.evidence.last_arrival(), segment.evidence.last_arrival());
        prop_assert_eq!(read.evidence.byte_len(), segment.evidence.byte_len());
        prop_assert_eq!((read.seen, read.sum), (segment.seen, segment.sum));
        for length in 0..bytes.len() {
            prop_assert!(read_segment(segment.index, &shape, &bytes[..length]).is_err());
        }
    }

    #[test]
    fn collected_values_of_another_list_are_left_out((shape, segment) in segments()) {
        let mut bytes = Vec::new();
        write_segment(&segment, &shape, &mut bytes);
        let other = Shape { collect_tag: 8, ..shape };

        let read = read_segment(segment.index, &other, &bytes).unwrap();

        prop_assert_eq!(&read.panes, &segment.panes);
        let start = other.start_of(segment.index);
        let events = segment.evidence.in_order(start).filter(|seen| matches!(seen, Seen::Event(_)));
        prop_assert!(read.evidence.in_order(start).eq(events));
        prop_assert_eq!(read.columns, vec![None; segment.panes.len() * other.columns()]);
    }

    #[test]
    fn episodes_come_back_as_they_were_written(open in episodes()) {
        let mut bytes = Vec::new();
        write_episodes(&open, &mut bytes);
        prop_assert_eq!(read_episodes(&bytes).unwrap(), open);
        for length in 0..bytes.len() {
            prop_assert!(read_episodes(&bytes[..length]).is_err());
        }
    }

    #[test]
    fn fingerprints_come_back_as_they_were_written(written: Vec<u64>) {
        let mut bytes = Vec::new();
        write_fingerprints(&written, &mut bytes);
        let mut read = Vec::new();
        read_fingerprints(&bytes, &mut |fingerprint| read.push(fingerprint)).unwrap();
        prop_assert_eq!(read, written);
    }

    #[test]
    fn keys_come_back_and_sort_by_index(
        tag: u64, group: (u64, u64), one: i64, other: i64, sequence: u64,
    ) {
        let group = CacheKey(group.0, group.1);
        let key = |index| RowKey::Segment { tag, group, index };
        for row in [
            key(one),
            RowKey::Episodes { key: group },
            RowKey::Fingerprints { slot: other, sequence },
        ] {
            prop_assert_eq!(RowKey::read(&row.to_bytes()).unwrap(), row);
        }
        prop_assert_eq!(key(one).to_bytes().cmp(&key(other).to_bytes()), one.cmp(&other));
    }

    #[test]
    fn damaged_bytes_never_panic(bytes: Vec<u8>, index: i64) {
        let mut row = vec![VERSION];
        row.extend_from_slice(&bytes);
        for kind in [WindowKind::Sliding, WindowKind::Tumbling] {
            let shape = shape(kind, 1);
            if let Ok(segment) = read_segment(index, &shape, &row) {
                crate::detect::pane_ring::Group::restored(0, &shape, [Box::new(segment)].into());
            }
        }
        let _ = (read_episodes(&row), read_fingerprints(&row, &mut |_| {}), RowKey::read(&bytes));
    }
}

#[test]
fn a_row_of_a_newer_version_is_told_apart_from_damage() {
    assert!(matches!(read_episodes(&[2]), Err(StoreError::Newer(2))));
    let shape = shape(WindowKind::Sliding, 0);
    assert!(matches!(read_segment(0, &shape, &[9]), Err(StoreError::Newer(9))));
}

#[test]
fn a_segment_whose_panes_are_out_of_order_is_damaged() {
    let shape = shape(WindowKind::Sliding, 0);
    let row = [VERSION, 2, 5, 1, 1, 5, 1, 1, 0, 0, 0];
    assert!(matches!(read_segment(0, &shape, &row), Err(StoreError::Damaged(_))));
}
