//! One event in a page: the bytes, and reading them back.
//!
//! | part | bytes |
//! |---|---|
//! | layout's number in the page, doubled; + 1 when the id is a GUID | varint |
//! | time − the page's base, milliseconds | signed varint |
//! | for each list: group and the group's entry before this one | see [`put_group`] |
//! | for each amount: 0, or 1 and the amount | byte, varint |
//! | id | 16 bytes, or length and text |
//! | for each text field: how many, then each: see [`put_text`] | varints, bytes |

use super::super::StateError;
use super::layout::Layout;
use super::page::Place;
use super::texts::Texts;
use crate::event::EventId;
use crate::state::CacheKey;
use crate::state::codec::{Reader, put_bytes, put_number};
use crate::units::EventTime;

/// How a group is named in an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::detect) enum GroupName {
    /// For the first time in its page: by its key; the group's entry before, when one is left.
    Key(CacheKey, Option<Place>),
    /// By its number in the page; the entry before lies in the same page, so many bytes before.
    Known { number: u16, back: u32 },
}

/// Appends a group: 0, key and the place of the entry before as commits back + 1 (0 = none), part
/// and offset; or number + 1 and the distance to the entry before.
pub(super) fn put_group(name: GroupName, page: u64, into: &mut Vec<u8>) {
    match name {
        GroupName::Known { number, back } => {
            put_number(into, u64::from(number) + 1);
            put_number(into, u64::from(back));
        }
        GroupName::Key(key, before) => {
            into.push(0);
            into.extend_from_slice(&key.to_bytes());
            let Some(before) = before else {
                into.push(0);
                return;
            };
            let (sequence, part) = Place::split(before.page);
            put_number(into, Place::split(page).0.saturating_sub(sequence) + 1);
            put_number(into, part);
            put_number(into, u64::from(before.offset));
        }
    }
}

/// Appends an amount.
pub(super) fn put_amount(amount: Option<u64>, into: &mut Vec<u8>) {
    into.push(u8::from(amount.is_some()));
    if let Some(amount) = amount {
        put_number(into, amount);
    }
}

/// Appends an id.
pub(super) fn put_id(id: &EventId, into: &mut Vec<u8>) {
    match id {
        EventId::Guid(bytes) => into.extend_from_slice(bytes),
        EventId::Text(text) => put_bytes(into, text.as_bytes()),
    }
}

/// A text in an entry, or the number of one that is kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text<'t> {
    Here(&'t str),
    Kept(u64),
}

/// Appends a text: twice its length and the text; or twice the commits since it was written, + 1,
/// and its number in that commit.
pub(super) fn put_text(text: Text<'_>, page: u64, into: &mut Vec<u8>) {
    match text {
        Text::Here(text) => {
            put_number(into, (text.len() as u64) << 1);
            into.extend_from_slice(text.as_bytes());
        }
        Text::Kept(number) => {
            let (sequence, part) = Place::split(number);
            put_number(into, (Place::split(page).0.saturating_sub(sequence) << 1) | 1);
            put_number(into, part);
        }
    }
}

fn read_text<'p>(reader: &mut Reader<'p>, page: u64) -> Result<Text<'p>, StateError> {
    let head = reader.number()?;
    if head & 1 == 0 {
        let length = usize::try_from(head >> 1).map_err(|_| reader.damaged())?;
        return Ok(Text::Here(reader.text_of(length)?));
    }
    let sequence = Place::split(page).0.checked_sub(head >> 1).ok_or_else(|| reader.damaged())?;
    let number = Place::join(sequence, reader.number()?).ok_or_else(|| reader.damaged())?;
    Ok(Text::Kept(number))
}

/// An entry of a page, read up to its groups.
#[derive(Debug, Clone)]
pub(in crate::detect) struct Entry<'p> {
    pub(in crate::detect) layout: &'p Layout,
    pub(in crate::detect) time: EventTime,
    is_guid: bool,
    groups: Reader<'p>,
    /// Where the entry starts.
    at: Place,
    texts: &'p Texts,
}

impl<'p> Entry<'p> {
    /// Starts to read at `at`, whose page's entries are `body`.
    pub(super) fn read(
        body: &'p [u8],
        at: Place,
        base: EventTime,
        texts: &'p Texts,
        layout_of: impl FnOnce(usize) -> Option<&'p Layout>,
    ) -> Result<Self, StateError> {
        let mut reader =
            Reader::new("a journal entry", body.get(at.offset as usize..).unwrap_or(&[]));
        let head = reader.number()?;
        let number = usize::try_from(head >> 1).map_err(|_| reader.damaged())?;
        let layout = layout_of(number).ok_or_else(|| reader.damaged())?;
        let time = EventTime::from_millis(base.as_millis().wrapping_add(reader.signed()?));
        Ok(Self { layout, time, is_guid: head & 1 == 1, groups: reader, at, texts })
    }

    /// Calls `each` with the index of each list, and its group; `None` for the rest of the entry.
    pub(in crate::detect) fn groups(
        &self,
        mut each: impl FnMut(usize, GroupName),
    ) -> Result<Facts<'p>, StateError> {
        let mut reader = self.groups.clone();
        for list in 0..self.layout.lists.len() {
            each(list, read_group(&mut reader, self.at.page)?);
        }
        let Self { layout, is_guid, texts, .. } = *self;
        Ok(Facts { layout, is_guid, reader, texts, page: self.at.page })
    }

    /// The group's entry before this one, and the rest of the entry.
    pub(in crate::detect) fn before(
        &self,
        list: u16,
    ) -> Result<(Option<Place>, Facts<'p>), StateError> {
        let mut before = None;
        let facts = self.groups(|at, name| {
            if at == usize::from(list) {
                before = match name {
                    GroupName::Key(_, before) => before,
                    GroupName::Known { back, .. } => {
                        let offset = self.at.offset.saturating_sub(back);
                        Some(Place { page: self.at.page, offset })
                    }
                };
            }
        })?;
        // A chain that does not go back would never end.
        if before.is_some_and(|before| before >= self.at) {
            return Err(self.groups.damaged());
        }
        Ok((before, facts))
    }
}

fn read_group(reader: &mut Reader<'_>, page: u64) -> Result<GroupName, StateError> {
    let number = reader.number()?;
    if let Some(number) = number.checked_sub(1) {
        let number = u16::try_from(number).map_err(|_| reader.damaged())?;
        return Ok(GroupName::Known { number, back: reader.narrow()? });
    }
    let key = CacheKey::from_bytes(reader.array()?);
    let Some(commits) = reader.number()?.checked_sub(1) else {
        return Ok(GroupName::Key(key, None));
    };
    let sequence = Place::split(page).0.checked_sub(commits).ok_or_else(|| reader.damaged())?;
    let page = Place::join(sequence, reader.number()?).ok_or_else(|| reader.damaged())?;
    Ok(GroupName::Key(key, Some(Place { page, offset: reader.narrow()? })))
}

/// The rest of an entry: amounts, id and texts.
#[derive(Debug, Clone)]
pub(in crate::detect) struct Facts<'p> {
    layout: &'p Layout,
    is_guid: bool,
    reader: Reader<'p>,
    texts: &'p Texts,
    page: u64,
}

impl<'p> Facts<'p> {
    /// The amounts in the layout's order.
    pub(in crate::detect) fn amounts(
        &mut self,
        mut each: impl FnMut(usize, Option<u64>),
    ) -> Result<(), StateError> {
        for at in 0..self.layout.amounts.len() {
            let amount = match self.reader.byte()? {
                0 => None,
                1 => Some(self.reader.number()?),
                _ => return Err(self.reader.damaged()),
            };
            each(at, amount);
        }
        Ok(())
    }

    /// The id; after the amounts.
    pub(in crate::detect) fn id(&mut self) -> Result<EventId, StateError> {
        Ok(if self.is_guid {
            EventId::Guid(self.reader.array()?)
        } else {
            EventId::Text(self.reader.text()?.into())
        })
    }

    /// The texts with the index of their field; after the id.
    pub(in crate::detect) fn texts(
        &mut self,
        mut each: impl FnMut(usize, &'p str),
    ) -> Result<(), StateError> {
        let (texts, damaged) = (self.texts, self.reader.damaged());
        let mut is_lost = false;
        self.raw_texts(|at, text| match text {
            Text::Here(text) => each(at, text),
            Text::Kept(number) => match texts.get(number) {
                Some(text) => each(at, text),
                None => is_lost = true,
            },
        })?;
        if is_lost { Err(damaged) } else { Ok(()) }
    }

    /// The texts as they stand in the entry; after the id.
    pub(super) fn raw_texts(
        &mut self,
        mut each: impl FnMut(usize, Text<'p>),
    ) -> Result<(), StateError> {
        for at in 0..self.layout.texts.len() {
            for _ in 0..self.reader.count()? {
                each(at, read_text(&mut self.reader, self.page)?);
            }
        }
        Ok(())
    }

    /// Bytes that are left behind what was read.
    pub(super) fn left(&self) -> usize {
        self.reader.left()
    }
}
