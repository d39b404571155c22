//! The last event of a window comes back as it was, and damaged rows are told.

use super::super::limits::Limits;
use super::super::sighting::Sighting;
use super::*;
use crate::event::FieldSet;

fn plan(fields: &FieldSet) -> Plan {
    Plan::new(&[], fields, &Limits::default())
}

fn values() -> Vec<Value<'static>> {
    vec![
        Value::Text("alice".into()),
        Value::Absent,
        Value::Null,
        Value::List(vec![
            Value::Bool(true),
            Value::List(vec![Value::Number(Number::Float(0.5)), Value::Bool(false)]),
            Value::Number(Number::Signed(-7)),
        ]),
        Value::Object("{\"a\":1}".into()),
        Value::Number(Number::Unsigned(u64::MAX)),
    ]
}

fn fields() -> FieldSet {
    let mut fields = FieldSet::default();
    for name in ["who", "absent", "null", "list", "object", "number"] {
        fields.intern(name);
    }
    fields
}

fn row_of(values: Vec<Value<'_>>, raw: &[u8], keeps: &[FieldId], plan: &Plan) -> Vec<u8> {
    let event = Event {
        source: Source::CloudTrail,
        time: EventTime::from_millis(5),
        identity: Identity(1),
        shared_identity: None,
        id: "one".into(),
        raw,
        values,
    };
    let id = EventId::Guid([7; 16]);
    let origin = Origin {
        partition: PartitionId(3),
        offset: Offset(44),
        record_time: Some(RecordTime::from_millis(6)),
        wall: WallTime::from_millis(1),
    };
    let seen = Sighting { event: &event, id: &id, time: EventTime::from_millis(-9) };
    let mut row = Vec::new();
    write(Trigger { seen, origin: &origin, is_late: false }, 2, (plan, keeps), &mut row);
    row
}

#[test]
fn the_last_event_comes_back_as_it_was_and_with_the_time_of_now() {
    let (fields, now) = (fields(), WallTime::from_millis(99));
    let (plan, keeps) = (plan(&fields), (0..6).map(FieldId).collect::<Vec<_>>());
    let row = row_of(values(), b"{}", &keeps, &plan);

    let of = (Source::CloudTrail, keeps.as_slice(), fields.len());
    let last = Contributed::read(&row, &plan, of, now).unwrap();

    assert_eq!((last.event.values, last.event.raw), (values(), &b"{}"[..]));
    assert_eq!((last.id, last.time.as_millis(), last.way), (EventId::Guid([7; 16]), -9, 2));
    assert_eq!((last.origin.partition, last.origin.offset), (PartitionId(3), Offset(44)));
    assert_eq!(
        (last.origin.record_time, last.origin.wall),
        (Some(RecordTime::from_millis(6)), now)
    );
}

#[test]
fn fields_that_no_rule_asks_for_any_more_are_passed_over() {
    let fields = fields();
    let (plan, keeps) = (plan(&fields), (0..6).map(FieldId).collect::<Vec<_>>());
    let row = row_of(values(), b"{}", &keeps, &plan);

    let of = (Source::CloudTrail, &[FieldId(5)][..], fields.len());
    let last = Contributed::read(&row, &plan, of, WallTime::from_millis(0)).unwrap();

    let there = last.event.values.iter().filter(|value| **value != Value::Absent).count();
    assert_eq!((there, last.event.value(FieldId(5))), (1, &values()[5]));
}

#[test]
fn a_row_fits_into_a_record_whatever_is_in_the_event() {
    let fields = fields();
    let (plan, keeps) = (plan(&fields), (0..6).map(FieldId).collect::<Vec<_>>());
    let long = "x".repeat(1 << 20);
    let mut values = values();
    values[0] = Value::Text(long.as_str().into());

    let row = row_of(values, long.as_bytes(), &keeps, &plan);

    assert!(row.len() < 1000, "{}", row.len());
    let of = (Source::CloudTrail, keeps.as_slice(), fields.len());
    let last = Contributed::read(&row, &plan, of, WallTime::from_millis(0)).unwrap();
    assert_eq!((last.event.raw, last.event.value(FieldId(4))), (&b""[..], &self::values()[4]));
}

#[test]
fn damaged_rows_are_told_and_never_panic() {
    let fields = fields();
    let (plan, keeps) = (plan(&fields), (0..6).map(FieldId).collect::<Vec<_>>());
    let row = row_of(values(), b"{\"eventID\":\"x\"}", &keeps, &plan);
    let of = (Source::CloudTrail, keeps.as_slice(), fields.len());
    let read = |row: &[u8]| Contributed::read(row, &plan, of, WallTime::from_millis(0)).is_ok();
    let head =
        row.len() - row_of(vec![Value::Absent; 6], b"{\"eventID\":\"x\"}", &keeps, &plan).len();
    for length in 0..row.len() - head {
        assert!(!read(&row[..length]), "{length}");
    }
    for at in 0..row.len() {
        for byte in [0, 1, 9, 0x7f, 0x80, 0xff] {
            let mut damaged = row.clone();
            damaged[at] = byte;
            read(&damaged);
        }
    }
}
