//! What the entries of one kind hold: which states counted the event, in which groups, what of it.
//!
//! A page names its layouts once, so an entry says one number. Everything is named by fingerprints
//! of names, never by numbers of loaded rules: a page is read by whatever rules are loaded then.

use super::super::StateError;
use crate::state::codec::{Reader, put_number};

/// One kind of entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::detect) struct Layout {
    /// Fingerprints of the field lists that the event was grouped by.
    pub(in crate::detect) lists: Vec<u64>,
    /// The states that counted the event.
    pub(in crate::detect) states: Vec<LayoutState>,
    /// Fingerprints of the fields whose amounts are kept.
    pub(in crate::detect) amounts: Vec<u64>,
    /// Fingerprints of the fields whose texts are kept.
    pub(in crate::detect) texts: Vec<u64>,
}

/// A state in a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::detect) struct LayoutState {
    /// Its tag.
    pub(in crate::detect) tag: u64,
    /// Which of the lists groups it.
    pub(in crate::detect) list: u16,
    /// Which of the amounts it sums; `None` counts events.
    pub(in crate::detect) amount: Option<u16>,
}

impl Layout {
    /// The layout's bytes in a page.
    pub(in crate::detect) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_tags(&self.lists, &mut bytes);
        put_tags(&self.amounts, &mut bytes);
        put_tags(&self.texts, &mut bytes);
        put_number(&mut bytes, self.states.len() as u64);
        for state in &self.states {
            bytes.extend_from_slice(&state.tag.to_be_bytes());
            put_number(&mut bytes, u64::from(state.list));
            put_number(&mut bytes, state.amount.map_or(0, |amount| u64::from(amount) + 1));
        }
        bytes
    }

    /// Reads [`Layout::to_bytes`].
    pub(super) fn read(bytes: &[u8]) -> Result<Self, StateError> {
        let mut reader = Reader::new("a journal page", bytes);
        let (lists, amounts, texts) =
            (read_tags(&mut reader)?, read_tags(&mut reader)?, read_tags(&mut reader)?);
        let mut states = Vec::new();
        for _ in 0..reader.count()? {
            let tag = u64::from_be_bytes(reader.array()?);
            let list: u16 = reader.narrow()?;
            let amount = match reader.narrow::<u16>()? {
                0 => None,
                next => Some(next - 1),
            };
            if usize::from(list) >= lists.len()
                || amount.is_some_and(|amount| usize::from(amount) >= amounts.len())
            {
                return Err(reader.damaged());
            }
            states.push(LayoutState { tag, list, amount });
        }
        reader.finish()?;
        Ok(Self { lists, states, amounts, texts })
    }

    /// The state with this tag.
    pub(in crate::detect) fn state(&self, tag: u64) -> Option<LayoutState> {
        self.states.iter().find(|state| state.tag == tag).copied()
    }
}

fn put_tags(tags: &[u64], into: &mut Vec<u8>) {
    put_number(into, tags.len() as u64);
    for tag in tags {
        into.extend_from_slice(&tag.to_be_bytes());
    }
}

fn read_tags(reader: &mut Reader<'_>) -> Result<Vec<u64>, StateError> {
    (0..reader.count()?).map(|_| reader.array().map(u64::from_be_bytes)).collect()
}

/// All layouts that an engine has met, each once.
#[derive(Debug, Default)]
pub(in crate::detect) struct Layouts {
    all: Vec<(Layout, Box<[u8]>)>,
}

impl Layouts {
    /// The number of a layout; a new one is added.
    pub(in crate::detect) fn number_of(&mut self, layout: &Layout) -> u32 {
        let bytes = layout.to_bytes();
        self.find(&bytes).unwrap_or_else(|| self.add(layout.clone(), bytes))
    }

    /// The number of a layout that a page describes.
    pub(super) fn number_of_bytes(&mut self, bytes: &[u8]) -> Result<u32, StateError> {
        match self.find(bytes) {
            Some(number) => Ok(number),
            None => Ok(self.add(Layout::read(bytes)?, bytes.to_vec())),
        }
    }

    /// The layout with this number.
    pub(in crate::detect) fn get(&self, number: u32) -> Option<&Layout> {
        self.all.get(number as usize).map(|(layout, _)| layout)
    }

    /// Its bytes in a page.
    pub(super) fn bytes(&self, number: u32) -> &[u8] {
        self.all.get(number as usize).map_or(&[], |(_, bytes)| bytes)
    }

    fn find(&self, bytes: &[u8]) -> Option<u32> {
        (0u32..).zip(&self.all).find(|(_, (_, known))| **known == *bytes).map(|(number, _)| number)
    }

    fn add(&mut self, layout: Layout, bytes: Vec<u8>) -> u32 {
        self.all.push((layout, bytes.into()));
        u32::try_from(self.all.len() - 1).unwrap_or(u32::MAX)
    }
}
