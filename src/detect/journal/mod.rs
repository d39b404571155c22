//! The events that windows still need, each written once, in the order of arrival.
//!
//! A commit appends pages and rewrites nothing: what a busy group costs it is an entry for each
//! event, whatever the group holds already. Sums in memory ([`super::groups`]) are derived from the
//! journal and may be dropped at any time.
//!
//! Each entry names, for every group that it counted in, the group's entry before it, so a group's
//! events are read newest first without an index. That needs `J1`: pages leave in the order in which
//! they came, so where a chain meets a page that is gone, nothing behind it is left. A page therefore
//! stays until its latest entry and all before it are needless. States whose events live much longer
//! than others' have a journal of their own ([`super::plan`]), so that they do not hold up the rest.
//!
//! ```text
//!                 event                 commit                    watermark ≥ slot
//!    (none) ───────────────▶ open ─────────────────▶ committed ───────────────────▶ (none) + tombstone
//!                             │ full: a new one opens     ▲ │ memory bound: entries leave memory
//!                             ▼                           │ ▼
//!                          pending ───────────────────────┘ in the store alone
//! ```

mod entry;
mod layout;
mod page;
mod texts;

use super::StateError;
use super::rows::RowKey;
use super::timers::round_up;
use crate::event::EventId;
use crate::state::codec::{put_number, put_signed};
use crate::state::{CacheKey, Changes, Store};
use crate::units::EventTime;
use entry::Text;
pub(super) use entry::{Entry, GroupName};
use hashbrown::HashMap;
pub(super) use layout::{Layout, LayoutState, Layouts};
pub(super) use page::Place;
use page::{FULL_BYTES, Page};
use std::collections::VecDeque;
use texts::{SHORTEST_BYTES, Texts};

/// The pages of one retention class.
#[derive(Debug)]
pub(super) struct Journal {
    class: u8,
    /// Ascending by number; slots never fall (`J1`).
    pages: VecDeque<Page>,
    /// How many of `pages`, from the front, the store holds.
    committed: usize,
    /// The last of `pages` takes entries.
    is_open: bool,
    /// Groups that the open page has named.
    named: u16,
    /// Of the commit that is being gathered.
    sequence: u64,
    /// Number of the last page that was made.
    last: u64,
    /// The first of `pages` whose entries may be in memory and need not be.
    first_cached: usize,
    cached_bytes: usize,
    pending_bytes: usize,
    texts: Texts,
}

/// An entry of a page that the store holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Restored<'r> {
    pub(super) place: Place,
    pub(super) layout: &'r Layout,
    /// For each list of the layout the group's key and its number in the page.
    pub(super) groups: &'r [(CacheKey, u16)],
    pub(super) amounts: &'r [Option<u64>],
}

/// Pages that were read from the store lately: chains meet the same pages again.
#[derive(Debug, Default)]
pub(super) struct Spare {
    /// Entries by class of the journal and number.
    pages: HashMap<(u8, u64), Vec<u8>, foldhash::fast::FixedState>,
    /// How often the store was asked.
    pub(super) reads: u64,
}

/// Half a megabyte of pages.
const SPARE_PAGES: usize = 64;

/// An entry that is being written: its groups, then its amounts, its id and its texts.
#[derive(Debug)]
pub(super) struct OpenEntry<'j> {
    pub(super) place: Place,
    page: &'j mut Page,
    named: &'j mut u16,
    sequence: u64,
    texts: &'j mut Texts,
    pending_bytes: &'j mut usize,
}

impl OpenEntry<'_> {
    /// Names a group: `before` is the group's entry before, with the group's number in that entry's
    /// page. Gives the group's number in this page.
    pub(super) fn group(&mut self, key: CacheKey, before: Option<(Place, u16)>) -> u16 {
        let Place { page, offset } = self.place;
        if let Some((before, number)) = before
            && before.page == page
        {
            let name = GroupName::Known { number, back: offset - before.offset };
            entry::put_group(name, page, &mut self.page.body);
            return number;
        }
        let name = GroupName::Key(key, before.map(|(before, _)| before));
        entry::put_group(name, page, &mut self.page.body);
        let number = *self.named;
        *self.named = number.saturating_add(1);
        number
    }

    /// Appends an amount.
    pub(super) fn amount(&mut self, amount: Option<u64>) {
        entry::put_amount(amount, &mut self.page.body);
    }

    /// Appends the id.
    pub(super) fn id(&mut self, id: &EventId) {
        entry::put_id(id, &mut self.page.body);
    }

    /// Appends how many texts of a field follow.
    pub(super) fn count_texts(&mut self, count: usize) {
        put_number(&mut self.page.body, count as u64);
    }

    /// Appends a text; `comes_again`: others like it will be the same.
    pub(super) fn text(&mut self, text: &str, comes_again: bool) {
        let page = self.place.page;
        let kept = if comes_again && text.len() >= SHORTEST_BYTES {
            self.texts.number_of(text, page, self.sequence)
        } else {
            None
        };
        let text = kept.map_or(Text::Here(text), Text::Kept);
        entry::put_text(text, page, &mut self.page.body);
    }

    /// Ends the entry.
    pub(super) fn end(self) {
        *self.pending_bytes += self.page.body.len() - self.place.offset as usize;
    }
}

impl Journal {
    pub(super) fn new(class: u8) -> Self {
        Self {
            class,
            pages: VecDeque::new(),
            committed: 0,
            is_open: false,
            named: 0,
            sequence: 1,
            last: 0,
            first_cached: 0,
            cached_bytes: 0,
            pending_bytes: 0,
            texts: Texts::default(),
        }
    }

    /// Whose events it holds ([`super::plan`]).
    pub(super) fn class(&self) -> u8 {
        self.class
    }

    /// Opens an entry. `due`: the watermark from which on nobody needs it.
    pub(super) fn begin(
        &mut self,
        layout: u32,
        (time, due): (EventTime, EventTime),
        id: &EventId,
    ) -> OpenEntry<'_> {
        let slot = EventTime::from_millis(round_up(due.as_millis()));
        if !self.is_open || self.pages.back().is_none_or(|page| page.body.len() >= FULL_BYTES) {
            self.open_page(time, slot);
        }
        let Self { pages, named, sequence, texts, pending_bytes, .. } = self;
        let page = pages.back_mut().expect("a page was opened");
        page.slot = page.slot.max(slot);
        let number = page.layouts.iter().position(|known| *known == layout).unwrap_or_else(|| {
            page.layouts.push(layout);
            page.layouts.len() - 1
        });
        let offset = u32::try_from(page.body.len()).expect("a page holds kilobytes");
        let is_guid = matches!(id, EventId::Guid(_));
        put_number(&mut page.body, ((number as u64) << 1) | u64::from(is_guid));
        put_signed(&mut page.body, time.as_millis().wrapping_sub(page.base.as_millis()));
        let place = Place { page: page.number, offset };
        OpenEntry { place, page, named, sequence: *sequence, texts, pending_bytes }
    }

    /// The number of the first page that is left; pages before it are gone.
    #[inline]
    pub(super) fn first_page(&self) -> u64 {
        self.pages.front().map_or(u64::MAX, |page| page.number)
    }

    /// The entry at `at`; `None` when its page is gone.
    pub(super) fn entry<'p, S: Store>(
        &'p self,
        at: Place,
        store: &S,
        layouts: &'p Layouts,
        spare: &'p mut Spare,
    ) -> Result<Option<Entry<'p>>, StateError> {
        let Some(page) = self.page(at.page) else { return Ok(None) };
        let body = if page.body.is_empty() {
            self.load(page, store, spare)?;
            spare.pages.get(&(self.class, at.page)).map_or(&[][..], Vec::as_slice)
        } else {
            page.body.as_slice()
        };
        let layout_of = |number: usize| layouts.get(*page.layouts.get(number)?);
        Entry::read(body, at, page.base, &self.texts, layout_of).map(Some)
    }

    /// Takes a text that the store holds; before the pages, in the order of numbers.
    pub(super) fn restore_text(&mut self, number: u64, value: &[u8]) -> Result<(), StateError> {
        self.texts.restore(number, value)
    }

    /// Takes a page that the store holds, in the order of the pages' numbers, and calls `each` with
    /// its entries.
    pub(super) fn restore(
        &mut self,
        number: u64,
        value: &[u8],
        layouts: &mut Layouts,
        each: &mut dyn FnMut(Restored<'_>),
    ) -> Result<(), StateError> {
        let page = Page::read(number, value, layouts)?;
        let damaged = || StateError::Damaged(format!("page {number} of the journal"));
        if self.pages.back().is_some_and(|last| last.number >= number || last.slot > page.slot) {
            return Err(damaged());
        }
        let mut named: Vec<CacheKey> = Vec::new();
        let (mut groups, mut amounts, mut texts) = (Vec::new(), Vec::new(), Vec::new());
        let mut offset = 0;
        while offset < page.body.len() {
            let at = Place { page: number, offset: u32::try_from(offset).map_err(|_| damaged())? };
            let layout_of = |number: usize| layouts.get(*page.layouts.get(number)?);
            let entry = Entry::read(&page.body, at, page.base, &self.texts, layout_of)?;
            groups.clear();
            let mut is_sound = true;
            let mut facts = entry.groups(|_, name| match name {
                GroupName::Key(key, _) => {
                    let number = u16::try_from(named.len()).unwrap_or(u16::MAX);
                    named.push(key);
                    groups.push((key, number));
                }
                GroupName::Known { number, .. } => match named.get(usize::from(number)) {
                    Some(&key) => groups.push((key, number)),
                    None => is_sound = false,
                },
            })?;
            amounts.clear();
            facts.amounts(|_, amount| amounts.push(amount))?;
            facts.id()?;
            facts.raw_texts(|_, text| {
                if let Text::Kept(text) = text {
                    texts.push(text);
                }
            })?;
            if !is_sound {
                return Err(damaged());
            }
            let layout = entry.layout;
            each(Restored { place: at, layout, groups: &groups, amounts: &amounts });
            offset = page.body.len() - facts.left();
            is_sound = texts.drain(..).all(|text| self.texts.named(text, number));
            if !is_sound {
                return Err(damaged());
            }
        }
        self.cached_bytes += page.byte_len();
        self.last = number;
        self.pages.push_back(page);
        self.committed = self.pages.len();
        Ok(())
    }

    /// The commit that is gathered from now on.
    pub(super) fn set_sequence(&mut self, sequence: u64) {
        self.sequence = sequence;
    }

    /// Drops the pages whose slot the watermark has reached; tells whether there were any.
    #[inline]
    pub(super) fn expire(&mut self, watermark: EventTime, tombstones: &mut Vec<RowKey>) -> bool {
        let mut any = false;
        while self.pages.front().is_some_and(|page| page.slot <= watermark)
            && let Some(page) = self.pages.pop_front()
        {
            any = true;
            self.first_cached = self.first_cached.saturating_sub(1);
            if self.committed > 0 {
                self.committed -= 1;
                self.cached_bytes -= if page.body.is_empty() { 0 } else { page.byte_len() };
                tombstones.push(page.key(self.class));
            } else {
                self.pending_bytes -= page.body.len().min(self.pending_bytes);
                self.is_open &= !self.pages.is_empty();
            }
        }
        if any {
            self.texts.expire(self.class, self.first_page(), tombstones);
        }
        any
    }

    /// Whether a page differs from the store.
    pub(super) fn is_dirty(&self) -> bool {
        self.committed < self.pages.len()
    }

    /// Bytes of entries that the next commit writes.
    pub(super) fn pending_bytes(&self) -> usize {
        self.pending_bytes + self.texts.pending_bytes()
    }

    /// Memory of the entries that the store holds too.
    pub(super) fn cached_bytes(&self) -> usize {
        self.cached_bytes + self.texts.byte_len()
    }

    /// Appends the pages of this commit.
    pub(super) fn collect(&self, layouts: &Layouts, into: &mut Changes) {
        self.texts.collect(self.class, into);
        for page in self.pages.range(self.committed..) {
            into.put(&page.key(self.class).to_bytes(), |value| page.write(layouts, value));
        }
    }

    /// The pages of this commit are in the store now.
    pub(super) fn set_committed(&mut self) {
        for page in self.pages.range_mut(self.committed..) {
            if page.body.capacity() > 2 * page.body.len() {
                page.body.shrink_to_fit();
            }
            self.cached_bytes += page.byte_len();
        }
        self.committed = self.pages.len();
        self.pending_bytes = 0;
        self.is_open = false;
        self.texts.set_committed();
    }

    /// Lets entries of committed pages go until those in memory take at most `bytes`.
    pub(super) fn shrink_to(&mut self, bytes: usize) {
        while self.cached_bytes > bytes && self.first_cached < self.committed {
            if let Some(page) = self.pages.get_mut(self.first_cached)
                && !page.body.is_empty()
            {
                self.cached_bytes -= page.byte_len();
                page.body = Vec::new();
            }
            self.first_cached += 1;
        }
    }

    fn open_page(&mut self, time: EventTime, slot: EventTime) {
        let first = Place::join(self.sequence, 0).unwrap_or(u64::MAX);
        self.last = first.max(self.last.saturating_add(1));
        // As long as the last one is a good guess: it grows without moving.
        let (slot, length) = self
            .pages
            .back()
            .map_or((slot, 0), |page| (page.slot.max(slot), page.body.len() + 256));
        self.pages.push_back(Page {
            number: self.last,
            slot,
            base: time,
            layouts: Vec::with_capacity(1),
            body: Vec::with_capacity(length.clamp(256, FULL_BYTES + 1024)),
        });
        self.is_open = true;
        self.named = 0;
    }

    fn page(&self, number: u64) -> Option<&Page> {
        let last = self.pages.back()?;
        if last.number == number {
            return Some(last);
        }
        let at = self.pages.binary_search_by_key(&number, |page| page.number).ok()?;
        self.pages.get(at)
    }

    fn load<S: Store>(&self, page: &Page, store: &S, spare: &mut Spare) -> Result<(), StateError> {
        let name = (self.class, page.number);
        if spare.pages.contains_key(&name) {
            return Ok(());
        }
        if spare.pages.len() >= SPARE_PAGES {
            spare.pages.clear();
        }
        spare.reads += 1;
        let mut copied = Ok(Vec::new());
        let key = page.key(self.class).to_bytes();
        let is_there =
            store.get(&key, &mut |value| copied = page::body(value).map(<[u8]>::to_vec))?;
        if !is_there {
            return Err(StateError::Damaged(format!(
                "page {} of the journal is gone",
                page.number
            )));
        }
        spare.pages.insert(name, copied?);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
