
#[test]
fn the_version_that_is_told_is_the_one_that_is_locked() {
    let lock = include_str!("../../Cargo.lock");
    let package = lock.split("[[package]]").find(|p| p.contains("name = \"librocksdb-sys\""));

    assert!(package.is_some_and(|p| p.contains(&format!("+{ROCKSDB_VERSION}\""))), "{package:?}");
}
