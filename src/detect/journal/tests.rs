//! Pages come back as they were written; chains lead to every event of a group; damage is told.

use super::*;
use crate::state::MemoryStore;
use proptest::collection::vec;
use proptest::prelude::*;

/// An event: its group, time, id, amount and texts.
type Written = (u8, i32, EventId, Option<u64>, Vec<String>);

fn ids() -> impl Strategy<Value = EventId> {
    prop_oneof![
        any::<[u8; 16]>().prop_map(EventId::Guid),
        any::<String>().prop_map(|text| EventId::Text(text.into())),
    ]
}

fn events() -> impl Strategy<Value = Vec<Written>> {
    vec((0u8..5, any::<i32>(), ids(), any::<Option<u64>>(), vec(texts(), 0..3)), 1..200)
}

/// Short ones, and a few long ones that come again.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), (0u8..4).prop_map(|number| format!("{number}").repeat(30))]
}

const LIST: u64 = 0xA11CE;

fn layout(layouts: &mut Layouts) -> u32 {
    layouts.number_of(&Layout {
        lists: vec![LIST],
        states: vec![LayoutState { tag: 7, list: 0, amount: Some(0) }],
        amounts: vec![11],
        texts: vec![12],
    })
}

fn key(group: u8) -> CacheKey {
    CacheKey(u64::from(group), 99)
}

/// Writes events, commits after every tenth, and gives the groups' last places.
fn write(
    events: &[Written],
    layouts: &mut Layouts,
) -> (Journal, MemoryStore, Vec<Option<(Place, u16)>>) {
    let (mut journal, mut store) = (Journal::new(3), MemoryStore::default());
    let layout = layout(layouts);
    let mut last: Vec<Option<(Place, u16)>> = vec![None; 5];
    let mut sequence = 1;
    for (at, (group, time, id, amount, texts)) in events.iter().enumerate() {
        let time = EventTime::from_millis(i64::from(*time));
        let mut entry = journal.begin(layout, (time, time), id);
        let number = entry.group(key(*group), last[usize::from(*group)]);
        last[usize::from(*group)] = Some((entry.place, number));
        entry.amount(*amount);
        entry.id(id);
        entry.count_texts(texts.len());
        for text in texts {
            entry.text(text, true);
        }
        entry.end();
        if at % 10 == 9 {
            let mut changes = Changes::default();
            journal.collect(layouts, &mut changes);
            store.apply(&changes, None).unwrap();
            journal.set_committed();
            sequence += 1;
            journal.set_sequence(sequence);
        }
    }
    (journal, store, last)
}

/// Everything along a group's chain, oldest first.
fn chain(
    journal: &Journal,
    store: &MemoryStore,
    layouts: &Layouts,
    last: Option<(Place, u16)>,
) -> Vec<(EventTime, EventId, Option<u64>, Vec<String>)> {
    let (mut found, mut spare) = (Vec::new(), Spare::default());
    let mut next = last.map(|(place, _)| place);
    while let Some(at) = next {
        let entry = journal.entry(at, store, layouts, &mut spare).unwrap().unwrap();
        let (before, mut facts) = entry.before(0).unwrap();
        let (mut amount, mut texts) = (None, Vec::new());
        facts.amounts(|_, one| amount = one).unwrap();
        let id = facts.id().unwrap();
        facts.texts(|_, text| texts.push(text.to_owned())).unwrap();
        found.push((entry.time, id, amount, texts));
        next = before;
    }
    found.reverse();
    found
}

proptest! {
    #[test]
    fn a_chain_leads_to_every_event_of_its_group_in_memory_and_in_the_store(events in events()) {
        let mut layouts = Layouts::default();
        let (mut journal, store, last) = write(&events, &mut layouts);
        for shrunk in [false, true] {
            if shrunk {
                journal.shrink_to(0);
            }
            for group in 0..5u8 {
                let expected: Vec<_> = events
                    .iter()
                    .filter(|(own, ..)| *own == group)
                    .map(|(_, time, id, amount, texts)| {
                        let time = EventTime::from_millis(i64::from(*time));
                        (time, id.clone(), *amount, texts.clone())
                    })
                    .collect();
                let found = chain(&journal, &store, &layouts, last[usize::from(group)]);
                prop_assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn a_restored_journal_gives_the_same_groups(events in events()) {
        let mut layouts = Layouts::default();
        let (_, store, _) = write(&events, &mut layouts);
        let committed = events.len() / 10 * 10;
        let (mut restored, mut fresh) = (Journal::new(3), Layouts::default());
        let mut last: Vec<Option<(Place, u16)>> = vec![None; 5];
        let mut seen = 0;
        for (row, value) in store.iter() {
            let number = match RowKey::read(row).unwrap() {
                RowKey::Page { class: 3, number } => number,
                RowKey::Text { class: 3, number } => {
                    restored.restore_text(number, value).unwrap();
                    continue;
                }
                other => panic!("neither text nor page: {other:?}"),
            };
            restored.restore(number, value, &mut fresh, &mut |entry| {
                let (group, number) = entry.groups[0];
                assert_eq!(group, key(events[seen].0));
                assert_eq!(entry.amounts, &[events[seen].3]);
                last[usize::try_from(group.0).unwrap()] = Some((entry.place, number));
                seen += 1;
            }).unwrap();
        }
        prop_assert_eq!(seen, committed);
        for group in 0..5u8 {
            let expected = events[..committed].iter().filter(|(own, ..)| *own == group).count();
            let found = chain(&restored, &store, &fresh, last[usize::from(group)]);
            prop_assert_eq!(found.len(), expected);
        }
    }

    #[test]
    fn damaged_pages_never_panic(bytes: Vec<u8>, events in events(), cut: usize, flip: usize) {
        let mut layouts = Layouts::default();
        let mut each = |_: Restored<'_>| {};
        let mut row = vec![1];
        row.extend_from_slice(&bytes);
        let _ = Journal::new(0).restore(1, &row, &mut layouts, &mut each);
        let (_, store, _) = write(&events, &mut layouts);
        for (_, value) in store.iter() {
            let mut value = value.to_vec();
            value.truncate(cut % (value.len() + 1));
            if !value.is_empty() {
                let at = flip % value.len();
                value[at] ^= 1 << (flip % 8);
            }
            let _ = Journal::new(0).restore(1, &value, &mut layouts, &mut each);
        }
    }
}

#[test]
fn a_page_of_a_newer_version_is_told_apart_from_damage() {
    let mut each = |_: Restored<'_>| {};
    let read = Journal::new(0).restore(1, &[9], &mut Layouts::default(), &mut each);
    assert!(matches!(read, Err(StateError::Newer(9))));
}

#[test]
fn pages_leave_in_the_order_in_which_they_came() {
    let mut layouts = Layouts::default();
    let layout = layout(&mut layouts);
    let mut journal = Journal::new(0);
    let minute = |number: i64| EventTime::from_millis(number * 60_000);
    let id = EventId::Guid([0; 16]);
    for (sequence, due) in [(1, 9), (2, 3), (3, 12)] {
        journal.set_sequence(sequence);
        let mut entry = journal.begin(layout, (minute(0), minute(due)), &id);
        entry.group(key(0), None);
        entry.amount(None);
        entry.id(&id);
        entry.count_texts(0);
        entry.end();
        journal.set_committed();
    }
    let mut tombstones = Vec::new();

    // The second is needless after three minutes, but the first, from which nothing may be missing
    // behind it, is needed for nine.
    assert!(!journal.expire(minute(8), &mut tombstones));
    assert!(journal.expire(minute(9), &mut tombstones));
    assert_eq!(tombstones.len(), 2);
    assert!(journal.expire(minute(12), &mut tombstones));
    assert_eq!((tombstones.len(), journal.first_page()), (3, u64::MAX));
}

#[test]
fn a_text_is_written_once_and_leaves_with_the_last_page_that_names_it() {
    let mut layouts = Layouts::default();
    let layout = layout(&mut layouts);
    let mut journal = Journal::new(0);
    let minute = |number: i64| EventTime::from_millis(number * 60_000);
    let id = EventId::Guid([0; 16]);
    let agent = "an agent that is long enough to be kept";
    let mut rows = Vec::new();
    for (sequence, due) in [(1, 3), (2, 6), (3, 9)] {
        journal.set_sequence(sequence);
        let mut entry = journal.begin(layout, (minute(0), minute(due)), &id);
        entry.group(key(0), None);
        entry.amount(None);
        entry.id(&id);
        entry.count_texts(1);
        entry.text(if sequence < 3 { agent } else { "short" }, true);
        entry.end();
        let mut changes = Changes::default();
        journal.collect(&layouts, &mut changes);
        rows.push(changes.len());
        journal.set_committed();
    }
    let mut tombstones = Vec::new();

    journal.expire(minute(3), &mut tombstones);
    let before = tombstones.len();
    journal.expire(minute(6), &mut tombstones);

    assert_eq!(rows, [2, 1, 1]);
    assert_eq!((before, tombstones.len()), (1, 3));
    assert!(tombstones.iter().any(|row| matches!(row, RowKey::Text { .. })));
}

#[test]
fn a_commit_that_was_not_made_writes_its_entries_with_the_next() {
    let mut layouts = Layouts::default();
    let layout = layout(&mut layouts);
    let mut journal = Journal::new(0);
    let id = EventId::Text("x".into());
    let write = |journal: &mut Journal| {
        let mut entry = journal.begin(layout, (EventTime::default(), EventTime::default()), &id);
        entry.group(key(1), None);
        entry.amount(Some(5));
        entry.id(&id);
        entry.count_texts(0);
        entry.end();
    };
    write(&mut journal);
    let mut lost = Changes::default();
    journal.collect(&layouts, &mut lost);
    write(&mut journal);
    let mut changes = Changes::default();
    journal.collect(&layouts, &mut changes);

    let (one, other) = (lost.iter().next().unwrap(), changes.iter().next().unwrap());
    assert_eq!((one.key, changes.len()), (other.key, 1));
    assert!(one.value.unwrap().len() < other.value.unwrap().len());
}
