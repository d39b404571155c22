//! A real directory: reopening, a crash, damage, a holder, a newer format.

use super::*;
use std::fs;

fn shared() -> RocksShared {
    RocksShared::new(1 << 20, 1 << 20)
}

fn open(path: &Path) -> Result<RocksStore, StoreError> {
    RocksStore::open(path, &shared(), RocksOptions::default())
}

fn rows(store: &RocksStore, prefix: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rows = Vec::new();
    store.scan(prefix, &mut |key, value| rows.push((key.to_vec(), value.to_vec()))).unwrap();
    rows
}

fn changes(rows: &[(&[u8], Option<&[u8]>)]) -> Changes {
    let mut changes = Changes::default();
    for (key, value) in rows {
        match value {
            Some(value) => changes.put(key, |into| into.extend_from_slice(value)),
            None => changes.delete(key),
        }
    }
    changes
}

fn copy(from: &Path, to: &Path) {
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

#[test]
fn rows_and_position_are_there_after_closing_and_opening() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path()).unwrap();
    let first = changes(&[(b"a", Some(b"1")), (b"b", Some(b"2")), (b"c", Some(b"3"))]);
    store.apply(&first, Some(Position(7))).unwrap();
    store.apply(&changes(&[(b"b", None), (b"c", Some(b"33"))]), Some(Position(9))).unwrap();
    store.flush().unwrap();
    drop(store);

    let store = open(directory.path()).unwrap();

    assert_eq!(rows(&store, b""), [(b"a".into(), b"1".into()), (b"c".into(), b"33".to_vec())]);
    assert_eq!(store.changelog_position().unwrap(), Some(Position(9)));
    let mut read = Vec::new();
    assert!(store.get(b"a", &mut |value| read.extend_from_slice(value)).unwrap());
    assert!(!store.get(b"b", &mut |_| panic!("it was deleted")).unwrap());
    assert_eq!(read, b"1");
}

#[test]
fn a_new_store_has_no_rows_and_no_position() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    assert_eq!((rows(&store, b""), store.changelog_position().unwrap()), (vec![], None));
}

#[test]
fn a_prefix_ends_where_its_last_byte_does() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path()).unwrap();
    let all: [&[u8]; 5] = [b"\x01", b"\x01\xff", b"\x01\xff\xff", b"\x02", b"\xfe\xff"];
    store.apply(&changes(&all.map(|key| (key, Some(&b"v"[..])))), None).unwrap();

    let keys = |prefix| rows(&store, prefix).into_iter().map(|(key, _)| key).collect::<Vec<_>>();

    assert_eq!(keys(b""), all);
    assert_eq!(keys(b"\x01\xff"), all[1..3]);
    assert_eq!(keys(b"\x02"), all[3..4]);
    assert_eq!(keys(b"\xfe\xff"), all[4..]);
}

#[test]
fn after_a_crash_the_store_holds_a_whole_prefix_with_its_position() {
    for wal in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let mut store = RocksStore::open(path, &shared(), RocksOptions { wal }).unwrap();
        for number in 1..=9i64 {
            let value = number.to_be_bytes();
            let both = changes(&[(b"one", Some(&value)), (b"two", Some(&value))]);
            store.apply(&both, Some(Position(number))).unwrap();
            if number == 5 {
                store.flush().unwrap();
            }
        }
        // What a killed process leaves: the files as they are, nothing closed.
        let left = tempfile::tempdir().unwrap();
        copy(path, left.path());

        let store = RocksStore::open(left.path(), &shared(), RocksOptions { wal }).unwrap();

        let expected = if wal { 9i64 } else { 5 };
        let position = store.changelog_position().unwrap();
        assert_eq!(position, Some(Position(expected)), "wal: {wal}");
        for (key, value) in rows(&store, b"") {
            assert_eq!(value, expected.to_be_bytes(), "{key:?}, wal: {wal}");
        }
    }
}

#[test]
fn a_directory_that_is_open_is_locked() {
    let directory = tempfile::tempdir().unwrap();
    let _held = open(directory.path()).unwrap();
    assert!(matches!(open(directory.path()), Err(StoreError::Locked(_))));
}

#[test]
fn a_format_of_the_future_is_refused_by_its_number() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    store.db.put(FORMAT_KEY, 99u32.to_be_bytes()).unwrap();
    drop(store);
    assert!(matches!(open(directory.path()), Err(StoreError::Newer(99))));
}

#[test]
fn rows_without_a_format_are_damage() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    store.db.put(b"row", b"value").unwrap();
    store.db.delete(FORMAT_KEY).unwrap();
    drop(store);
    assert!(matches!(open(directory.path()), Err(StoreError::Damaged(_))));
}

/// Fills a table file, closes, and gives the path of the file that ends in `suffix`.
fn written(directory: &Path, suffix: &str) -> std::path::PathBuf {
    let mut store = open(directory).unwrap();
    let row = [7u8; 1000];
    for number in 0..200u32 {
        store.apply(&changes(&[(&number.to_be_bytes(), Some(&row))]), Some(Position(1))).unwrap();
    }
    store.flush().unwrap();
    drop(store);
    let files = fs::read_dir(directory).unwrap().map(|file| file.unwrap().path());
    files.into_iter().find(|path| path.to_string_lossy().contains(suffix)).unwrap()
}

#[test]
fn a_flipped_bit_in_a_table_is_damage_when_it_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let table = written(directory.path(), ".sst");
    let mut bytes = fs::read(&table).unwrap();
    for byte in &mut bytes[..200] {
        *byte ^= 0x55;
    }
    fs::write(&table, bytes).unwrap();

    let read = open(directory.path()).and_then(|store| store.scan(b"", &mut |_, _| {}));

    assert!(matches!(read, Err(StoreError::Damaged(_))), "{read:?}");
}

#[test]
fn a_missing_table_and_a_broken_manifest_are_damage() {
    for suffix in [".sst", "MANIFEST"] {
        let directory = tempfile::tempdir().unwrap();
        let file = written(directory.path(), suffix);
        if suffix == ".sst" {
            fs::remove_file(file).unwrap();
        } else {
            fs::write(file, b"nothing like a manifest").unwrap();
        }
        let read = open(directory.path()).and_then(|store| store.scan(b"", &mut |_, _| {}));
        assert!(matches!(read, Err(StoreError::Damaged(_))), "{suffix}: {read:?}");
    }
}

#[test]
fn a_path_that_is_a_file_cannot_be_used() {
    let file = tempfile::NamedTempFile::new().unwrap();
    assert!(matches!(open(file.path()), Err(StoreError::Disk(_))));
}

#[test]
fn the_version_that_is_told_is_the_one_that_is_locked() {
    let lock = include_str!("../../Cargo.lock");
    let package = lock.split("[[package]]").find(|p| p.contains("name = \"librocksdb-sys\""));

    assert!(package.is_some_and(|p| p.contains(&format!("+{ROCKSDB_VERSION}\""))), "{package:?}");
}
