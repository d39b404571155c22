//! A partition as a broker keeps it: records of transactions, their markers, and what a reader of
//! committed records may see of it.

use std::collections::BTreeMap;

/// Who wrote a record: a producer id and its epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Writer {
    pub(super) pid: usize,
    pub(super) epoch: u32,
}

#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) key: Vec<u8>,
    pub(super) value: Option<Vec<u8>>,
    /// Wall clock, in milliseconds.
    pub(super) time: i64,
}

#[derive(Debug, Clone)]
enum Entry {
    Data { pid: Option<usize>, record: Record },
    Marker,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Log {
    entries: BTreeMap<i64, Entry>,
    next: i64,
    /// First offset of each open transaction, by producer.
    open: BTreeMap<usize, i64>,
    /// Producer, first offset and marker of each aborted transaction.
    aborted: Vec<(usize, i64, i64)>,
    /// The newest epoch that this partition has seen of each producer.
    epochs: BTreeMap<usize, u32>,
    /// Offsets by producer, epoch and sequence: a request that comes again changes nothing.
    taken: BTreeMap<(usize, u32, u64), i64>,
}

impl Log {
    /// Behind the last record, whatever became of its transaction.
    pub(super) fn end(&self) -> i64 {
        self.next
    }

    /// Up to here every transaction is decided.
    pub(super) fn last_stable(&self) -> i64 {
        self.open.values().copied().min().unwrap_or(self.next)
    }

    pub(super) fn append_plain(&mut self, record: Record) {
        self.push(Entry::Data { pid: None, record });
    }

    /// Appends once; `None` when a newer epoch has been seen.
    pub(super) fn append(&mut self, by: Writer, sequence: u64, record: Record) -> Option<i64> {
        if self.epochs.get(&by.pid).is_some_and(|known| *known > by.epoch) {
            return None;
        }
        if let Some(offset) = self.taken.get(&(by.pid, by.epoch, sequence)) {
            return Some(*offset);
        }
        self.epochs.insert(by.pid, by.epoch);
        self.open.entry(by.pid).or_insert(self.next);
        let offset = self.push(Entry::Data { pid: Some(by.pid), record });
        self.taken.insert((by.pid, by.epoch, sequence), offset);
        Some(offset)
    }

    /// Decides the producer's open transaction.
    pub(super) fn mark(&mut self, by: Writer, is_commit: bool) {
        self.epochs.insert(by.pid, by.epoch);
        let offset = self.push(Entry::Marker);
        if let Some(first) = self.open.remove(&by.pid)
            && !is_commit
        {
            self.aborted.push((by.pid, first, offset));
        }
    }

    fn push(&mut self, entry: Entry) -> i64 {
        self.entries.insert(self.next, entry);
        self.next += 1;
        self.next - 1
    }

    fn is_aborted(&self, pid: Option<usize>, offset: i64) -> bool {
        let is = |&(by, first, last): &(usize, i64, i64)| {
            Some(by) == pid && first <= offset && offset < last
        };
        self.aborted.iter().any(is)
    }

    /// Calls `each` with committed records from `from` on, at most `max`; gives the position behind
    /// everything that was passed.
    pub(super) fn read_committed(
        &self,
        from: i64,
        max: usize,
        mut each: impl FnMut(i64, &Record),
    ) -> i64 {
        let end = self.last_stable();
        let mut count = 0;
        for (&offset, entry) in self.entries.range(from..end.max(from)) {
            if count == max {
                return offset;
            }
            if let Entry::Data { pid, record } = entry
                && !self.is_aborted(*pid, offset)
            {
                each(offset, record);
                count += 1;
            }
        }
        from.max(end)
    }

    /// Calls `each` with every record from `from` on, at most `max`, as a reader of uncommitted
    /// records would.
    pub(super) fn read_all(&self, from: i64, max: usize, mut each: impl FnMut(i64, &Record)) {
        let data = self.entries.range(from..).filter_map(|(offset, entry)| match entry {
            Entry::Data { record, .. } => Some((*offset, record)),
            Entry::Marker => None,
        });
        data.take(max).for_each(|(offset, record)| each(offset, record));
    }

    /// The first position whose record is not older than `time`.
    pub(super) fn first_since(&self, time: i64) -> i64 {
        let mut data = self.entries.iter().filter_map(|(offset, entry)| match entry {
            Entry::Data { record, .. } => Some((*offset, record.time)),
            Entry::Marker => None,
        });
        data.find(|(_, at)| *at >= time).map_or(self.next, |(offset, _)| offset)
    }

    /// Keeps the last committed record of each key; of tombstones those that are not older than
    /// `tombstones_since`. Offsets stay.
    pub(super) fn compact(&mut self, tombstones_since: i64) {
        let end = self.last_stable();
        let mut last: BTreeMap<Vec<u8>, i64> = BTreeMap::new();
        self.read_committed(0, usize::MAX, |offset, record| {
            last.insert(record.key.clone(), offset);
        });
        let gone: Vec<i64> = self
            .entries
            .range(..end)
            .filter(|(offset, entry)| match entry {
                Entry::Data { pid, record } => {
                    let is_last = last.get(&record.key) == Some(offset);
                    let is_old = record.value.is_none() && record.time < tombstones_since;
                    !is_last || is_old || self.is_aborted(*pid, **offset)
                }
                Entry::Marker => true,
            })
            .map(|(offset, _)| *offset)
            .collect();
        for offset in gone {
            self.entries.remove(&offset);
        }
    }

    /// The rows that committed records before `end` leave.
    pub(super) fn fold(&self, end: i64) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let mut rows = BTreeMap::new();
        self.read_committed(0, usize::MAX, |offset, record| {
            if offset < end {
                match &record.value {
                    Some(value) => drop(rows.insert(record.key.clone(), value.clone())),
                    None => drop(rows.remove(&record.key)),
                }
            }
        });
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Writer = Writer { pid: 1, epoch: 0 };
    const TWO: Writer = Writer { pid: 2, epoch: 0 };

    fn record(key: &str) -> Record {
        Record { key: key.as_bytes().to_vec(), value: Some(vec![1]), time: 0 }
    }

    fn seen(log: &Log) -> (String, i64) {
        let mut keys = String::new();
        let end = log.read_committed(0, 100, |_, record| {
            keys.push_str(&String::from_utf8_lossy(&record.key));
        });
        (keys, end)
    }

    #[test]
    fn a_reader_of_committed_records_stops_before_an_open_transaction() {
        let mut log = Log::default();
        log.append(ONE, 1, record("a"));
        log.append(TWO, 1, record("b"));
        log.mark(TWO, true);
        assert_eq!((seen(&log), log.end()), ((String::new(), 0), 3));

        log.mark(ONE, false);
        assert_eq!(seen(&log), ("b".to_owned(), 4));
    }

    #[test]
    fn a_request_that_comes_again_and_one_of_an_old_epoch_change_nothing() {
        let mut log = Log::default();
        assert_eq!(log.append(ONE, 1, record("a")), Some(0));
        assert_eq!(log.append(ONE, 1, record("a")), Some(0));
        log.mark(Writer { pid: 1, epoch: 1 }, false);
        assert_eq!(log.append(ONE, 2, record("b")), None);
        assert_eq!(log.end(), 2);
    }

    #[test]
    fn compaction_keeps_the_last_of_each_key_and_young_tombstones() {
        let mut log = Log::default();
        for (at, key) in ["a", "b", "a"].into_iter().enumerate() {
            log.append(ONE, at as u64, record(key));
        }
        let tombstone = |time| Record { key: b"b".to_vec(), value: None, time };
        log.append(ONE, 9, tombstone(50));
        log.mark(ONE, true);
        let before = log.fold(log.end());

        log.compact(40);
        assert_eq!((log.entries.len(), log.fold(log.end())), (2, before.clone()));
        log.compact(60);
        assert_eq!((log.entries.len(), log.fold(log.end())), (1, before));
        assert_eq!(log.end(), 5);
    }
}
