//! Rows come back as they were written, and damaged bytes are told, never met with a panic.

use super::*;
use crate::units::Span;
use proptest::collection::btree_map;
use proptest::prelude::*;

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
    fn keys_come_back_and_pages_sort_by_number(
        class: u8, group: (u64, u64), one: u64, other: u64, slot: i64,
    ) {
        let page = |number| RowKey::Page { class, number };
        for row in [
            page(one),
            RowKey::Text { class, number: one },
            RowKey::Episodes { key: CacheKey(group.0, group.1) },
            RowKey::Fingerprints { slot, sequence: other, part: 7 },
        ] {
            prop_assert_eq!(RowKey::read(&row.to_bytes()).unwrap(), row);
        }
        prop_assert_eq!(page(one).to_bytes().cmp(&page(other).to_bytes()), one.cmp(&other));
    }

    #[test]
    fn damaged_bytes_never_panic(bytes: Vec<u8>) {
        let mut row = vec![VERSION];
        row.extend_from_slice(&bytes);
        let _ = (read_episodes(&row), read_fingerprints(&row, &mut |_| {}), RowKey::read(&bytes));
    }
}

#[test]
fn a_row_of_a_newer_version_is_told_apart_from_damage() {
    assert!(matches!(read_episodes(&[2]), Err(StoreError::Newer(2))));
}
