//! How an event that some states count becomes an entry of the journal.
//!
//! Made once for each set of states that events have in common; most streams have a few.

use super::fingerprint::tag;
use super::journal::{Layout, LayoutState, Layouts};
use super::plan::{Plan, place_of};
use crate::event::FieldId;
use hashbrown::HashMap;

/// Everything that is the same for all events that the same states count.
#[derive(Debug)]
pub(super) struct Recipe {
    /// Number of the entry's layout.
    pub(super) layout: u32,
    /// Index of the journal.
    pub(super) journal: usize,
    /// The groups that the event falls into: indexes of tracks.
    pub(super) tracks: Vec<usize>,
    pub(super) states: Vec<Counted>,
    /// Numbers that are kept.
    pub(super) amounts: Vec<Kept>,
    /// Fields whose texts are kept.
    pub(super) texts: Vec<Shown>,
}

/// A number that is kept of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kept {
    /// The amount in a field.
    Amount(FieldId),
    /// The hash of the values in some fields, if none of them is missing.
    Value(Box<[FieldId]>),
    /// By which of the referenced rules it matched, as bits.
    Bases {
        /// Of the state with this tag,
        state: u64,
        /// which stands here among those of the recipe.
        at: usize,
    },
}

impl Kept {
    /// The hash of one field's value.
    pub(super) fn of_value(field: FieldId) -> Self {
        Kept::Value([field].into())
    }

    /// Names it in layouts.
    pub(super) fn tag(&self, plan: &Plan) -> u64 {
        match self {
            Kept::Amount(field) => plan.field_tag(*field),
            Kept::Value(fields) => {
                let tags: Vec<_> =
                    fields.iter().map(|field| plan.field_tag(*field).to_be_bytes()).collect();
                tag(tags.iter().map(<[u8; 8]>::as_slice).chain([b"values".as_slice()]))
            }
            Kept::Bases { state, .. } => tag([state.to_be_bytes().as_slice(), b"bases"]),
        }
    }
}

/// A field whose texts findings show.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    pub(super) field: FieldId,
    /// Of one event, at most so many.
    pub(super) most: usize,
    /// A `set`: its rule expects few different texts. A `sample` does not.
    pub(super) comes_again: bool,
}

/// A state that counts the event.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) state: u16,
    /// Index in the recipe's tracks.
    pub(super) track: usize,
    /// Which of the numbers is its own; `None` counts events.
    pub(super) amount: Option<usize>,
    /// Which of the amounts its columns are.
    pub(super) columns: Vec<usize>,
}

/// The recipes that were needed so far.
#[derive(Debug, Default)]
pub(super) struct Recipes {
    all: Vec<Recipe>,
    by_states: HashMap<Box<[u16]>, usize, foldhash::fast::FixedState>,
}

impl Recipes {
    /// The recipe for these states, which share a journal.
    #[inline]
    pub(super) fn of(
        &mut self,
        states: &[u16],
        plan: &Plan,
        layouts: &mut Layouts,
    ) -> Option<&Recipe> {
        let at = match self.by_states.get(states) {
            Some(at) => *at,
            None => {
                self.all.push(Recipe::new(states, plan, layouts));
                self.by_states.insert(states.into(), self.all.len() - 1);
                self.all.len() - 1
            }
        };
        self.all.get(at)
    }
}

impl Recipe {
    fn new(states: &[u16], plan: &Plan, layouts: &mut Layouts) -> Self {
        let (mut tracks, mut amounts, mut texts) = (Vec::new(), Vec::new(), Vec::<Shown>::new());
        let (mut counted, mut in_layout) = (Vec::new(), Vec::new());
        let mut journal = 0;
        for (at, &number) in states.iter().enumerate() {
            let Some(state) = plan.states.get(usize::from(number)) else { continue };
            let track = place_of(&mut tracks, state.track);
            journal = state.journal;
            let kept = state.measured.kept((state.tag, at));
            let amount = kept.map(|kept| place_of(&mut amounts, kept));
            let numbers = state.shape.columns.iter().map(|column| Kept::Amount(column.field));
            let different = state.different.iter().map(|field| Kept::of_value(*field));
            let columns = numbers.chain(different);
            let columns = columns.map(|kept| place_of(&mut amounts, kept)).collect();
            for shown in &state.texts {
                match texts.iter_mut().find(|known: &&mut Shown| known.field == shown.field) {
                    Some(known) => {
                        known.most = shown.most.max(known.most);
                        known.comes_again |= shown.comes_again;
                    }
                    None => texts.push(*shown),
                }
            }
            let narrow = |place: usize| u16::try_from(place).unwrap_or(u16::MAX);
            in_layout.push(LayoutState {
                tag: state.tag,
                list: narrow(track),
                amount: amount.map(narrow),
            });
            counted.push(Counted { state: number, track, amount, columns });
        }
        let tags = |fields: &mut dyn Iterator<Item = FieldId>| -> Vec<u64> {
            fields.map(|field| plan.field_tag(field)).collect()
        };
        let layout = layouts.number_of(&Layout {
            lists: tracks.iter().filter_map(|&at| Some(plan.tracks.get(at)?.tag)).collect(),
            states: in_layout,
            amounts: amounts.iter().map(|kept: &Kept| kept.tag(plan)).collect(),
            texts: tags(&mut texts.iter().map(|shown| shown.field)),
        });
        Self { layout, journal, tracks, states: counted, amounts, texts }
    }
}
