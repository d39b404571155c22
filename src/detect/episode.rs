//! Episodes: from crossings to findings (semantics.md §6).
//!
//! ```text
//!                 crossing at t, no episode with |t − o| < P
//!      (none) ───────────────────────────────────────────────▶ open at o = t: Create, sequence 1
//!                                                              │        ▲
//!                       crossing, tier higher than reported    │        │ crossing, no higher tier:
//!                       ───────────────────────────────────────┤        │ nothing, counted
//!                       Escalate, sequence + 1                 └────────┘
//!                                                              │
//!      (none) ◀────────────────────────────────────────────────┘ watermark > expires
//! ```
//!
//! Crossings arrive out of order, so several episodes of one key may be open; they open at least P
//! apart (`E1`). A crossing that lies within P of two belongs to the one opened before it: that is
//! the one it continues. An episode expires at o + P + L, plus the width of the rule's grid because
//! a crossing's time may lie that far before its event. A stateless rule's lives P + L + horizon
//! from where the watermark was when it opened, so that a late duplicate repeats nothing (§13).

use super::StateError;
use super::faults::{Fault, is_planted};
use super::rows::{self, RowKey};
use super::table::Row;
use crate::rule::{Level, Tier};
use crate::state::{CacheKey, Cached};
use crate::units::{EventTime, Span, WallTime};

/// The open episodes of one rule and dedup key: one row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Episodes {
    /// Ascending by opening time.
    open: Vec<Episode>,
    /// The store holds a row.
    stored: bool,
}

/// The run of crossings that one finding stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Episode {
    /// Opening time o.
    pub(super) opened: EventTime,
    /// Gone when the watermark is past it.
    pub(super) expires: EventTime,
    /// When Create was stamped.
    pub(super) created: WallTime,
    /// Of the last finding.
    pub(super) sequence: u32,
    /// Severity of the last finding.
    pub(super) level: Level,
    /// Least amount of the highest tier that was reported.
    pub(super) reported: u64,
}

/// What a crossing does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It opened an episode.
    Create(Episode),
    /// Its episode reached a higher tier; the level it had reported before.
    Escalate(Episode, Level),
    /// Its episode has said that already.
    Nothing,
}

impl Episodes {
    /// Ascending by opening time.
    pub(super) fn open(&self) -> &[Episode] {
        &self.open
    }

    /// What is left without those that the watermark has passed, if there are any. A row is only
    /// rewritten for what it says or when its timer fires, so that its bytes never depend on who
    /// looked at it.
    pub(super) fn without_expired(&self, watermark: Option<EventTime>) -> Option<Self> {
        let is_open = |episode: &Episode| watermark.is_none_or(|at| at <= episode.expires);
        if self.open.iter().all(is_open) {
            return None;
        }
        let open = self.open.iter().filter(|episode| is_open(episode)).copied().collect();
        Some(Self { open, stored: self.stored })
    }

    /// Applies one crossing. `opening` is the episode that it would open, at its own time, with the
    /// tier it has reached. Expired episodes must be gone.
    pub(super) fn cross(&mut self, period: Span, opening: Episode) -> Verdict {
        let Some(index) = self.belongs_to(period, opening.opened) else {
            let at = self.open.partition_point(|episode| episode.opened < opening.opened);
            self.open.insert(at, opening);
            return Verdict::Create(opening);
        };
        let Some(episode) = self.open.get_mut(index) else { return Verdict::Nothing };
        if opening.reported <= episode.reported {
            return Verdict::Nothing;
        }
        let before = episode.level;
        episode.reported = opening.reported;
        // Severity never falls within an episode, whatever a changed rule says of its tiers.
        episode.level = before.max(opening.level);
        episode.sequence += 1;
        Verdict::Escalate(*episode, before)
    }

    /// Whether every crossing at a time in `[from, to]` with at most `amount` would do nothing.
    pub(super) fn are_settled(
        &self,
        (from, to): (EventTime, EventTime),
        period: Span,
        amount: u64,
        tiers: &[Tier],
    ) -> bool {
        let mut covered = from;
        for episode in &self.open {
            let end = episode.opened.plus(period);
            if end <= from {
                continue;
            }
            // (o − P, o + P): the start is open, so a time at o − P itself is not covered.
            let start = episode.opened.minus(period);
            if start >= to {
                break;
            }
            if tier_of(amount, tiers).is_some_and(|tier| tier.gte > episode.reported)
                || start >= covered
            {
                return false;
            }
            covered = covered.max(end);
        }
        covered > to
    }

    /// The episode that a crossing at `time` belongs to.
    fn belongs_to(&self, period: Span, time: EventTime) -> Option<usize> {
        let next = self.open.partition_point(|episode| episode.opened <= time);
        let is_near = |index: &usize| {
            self.open.get(*index).is_some_and(|episode| {
                is_planted(Fault::EpisodePeriodIgnored)
                    || (time.since(episode.opened) < period && episode.opened.since(time) < period)
            })
        };
        next.checked_sub(1).filter(is_near).or_else(|| Some(next).filter(is_near))
    }
}

impl Row for Episodes {
    const MOVES: bool = false;

    fn row_key(key: CacheKey) -> RowKey {
        RowKey::Episodes { key }
    }

    fn read(bytes: &[u8]) -> Result<Self, StateError> {
        Ok(Self { open: rows::read_episodes(bytes)?, stored: true })
    }

    fn write(&self, into: &mut Vec<u8>) {
        rows::write_episodes(&self.open, into);
    }

    fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    fn is_stored(&self) -> bool {
        self.stored
    }

    fn set_stored(&mut self, stored: bool) {
        self.stored = stored;
    }

    fn each_expiry(&self, each: &mut dyn FnMut(EventTime)) {
        self.open.iter().for_each(|episode| each(episode.expires));
    }

    fn drop_expired(&mut self, is_over: &dyn Fn(EventTime) -> bool) -> bool {
        if !self.open.iter().any(|episode| is_over(episode.expires)) {
            return false;
        }
        self.open.retain(|episode| !is_over(episode.expires));
        true
    }
}

impl Cached for Episodes {
    fn byte_len(&self) -> usize {
        size_of::<Self>() + self.open.capacity() * size_of::<Episode>()
    }

    fn stored_rows(&self) -> u32 {
        u32::from(!self.open.is_empty())
    }
}

/// The highest tier that `amount` reaches.
pub(super) fn tier_of(amount: u64, tiers: &[Tier]) -> Option<&Tier> {
    tiers.iter().rev().find(|tier| tier.gte <= amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Span = Span::from_secs(100);

    fn at(seconds: i64) -> EventTime {
        EventTime::from_millis(seconds * 1000)
    }

    fn opening(seconds: i64, reported: u64) -> Episode {
        Episode {
            opened: at(seconds),
            expires: at(seconds + 1000),
            created: WallTime::from_millis(0),
            sequence: 1,
            level: if reported > 10 { Level::High } else { Level::Low },
            reported,
        }
    }

    /// Every pair of state and crossing: (open episodes, crossing, what happens).
    #[test]
    fn each_state_meets_each_crossing_as_the_drawing_says() {
        let open = |times: &[i64]| {
            let mut episodes = Episodes::default();
            for &time in times {
                episodes.cross(PERIOD, opening(time, 10));
            }
            episodes
        };
        let cases: [(&[i64], i64, u64, &str); 9] = [
            (&[], 0, 10, "create"),
            (&[0], 99, 10, "nothing"),
            (&[0], 99, 11, "escalate 0"),
            (&[0], 100, 10, "create"),
            (&[0], -99, 11, "escalate 0"),
            (&[0], -100, 10, "create"),
            (&[0, 150], 80, 11, "escalate 0"),
            (&[0, 150], 120, 11, "escalate 150"),
            (&[0, 250], 130, 10, "create"),
        ];
        for (times, time, reported, expected) in cases {
            let verdict = match open(times).cross(PERIOD, opening(time, reported)) {
                Verdict::Create(episode) => {
                    assert_eq!((episode.opened, episode.sequence), (at(time), 1));
                    "create".to_owned()
                }
                Verdict::Escalate(episode, before) => {
                    assert_eq!(
                        (episode.sequence, before, episode.level),
                        (2, Level::Low, Level::High)
                    );
                    format!("escalate {}", episode.opened.as_millis() / 1000)
                }
                Verdict::Nothing => "nothing".to_owned(),
            };
            assert_eq!(verdict, expected, "{times:?} meets {time} with {reported}");
        }
    }

    #[test]
    fn a_jump_over_two_tiers_is_one_escalate_for_the_highest() {
        let mut episodes = Episodes::default();
        episodes.cross(PERIOD, opening(0, 10));
        assert!(matches!(episodes.cross(PERIOD, opening(1, 30)), Verdict::Escalate(..)));
        assert_eq!(episodes.cross(PERIOD, opening(2, 20)), Verdict::Nothing);
    }

    #[test]
    fn a_range_is_settled_only_when_episodes_without_a_gap_have_reported_all_it_can_reach() {
        let tiers = [Tier { gte: 10, level: Level::Low }, Tier { gte: 20, level: Level::High }];
        let mut episodes = Episodes::default();
        episodes.cross(PERIOD, opening(0, 10));
        episodes.cross(PERIOD, opening(150, 10));
        let settled =
            |from, to, amount| episodes.are_settled((at(from), at(to)), PERIOD, amount, &tiers);

        assert!(settled(-99, 249, 19));
        assert!(!settled(-100, 249, 19));
        assert!(!settled(-99, 250, 19));
        assert!(!settled(0, 10, 20));
    }

    #[test]
    fn a_gap_between_episodes_is_not_settled() {
        let tiers = [Tier { gte: 10, level: Level::Low }];
        let mut episodes = Episodes::default();
        episodes.cross(PERIOD, opening(0, 10));
        episodes.cross(PERIOD, opening(201, 10));
        assert!(!episodes.are_settled((at(0), at(201)), PERIOD, 10, &tiers));
    }
}
