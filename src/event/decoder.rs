//! Reads one Kafka record, or one file's bytes: unwraps containers and hands over each entry in order.
//!
//! The usual record, a single CloudTrail event, takes one pass over its bytes and allocates nothing.
//! Anything else is found out afterwards, by what the pass noticed: a name that only containers have, or
//! a document that is no record. Containers nest a few levels; memory is bounded by the record and by
//! [`DecodeLimits::max_inflated_bytes`].

use super::cloudtrail::{
    Context, Input, Kind, Raw, has_unreadable_policy, judge, judge_record, shared_identity,
};
use super::container::{self, Shape};
use super::entry::{Entry, Event, Identity, Refusal, RefusalReason, Skip, Source};
use super::field::FieldSet;
use super::gzip::{self, InflateError};
use super::lines::{Piece, PieceKind, Pieces};
use super::projection::Projection;
use super::raw;
use super::reader::Reader;
use super::time::parse_event_time;
use super::value::{Number, Value};
use super::walk::Reading;
use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::cell::OnceCell;

/// What a source's records are expected to be; the values of `[[source]] format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Every entry says itself what it is.
    #[default]
    Auto,
    /// CloudTrail: a record cut down by a pipeline (no `eventVersion`) is still taken as one.
    CloudTrail,
}

/// Bounds of what one record may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Longest single entry, in bytes of its JSON text. A container may be longer.
    pub max_record_bytes: usize,
    /// Longest text: what compressed bytes may inflate to, and what is looked at in one piece.
    pub max_inflated_bytes: usize,
}

impl Default for DecodeLimits {
    /// 1 MiB for an entry (CloudTrail's own bound), 64 MiB inflated.
    fn default() -> Self {
        DecodeLimits { max_record_bytes: 1 << 20, max_inflated_bytes: 64 << 20 }
    }
}

/// How deep containers may nest: gzip of a CloudWatch payload of array of records is three.
const NESTING_MAX: usize = 5;

/// Reads records into events with the wanted fields. One for each thread: it keeps its buffers.
#[derive(Debug)]
pub struct Decoder {
    reader: Reader,
    format: Format,
    limits: DecodeLimits,
    bad_policies: u64,
}

impl Decoder {
    /// A decoder that extracts `fields` and nothing else.
    #[must_use]
    pub fn new(fields: &FieldSet, format: Format, limits: DecodeLimits) -> Decoder {
        let reader = Reader::new(Projection::new(fields));
        Decoder { reader, format, limits, bad_policies: 0 }
    }

    /// How many events since the last call brought a policy that cannot be read (sources.md §2.7.1);
    /// none are counted where no field is made from policies.
    pub fn take_bad_policies(&mut self) -> u64 {
        std::mem::take(&mut self.bad_policies)
    }

    /// Hands each entry of the record to `each`, in order; at least one, whatever the bytes are.
    ///
    /// # Errors
    /// What `each` returns, at once.
    pub fn decode<E>(
        &mut self,
        record: &[u8],
        mut each: impl FnMut(Entry<'_, '_>) -> Result<(), E>,
    ) -> Result<(), E> {
        Run { decoder: self, each: &mut each }.bytes(record, 0)
    }
}

/// Where an entry stands in its record.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    index: Option<usize>,
    line: Option<usize>,
    /// How many containers are around it.
    nesting: usize,
}

impl Place {
    /// The place of an element of the container at this place.
    fn element(self, index: usize) -> Place {
        Place { index: Some(index), nesting: self.nesting + 1, ..self }
    }
}

/// One call of [`Decoder::decode`].
struct Run<'d, F> {
    decoder: &'d mut Decoder,
    each: &'d mut F,
}

impl<F, E> Run<'_, F>
where
    F: FnMut(Entry<'_, '_>) -> Result<(), E>,
{
    fn skip(&mut self, skip: Skip) -> Result<(), E> {
        (self.each)(Entry::Skipped(skip))
    }

    fn refuse(
        &mut self,
        place: Place,
        reason: RefusalReason,
        detail: impl Into<String>,
    ) -> Result<(), E> {
        let Place { index, line, .. } = place;
        (self.each)(Entry::Refused(Refusal { reason, index, line, detail: detail.into() }))
    }

    /// Rows 1 to 3 of sources.md §3.1: compression, base64, byte order mark.
    fn bytes(&mut self, bytes: &[u8], nesting: usize) -> Result<(), E> {
        let place = Place { nesting, ..Place::default() };
        if bytes.is_empty() {
            return self.skip(Skip::Empty);
        }
        // Nearly every record is one document.
        if bytes.first() == Some(&b'{') {
            if let Some((text, reading)) = self.decoder.reader.read_usual(bytes) {
                return self.document(text, reading, place);
            }
            return self.checked(bytes, place);
        }
        if gzip::is_gzip(bytes) {
            return self.gzip(bytes, place);
        }
        if let Some(packed) = gzip::base64_gzip(bytes) {
            return self.gzip(&packed, place);
        }
        self.checked(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes), place)
    }

    /// Text, if it is some.
    #[inline]
    fn checked(&mut self, bytes: &[u8], place: Place) -> Result<(), E> {
        match simdutf8::basic::from_utf8(bytes) {
            Ok(text) => self.text(text, place),
            Err(_) => self.not_utf8(bytes, place),
        }
    }

    fn gzip(&mut self, bytes: &[u8], place: Place) -> Result<(), E> {
        if place.nesting >= NESTING_MAX {
            return self.refuse(place, RefusalReason::Envelope, "compressed again and again");
        }
        let limit = self.decoder.limits.max_inflated_bytes;
        match gzip::inflate(bytes, limit) {
            Ok(inflated) => self.bytes(&inflated, place.nesting + 1),
            Err(InflateError::Broken) => {
                self.refuse(place, RefusalReason::Envelope, "gzip that is cut off or damaged")
            }
            Err(InflateError::TooLarge) => {
                let detail = format!("inflates to more than {limit} bytes");
                self.refuse(place, RefusalReason::TooLarge, detail)
            }
        }
    }

    /// A text of JSON lines loses only the lines that are no UTF-8; anything else is refused whole.
    fn not_utf8(&mut self, bytes: &[u8], place: Place) -> Result<(), E> {
        const DETAIL: &str = "bytes that are no UTF-8";
        let is_document = |line: &[u8]| {
            line.starts_with(b"{")
                && simdutf8::basic::from_utf8(line).is_ok()
                && serde_json::from_slice::<IgnoredAny>(line).is_ok()
        };
        if !bytes.split(|&byte| byte == b'\n').any(is_document) {
            return self.refuse(place, RefusalReason::Utf8, DETAIL);
        }
        for (at, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
            let place = Place { index: Some(at), line: Some(at + 1), ..place };
            match simdutf8::basic::from_utf8(line) {
                Ok(text) if text.trim_ascii().is_empty() => {}
                Ok(text) => self.piece_text(text.trim_ascii(), place)?,
                Err(_) => self.refuse(place, RefusalReason::Utf8, DETAIL)?,
            }
        }
        Ok(())
    }

    /// One document, several, or lines of text.
    fn text(&mut self, text: &str, place: Place) -> Result<(), E> {
        let trimmed = text.trim_ascii();
        if trimmed.is_empty() {
            return self.skip(Skip::Blank);
        }
        let mut fault = None;
        if trimmed.starts_with(['{', '['])
            && trimmed.len() <= self.decoder.limits.max_inflated_bytes
        {
            match self.decoder.reader.read(trimmed) {
                Ok(reading) => return self.document(trimmed, reading, place),
                Err(detail) => fault = Some(detail),
            }
        }
        if has_several(text) {
            return self.pieces(text, place);
        }
        if trimmed.len() > self.decoder.limits.max_inflated_bytes {
            return self.too_large(place);
        }
        match (container::foreign_line(trimmed), fault) {
            (Some(looks_like), _) => self.refuse(place, RefusalReason::Envelope, looks_like),
            (None, Some(detail)) => self.refuse(place, RefusalReason::Json, detail),
            (None, None) => self.refuse(place, RefusalReason::Json, "text that is no JSON"),
        }
    }

    /// Row 20: JSON lines and adjacent documents.
    fn pieces(&mut self, text: &str, place: Place) -> Result<(), E> {
        let mut index = 0;
        for Piece { kind, text, line, .. } in Pieces::of(text) {
            let place = Place { index: Some(index), line: Some(line), ..place };
            match kind {
                PieceKind::Blank => {
                    self.skip(Skip::Blank)?;
                    continue;
                }
                PieceKind::Document | PieceKind::Torn | PieceKind::Text => {
                    self.piece_text(text, place)?;
                }
            }
            index += 1;
        }
        Ok(())
    }

    /// One line, or one document of several.
    fn piece_text(&mut self, text: &str, place: Place) -> Result<(), E> {
        if text.len() > self.decoder.limits.max_inflated_bytes {
            return self.too_large(place);
        }
        if text.starts_with(['{', '[']) {
            return match self.decoder.reader.read(text) {
                Ok(reading) => self.document(text, reading, place),
                Err(detail) => self.refuse(place, RefusalReason::Json, detail),
            };
        }
        match container::foreign_line(text) {
            Some(looks_like) => self.refuse(place, RefusalReason::Envelope, looks_like),
            None => self.refuse(place, RefusalReason::Json, "text that is no JSON"),
        }
    }

    fn too_large(&mut self, place: Place) -> Result<(), E> {
        let limit = self.decoder.limits.max_record_bytes;
        self.refuse(place, RefusalReason::TooLarge, format!("longer than {limit} bytes"))
    }

    /// One JSON document that was walked: a record, or a container to look into.
    fn document<'a>(&mut self, text: &'a str, reading: Reading<'a>, place: Place) -> Result<(), E> {
        let marks = reading.marks;
        if !marks.is_object {
            self.decoder.reader.finish(reading);
            if text.starts_with('[') {
                return self.elements(text, place, Run::inner);
            }
            let detail = "JSON value that is no object";
            return self.refuse(place, RefusalReason::Envelope, detail);
        }
        let raw = raw_of(&self.decoder.reader.projection, &reading);
        let mut kind =
            if marks.maybe_container { Kind::Unclear } else { judge(&raw, marks.identity_kind) };
        let mut shape = None;
        if kind == Kind::Unclear {
            match container::recognise(text, self.decoder.format == Format::CloudTrail) {
                Shape::Record => kind = judge_record(&raw, marks.identity_kind),
                other => shape = Some(other),
            }
        }
        let is_record = shape.is_none();
        if is_record && text.len() > self.decoder.limits.max_record_bytes {
            self.decoder.reader.finish(reading);
            return self.too_large(place);
        }
        if kind == Kind::Event {
            return self.event(text, reading, place);
        }
        self.decoder.reader.finish(reading);
        match (kind, shape) {
            (Kind::Skip(skip), _) => self.skip(skip),
            (Kind::FieldType(name), _) => self.refuse(
                place,
                RefusalReason::FieldType,
                format!("\"{name}\" has the wrong kind"),
            ),
            (_, Some(shape)) => self.unwrap(shape, place),
            (_, None) => self.refuse(place, RefusalReason::Envelope, "no CloudTrail record"),
        }
    }

    /// Delivers what a container holds.
    fn unwrap(&mut self, shape: Shape<'_>, place: Place) -> Result<(), E> {
        match shape {
            Shape::Records(array) => self.elements(array, place, Run::inner),
            Shape::LogEvents(array) => self.elements(array, place, |run, element, place| {
                run.text_in(element, "message", place)
            }),
            Shape::LookupEvents(array) => self.elements(array, place, |run, element, place| {
                run.text_in(element, "CloudTrailEvent", place)
            }),
            Shape::Detail(detail) if place.nesting < NESTING_MAX => {
                self.inner(detail, Place { nesting: place.nesting + 1, ..place })
            }
            Shape::Detail(_) => self.nested(place),
            Shape::PackedLogs(packed) => {
                if let Some(packed) = gzip::base64_gzip(packed.as_bytes()) {
                    return self.gzip(&packed, place);
                }

                let detail = "\"awslogs\" whose data is no base64 of gzip";
                self.refuse(place, RefusalReason::Envelope, detail)
            }
            Shape::Skip(skip) => self.skip(skip),
            Shape::Refused(detail) => self.refuse(place, RefusalReason::Envelope, detail),
            Shape::Record => self.refuse(place, RefusalReason::Envelope, "no CloudTrail record"),
        }
    }

    fn nested(&mut self, place: Place) -> Result<(), E> {
        self.refuse(place, RefusalReason::Envelope, "containers inside containers")
    }

    fn elements(
        &mut self,
        array: &str,
        place: Place,
        deliver: impl Fn(&mut Self, &str, Place) -> Result<(), E>,
    ) -> Result<(), E> {
        if place.nesting >= NESTING_MAX {
            return self.nested(place);
        }
        let mut is_empty = true;
        for (index, element) in raw::elements(array).enumerate() {
            is_empty = false;
            deliver(self, element, place.element(index))?;
        }
        if is_empty { self.skip(Skip::Empty) } else { Ok(()) }
    }

    /// A document inside a container.
    fn inner(&mut self, text: &str, place: Place) -> Result<(), E> {
        match self.decoder.reader.read(text) {
            Ok(reading) => self.document(text, reading, place),
            Err(detail) => self.refuse(place, RefusalReason::Json, detail),
        }
    }

    /// A record that its container holds as text.
    fn text_in(&mut self, element: &str, name: &str, place: Place) -> Result<(), E> {
        match container::member(element, name).and_then(raw::string) {
            Some(text) if text.trim_ascii().is_empty() => self.skip(Skip::Blank),
            Some(text) => self.piece_text(text.trim_ascii(), place),
            None => {
                let detail = format!("an entry without the text \"{name}\"");
                self.refuse(place, RefusalReason::Envelope, detail)
            }
        }
    }

    /// A CloudTrail event: time, identity, derived fields.
    fn event<'a>(
        &mut self,
        text: &'a str,
        mut reading: Reading<'a>,
        place: Place,
    ) -> Result<(), E> {
        let projection = &self.decoder.reader.projection;
        let raw = raw_of(projection, &reading);
        let Some(time) = raw.text(Input::EventTime).and_then(|text| parse_event_time(text)) else {
            self.decoder.reader.finish(reading);
            return self.refuse(place, RefusalReason::NoEventTime, "no readable \"eventTime\"");
        };
        let id = raw.text(Input::EventId).cloned().unwrap_or(Cow::Borrowed(""));
        // A corrected record is the same event as the one it corrects.
        let identity = match raw.text(Input::OriginalEventId) {
            Some(original) => Identity::of_id(original),
            None if id.is_empty() => Identity::of_bytes(text.as_bytes()),
            None => Identity::of_id(&id),
        };
        let shared_identity = shared_identity(
            raw.value(Input::SharedEventId).as_text(),
            raw.value(Input::EventType).as_text(),
            raw.value(Input::EventCategory).as_text(),
        );
        let address = OnceCell::new();
        let context = Context { id: &id, identity, address: &address };
        for &(derived, slot) in projection.derived() {
            let value = derived.value(&raw_of(projection, &reading), context);
            if let Some(place) = reading.values.get_mut(usize::from(slot)) {
                put(place, value);
            }
        }
        let has_bad_policy = has_unreadable_policy(&raw_of(projection, &reading));
        self.decoder.bad_policies += u64::from(has_bad_policy);
        let values = std::mem::take(&mut reading.values);
        let source = Source::CloudTrail;
        let raw = text.as_bytes();
        let event = Event { source, time, identity, shared_identity, id, raw, values };
        let answer = (self.each)(Entry::Event(&event));
        reading.values = event.values;
        self.decoder.reader.finish(reading);
        answer
    }
}

/// Stores a derived value, the usual ones part by part: a value on the stack that was just put together
/// is slow to copy as a whole.
#[inline]
fn put<'a>(place: &mut Value<'a>, value: Value<'a>) {
    match value {
        Value::Text(Cow::Borrowed(text)) => *place = Value::Text(Cow::Borrowed(text)),
        Value::Bool(answer) => *place = Value::Bool(answer),
        Value::Number(Number::Unsigned(number)) => {
            *place = Value::Number(Number::Unsigned(number));
        }
        Value::Absent => *place = Value::Absent,
        other => *place = other,
    }
}

fn raw_of<'s, 'a>(projection: &'s Projection, reading: &'s Reading<'a>) -> Raw<'s, 'a> {
    Raw { projection, values: &reading.values, resources: &reading.resources }
}

/// Whether a text that is no single document holds several pieces, some of which stand for themselves:
/// a document begins a line. Lines inside a broken pretty-printed document are indented.
fn has_several(text: &str) -> bool {
    let (mut pieces, mut has_document) = (0usize, false);
    for piece in Pieces::of(text.trim_ascii()) {
        pieces += 1;
        has_document |= piece.kind == PieceKind::Document && piece.begins_line;
        if pieces > 1 && has_document {
            return true;
        }
    }
    false
}
