//! Events made from values instead of bytes: for rule tests and for the tests of other rooms.

use super::cloudtrail::shared_identity;
use super::entry::{Event, Identity, Source};
use super::field::FieldSet;
use super::value::Value;
use crate::units::EventTime;
use std::borrow::Cow;

impl Event<'static> {
    /// An event with the given values and the identities that the decoder would give it.
    ///
    /// Names that `fields` does not hold leave no value, but `sharedEventID`, `eventType` and
    /// `eventCategory` still make the second identity. Derived fields are taken as given, not computed.
    /// `raw` is empty.
    #[must_use]
    pub fn build(
        fields: &FieldSet,
        id: &str,
        time: EventTime,
        values: &[(&str, Value<'static>)],
    ) -> Event<'static> {
        let mut by_field = vec![Value::Absent; fields.len()];
        for (name, value) in values {
            let place = fields.get(name).and_then(|id| by_field.get_mut(usize::from(id.0)));
            if let Some(place) = place {
                *place = value.clone();
            }
        }
        let text = |wanted: &str| {
            let found = values.iter().rev().find(|(name, _)| *name == wanted);
            found.and_then(|(_, value)| value.as_text())
        };
        let identity = if id.is_empty() { Identity::of_bytes(b"") } else { Identity::of_id(id) };
        Event {
            source: Source::CloudTrail,
            time,
            identity,
            shared_identity: shared_identity(
                text("sharedEventID"),
                text("eventType"),
                text("eventCategory"),
            ),
            id: Cow::Owned(id.to_owned()),
            raw: &[],
            values: by_field,
        }
    }
}
