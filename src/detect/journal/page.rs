//! A page of the journal: one row, written by one commit and never again.
//!
//! Value: version, slot, base time, the layouts, then entries one after the other. Pages are small,
//! so that reading one entry of a page that is not in memory costs little, and so that no row
//! outgrows a Kafka record.

use super::super::StateError;
use super::super::rows::RowKey;
use super::layout::Layouts;
use crate::state::codec::{Reader, put_bytes, put_number, put_signed};
use crate::units::EventTime;

const VERSION: u8 = 1;
/// A page takes no further entry from this length on.
pub(super) const FULL_BYTES: usize = 8 << 10;
/// Bits of a page's number that count the pages of one commit.
const PART_BITS: u32 = 24;

/// Where an entry lies: they ascend in the order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::detect) struct Place {
    /// Number of the page: sequence of its commit, then its part.
    pub(in crate::detect) page: u64,
    /// Offset of the entry in the page's entries.
    pub(in crate::detect) offset: u32,
}

impl Place {
    /// Sequence and part of a page.
    pub(super) const fn split(page: u64) -> (u64, u64) {
        (page >> PART_BITS, page & ((1 << PART_BITS) - 1))
    }

    /// The number of a page.
    pub(super) fn join(sequence: u64, part: u64) -> Option<u64> {
        let fits = part < 1 << PART_BITS && sequence < 1 << (u64::BITS - PART_BITS);
        fits.then_some((sequence << PART_BITS) | part)
    }
}

/// A page whose entries are in memory, or only in the store.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) number: u64,
    /// Watermark at which nobody needs its entries any more.
    pub(super) slot: EventTime,
    /// Entries tell their times from here.
    pub(super) base: EventTime,
    /// Numbers of the layouts, by their numbers in the page.
    pub(super) layouts: Vec<u32>,
    /// The entries; empty when only the store has them.
    pub(super) body: Vec<u8>,
}

impl Page {
    /// Appends the row's value.
    pub(super) fn write(&self, layouts: &Layouts, into: &mut Vec<u8>) {
        into.push(VERSION);
        put_signed(into, self.slot.as_millis());
        put_signed(into, self.base.as_millis());
        put_number(into, self.layouts.len() as u64);
        for &layout in &self.layouts {
            put_bytes(into, layouts.bytes(layout));
        }
        into.extend_from_slice(&self.body);
    }

    /// Reads a row's value.
    pub(super) fn read(
        number: u64,
        value: &[u8],
        layouts: &mut Layouts,
    ) -> Result<Self, StateError> {
        let mut known = Vec::new();
        let (slot, base, body) = read(value, |layout| {
            known.push(layouts.number_of_bytes(layout)?);
            Ok(())
        })?;
        Ok(Self { number, slot, base, layouts: known, body: body.to_vec() })
    }

    /// Key of the row in the journal of this class.
    pub(super) const fn key(&self, class: u8) -> RowKey {
        RowKey::Page { class, number: self.number }
    }

    /// Memory in bytes.
    pub(super) fn byte_len(&self) -> usize {
        size_of::<Self>() + self.layouts.len() * size_of::<u32>() + self.body.len()
    }
}

/// The entries of a row's value.
pub(super) fn body(value: &[u8]) -> Result<&[u8], StateError> {
    read(value, |_| Ok(())).map(|(_, _, body)| body)
}

/// Slot, base and entries of a row's value; `layout` is given the bytes of each layout.
fn read(
    value: &[u8],
    mut layout: impl FnMut(&[u8]) -> Result<(), StateError>,
) -> Result<(EventTime, EventTime, &[u8]), StateError> {
    let mut reader = Reader::new("a journal page", value);
    reader.version(VERSION)?;
    let slot = EventTime::from_millis(reader.signed()?);
    let base = EventTime::from_millis(reader.signed()?);
    for _ in 0..reader.count()? {
        layout(reader.bytes()?)?;
    }
    Ok((slot, base, value.get(value.len() - reader.left()..).unwrap_or_default()))
}
