//! The slow, obvious reference of semantics.md: what the engine must agree with (§12).
//!
//! Shares no code and no types with the engine. Keeps every event that counted, sums every window
//! afresh, never forgets a duplicate. Rules and events are plain structs that a test fills; which
//! rules an event matches is given with the event.
//!
//! Where the pages bound what is shown, the reference follows the bound that the engine documents
//! (`src/detect/look_back.rs`): of the last `look_back` events of a group those in the window, of
//! them the first ten and the last ten and the first n distinct values of each collected field.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "included by several test binaries, none of which uses all of it"
)]
#![allow(clippy::pedantic, clippy::indexing_slicing, reason = "the reference is plain before all")]

mod window;

use std::collections::{BTreeMap, BTreeSet};
use window::{amount, amount_of, closed_amount, collected, grid, seen, shown_events};

/// What an event holds in one field.
pub type Value = Option<String>;

/// One log entry, its time in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    pub id: String,
    pub shared_id: Option<String>,
    pub time: i64,
    pub record_time: Option<i64>,
    pub fields: BTreeMap<String, Value>,
    /// Indexes of the rules that it matches, ascending.
    pub rules: Vec<usize>,
    /// By rule, by which of its referenced rules it matches, as bits; 1 where there is none.
    pub bases: BTreeMap<usize, u32>,
}

/// One alerting rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub kind: Kind,
    pub group_by: Vec<String>,
    pub skip_missing_group: bool,
    /// Overrides the source's.
    pub lateness: Option<i64>,
    /// Of a stateless rule.
    pub level: u8,
    pub period: i64,
    pub dedup_key: Option<Vec<String>>,
    /// Name, field, what is kept.
    pub collect: Vec<(String, String, Collect)>,
    /// By way, what stands for the group-by in an event that comes so; empty: the same. A referenced
    /// rule is one way, or as many as it has itself.
    pub group_by_of: Vec<Vec<String>>,
    /// By referenced rule the first of its ways; empty: each is one.
    pub first_way: Vec<usize>,
    /// Rules that count what this one finds, and as which of theirs.
    pub feeds: Vec<(usize, u8)>,
    pub silent: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    Match,
    /// The rule's group-by values are the term.
    NewTerms {
        history: i64,
        learn: i64,
    },
    Window {
        sliding: bool,
        span: i64,
        measure: Measure,
        /// Least amount and level, ascending.
        tiers: Vec<(u64, u8)>,
        /// Asked of a window that has closed, all of them; `None`: fires when it reaches a tier.
        asks: Option<Vec<(Ask, u64)>>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    Above,
    AtLeast,
    Below,
    AtMost,
    Equal,
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measure {
    Count,
    Sum(String),
    /// Different tuples of these fields; one with an absent value is none.
    Distinct(Vec<String>),
    /// Different signals; by referenced rule.
    Signals(Vec<Option<u8>>),
    /// Of the amounts in a field.
    Mean(String),
    Percentile(String, u8),
    /// One of these combinations of referenced rules, in order of the list if asked; and those that
    /// must not be there.
    Rules {
        any_of: Vec<(Vec<u8>, Vec<u8>)>,
        ordered: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collect {
    /// First n distinct values: `sample` and `set`.
    Distinct(usize),
    Sum,
    Min,
    Max,
    /// How many different values.
    Different,
}

#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub lateness: i64,
    pub future_skew: i64,
    /// At least every lateness.
    pub duplicate_horizon: i64,
    /// How many of a group's last events a finding looks at.
    pub look_back: usize,
    /// Where a count of different values stops, and up to how many different amounts are exact.
    pub distinct_values: usize,
    /// Between groups whose windows close at once nothing says who is first: it is given.
    pub order: fn(&[Value]) -> (u64, u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Matched,
    Ignored,
    Late,
    Duplicate,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Collected {
    Values(Vec<String>),
    Amount(Option<u64>),
}

/// What a finding must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub rule: usize,
    /// `false`: Create.
    pub escalates: bool,
    pub sequence: u32,
    pub opened: i64,
    pub level: u8,
    pub previous_level: Option<u8>,
    pub amount: u64,
    pub count: u64,
    pub threshold: Option<u64>,
    /// Start and end; a sliding window is (start, end], a tumbling one [start, end).
    pub window: Option<(i64, i64)>,
    pub first_seen: i64,
    pub last_seen: i64,
    pub group: Vec<(String, Value)>,
    pub dedup_key: Vec<(String, Value)>,
    pub per_event: bool,
    pub collected: Vec<(String, Collected)>,
    pub events: Vec<String>,
    pub late: bool,
    pub trigger: String,
}

/// What happened on the way; for tests that must know that their input was not dull.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub creates: usize,
    pub escalates: usize,
    pub late: usize,
    pub future: usize,
    pub duplicates: usize,
    /// Windows whose amount was exactly a tier's.
    pub ties: usize,
    /// Windows that crossed because of an event that was not the newest of its group.
    pub crossings_behind: usize,
    /// First sightings that were told.
    pub new_terms: usize,
    /// Sightings before the first, within the history of it.
    pub moved_back: usize,
    /// Crossings that other rules counted.
    pub fed: usize,
    /// Findings of rules that several rules make together.
    pub together: usize,
    /// Windows that were judged when they had closed, and held.
    pub closed: usize,
    /// Of those, windows whose amount is no whole number.
    pub between: usize,
    /// Windows that closed and of which nothing could be said.
    pub without_amount: usize,
    /// Windows that closed after others had opened behind them.
    pub closed_behind: usize,
    /// Crossings of closed or tumbling windows that other rules counted.
    pub fed_late: usize,
}

/// One partition.
#[derive(Debug)]
pub struct Reference {
    rules: Vec<Rule>,
    settings: Settings,
    watermark: Option<i64>,
    seen: BTreeSet<String>,
    /// By rule and group: the events that counted, in the order of arrival.
    counted: BTreeMap<(usize, Vec<Value>), Vec<Counted>>,
    /// By rule and term: the times of the events that counted.
    sightings: BTreeMap<(usize, Vec<Value>), Vec<i64>>,
    first_watermark: Option<i64>,
    /// When each open window closes, its rule, its group's place in the order, its start, its group.
    open: BTreeSet<Open>,
    /// By rule and dedup key.
    episodes: BTreeMap<(usize, Vec<Value>), Vec<Episode>>,
    pub findings: Vec<Finding>,
    pub tally: Tally,
}

#[derive(Debug, Clone)]
struct Counted {
    event: Event,
    time: i64,
    /// On the rule's grid.
    pane: i64,
    amount: u64,
    /// Referenced rules.
    bases: u32,
    way: usize,
}

/// See [`Reference::open`].
type Open = (i64, usize, (u64, u64), i64, Vec<Value>);

/// What comes to a rule: an event, or what a referenced rule has found with one.
#[derive(Debug, Clone, Copy)]
struct Coming {
    rule: usize,
    bases: u32,
    way: usize,
    /// How much further behind it may be than an event.
    delay: i64,
}

#[derive(Debug, Clone, Copy)]
struct Episode {
    opened: i64,
    expires: i64,
    sequence: u32,
    level: u8,
    reported: u64,
}

impl Reference {
    pub fn new(rules: Vec<Rule>, settings: Settings) -> Self {
        Self {
            rules,
            settings,
            watermark: None,
            seen: BTreeSet::new(),
            counted: BTreeMap::new(),
            sightings: BTreeMap::new(),
            first_watermark: None,
            open: BTreeSet::new(),
            episodes: BTreeMap::new(),
            findings: Vec::new(),
            tally: Tally::default(),
        }
    }

    pub fn watermark(&self) -> Option<i64> {
        self.watermark
    }

    /// Takes one event; findings are appended to `findings`.
    pub fn take(&mut self, event: &Event) -> Outcome {
        // §2: too far ahead of its record, an event takes the record's time and moves nothing.
        let limit = event.record_time.map(|record| record + self.settings.future_skew);
        let is_future = limit.is_some_and(|limit| event.time > limit);
        let time = if is_future { event.record_time.unwrap_or(event.time) } else { event.time };

        // §3, §13: only matched events are remembered; a duplicate does not move the watermark.
        if !event.rules.is_empty() {
            let names = [Some(format!("id {}", event.id)), event.shared_id.clone()];
            let names: Vec<String> = names.into_iter().flatten().collect();
            if names.iter().any(|name| self.seen.contains(name)) {
                self.tally.duplicates += 1;
                return Outcome::Duplicate;
            }
            self.seen.extend(names);
        }
        self.tally.future += usize::from(is_future);
        if !is_future {
            self.close_windows(time);
        }
        if !is_future && self.watermark.is_none_or(|watermark| time > watermark) {
            self.watermark = Some(time);
            self.first_watermark.get_or_insert(time);
        }
        if event.rules.is_empty() {
            return Outcome::Ignored;
        }
        let is_late = self.is_behind(time, self.settings.lateness);
        self.tally.late += usize::from(is_late);
        for index in event.rules.clone() {
            let bases = event.bases.get(&index).copied().unwrap_or(1);
            let coming = Coming { rule: index, bases, way: 0, delay: 0 };
            self.apply(coming, event, time, is_late);
        }
        if is_late { Outcome::Late } else { Outcome::Matched }
    }

    fn is_behind(&self, time: i64, lateness: i64) -> bool {
        self.watermark.is_some_and(|watermark| time < watermark - lateness)
    }

    fn apply(&mut self, coming: Coming, event: &Event, time: i64, is_late: bool) {
        let Coming { rule: index, bases, .. } = coming;
        let rule = self.rules[index].clone();
        let is_by_base = !rule.group_by_of.is_empty()
            || matches!(&rule.kind, Kind::Window { measure: Measure::Signals(_), .. });
        if is_by_base && bases.count_ones() > 1 {
            for base in (0..32).filter(|base| bases >> base & 1 == 1) {
                self.apply(Coming { bases: 1 << base, ..coming }, event, time, is_late);
            }
            return;
        }
        let base = bases.trailing_zeros() as usize;
        let way = rule.first_way.get(base).copied().unwrap_or(base) + coming.way;
        let coming = Coming { way, ..coming };
        let fields = rule.group_by_of.get(way);
        let group = values(event, fields.unwrap_or(&rule.group_by));
        if rule.skip_missing_group && group.contains(&None) {
            return;
        }
        let lateness = rule.lateness.unwrap_or(self.settings.lateness);
        match &rule.kind {
            Kind::Match => {
                self.apply_match(index, &rule, event, (time, is_late), lateness);
                self.feed((&rule, 0), event, &[time]);
            }
            Kind::Window { .. } | Kind::NewTerms { .. }
                if self.is_behind(time, lateness + coming.delay) => {}
            Kind::NewTerms { history, learn } => {
                if self.is_news(index, group, time, (*history, *learn)) {
                    self.apply_match(index, &rule, event, (time, is_late), lateness);
                    self.feed((&rule, 0), event, &[time]);
                }
            }
            Kind::Window { .. } => {
                let new = self.apply_window(coming, &rule, event, (time, group));
                self.feed((&rule, way), event, &new);
            }
        }
    }

    /// §7: nothing of the term in [t − H, t), and no sighting whose alert it would repeat.
    fn is_news(
        &mut self,
        index: usize,
        term: Vec<Value>,
        time: i64,
        (history, learn): (i64, i64),
    ) -> bool {
        let times = self.sightings.entry((index, term)).or_default();
        let is_known = times.iter().any(|other| time - history <= *other && *other < time);
        let moves_back = times.iter().any(|other| time <= *other && *other <= time + history);
        times.push(time);
        let is_learning =
            learn > 0 && self.first_watermark.is_none_or(|first| time < first + learn);
        self.tally.new_terms += usize::from(!is_known && !moves_back && !is_learning);
        self.tally.moved_back += usize::from(!is_known && moves_back);
        !is_known && !moves_back && !is_learning
    }

    /// §8: the rules that count this one see what it found at the time of the crossing.
    fn feed(&mut self, (rule, way): (&Rule, usize), event: &Event, times: &[i64]) {
        let way = if rule.group_by_of.is_empty() { 0 } else { way };
        for &time in times {
            for &(outer, base) in &rule.feeds {
                self.tally.fed += 1;
                let delay = self.delay(outer, base);
                self.tally.fed_late += usize::from(delay > 0);
                let coming = Coming { rule: outer, bases: 1 << base, way, delay };
                self.apply(coming, event, time, false);
            }
        }
    }

    /// How far behind its event, or the watermark, the time of a crossing can be that a referenced rule
    /// finds: a tumbling window's is its start, and a closed one is known a lateness after its end.
    fn delay(&self, outer: usize, base: u8) -> i64 {
        let feeds = |rule: &Rule| rule.feeds.contains(&(outer, base));
        let inner = (0..self.rules.len()).filter(|inner| feeds(&self.rules[*inner]));
        let delay = |inner: usize| match &self.rules[inner].kind {
            Kind::Window { asks: Some(_), span, .. } => span + self.reach(inner),
            Kind::Window { sliding: false, span, .. } => span + self.greatest_delay(inner),
            _ => self.greatest_delay(inner),
        };
        inner.map(delay).max().unwrap_or(0)
    }

    fn greatest_delay(&self, rule: usize) -> i64 {
        (0..32).map(|base| self.delay(rule, base)).max().unwrap_or(0)
    }

    /// How far behind the watermark the last thing may be that a rule counts.
    fn reach(&self, rule: usize) -> i64 {
        self.rules[rule].lateness.unwrap_or(self.settings.lateness) + self.greatest_delay(rule)
    }

    /// §5: windows that close on the watermark's way up, each when it does.
    fn close_windows(&mut self, upto: i64) {
        while self.open.first().is_some_and(|(close, ..)| *close <= upto) {
            let Some((close, index, _, pane, group)) = self.open.pop_first() else { break };
            self.watermark = Some(self.watermark.map_or(close, |at| at.max(close)));
            self.close_window(index, pane, group);
        }
    }

    fn close_window(&mut self, index: usize, pane: i64, group: Vec<Value>) {
        let rule = self.rules[index].clone();
        let Kind::Window { span, measure, tiers, asks: Some(asks), .. } = &rule.kind else {
            return;
        };
        let counted = self.counted[&(index, group)].clone();
        let inside: Vec<&Counted> = counted.iter().filter(|one| one.pane == pane).collect();
        let newest = counted.iter().map(|one| one.pane).max();
        self.tally.closed_behind += usize::from(newest != Some(pane));
        let Some((amount, of)) = closed_amount(measure, &inside, (*span, self.settings)) else {
            self.tally.without_amount += 1;
            return;
        };
        let holds = |(ask, number): &(Ask, u64)| {
            let number = u128::from(*number) * of;
            match ask {
                Ask::Above => amount > number,
                Ask::AtLeast => amount >= number,
                Ask::Below => amount < number,
                Ask::AtMost => amount <= number,
                Ask::Equal => amount == number,
                Ask::Other => amount != number,
            }
        };
        if !asks.iter().all(holds) {
            return;
        }
        self.tally.closed += 1;
        self.tally.between += usize::from(!amount.is_multiple_of(of));
        let last = inside[inside.len() - 1];
        if !rule.silent {
            let reached = tiers.iter().rev().find(|tier| u128::from(tier.0) * of <= amount);
            let &(threshold, level) = reached.unwrap_or(&tiers[0]);
            let opening = Episode {
                opened: pane,
                expires: pane + rule.period + self.reach(index) + span,
                sequence: 1,
                level,
                reported: threshold,
            };
            let group_by = rule.group_by_of.get(last.way);
            let crossed = self.cross_as(index, &rule, (&last.event, group_by), opening);
            if let Some((episode, previous_level)) = crossed {
                let shown = u64::try_from((2 * amount + of) / (2 * of)).unwrap_or(u64::MAX);
                let all = inside.iter().fold(0u32, |all, one| all | one.bases);
                let latest = &inside[inside.len().saturating_sub(self.settings.look_back)..];
                let (first_seen, last_seen) = seen(&inside, false);
                self.report(Finding {
                    amount: match measure {
                        Measure::Rules { .. } => u64::from(all.count_ones()),
                        _ => shown,
                    },
                    count: inside.len() as u64,
                    threshold: (threshold > 0).then_some(threshold),
                    window: Some((pane, pane + span)),
                    first_seen,
                    last_seen,
                    collected: collected(&rule, &inside, latest, self.settings),
                    events: shown_events(latest),
                    late: false,
                    ..headed(index, &rule, (&last.event, group_by), episode, previous_level)
                });
            }
        }
        self.feed((&rule, last.way), &last.event, &[pane]);
    }

    fn apply_match(
        &mut self,
        index: usize,
        rule: &Rule,
        event: &Event,
        (time, is_late): (i64, bool),
        lateness: i64,
    ) {
        if rule.silent {
            return;
        }
        // §13: lives until max(t, watermark) + P + L + horizon.
        let now = self.watermark.map_or(time, |watermark| watermark.max(time));
        let expires = now + rule.period + lateness + self.settings.duplicate_horizon;
        let opening =
            Episode { opened: time, expires, sequence: 1, level: rule.level, reported: 0 };
        let Some((episode, previous_level)) = self.cross(index, rule, event, opening) else {
            return;
        };
        let collected = rule.collect.iter().map(|(name, field, how)| {
            let value = event.fields.get(field).cloned().flatten();
            let shown = match how {
                Collect::Distinct(most) => {
                    Collected::Values(value.into_iter().take(*most).collect())
                }
                Collect::Different => Collected::Amount(Some(u64::from(value.is_some()))),
                _ => Collected::Amount(value.as_deref().and_then(amount)),
            };
            (name.clone(), shown)
        });
        let collected = collected.collect();
        self.report(Finding {
            amount: 1,
            count: 1,
            threshold: None,
            window: None,
            first_seen: time,
            last_seen: time,
            collected,
            events: vec![event.id.clone()],
            late: is_late,
            ..headed(index, rule, (event, None), episode, previous_level)
        });
    }

    /// Gives the ends of the windows that cross now and did not before.
    fn apply_window(
        &mut self,
        Coming { rule: index, bases, way, .. }: Coming,
        rule: &Rule,
        event: &Event,
        (time, group): (i64, Vec<Value>),
    ) -> Vec<i64> {
        let mut new = Vec::new();
        let reach = self.reach(index);
        let Kind::Window { sliding, span, measure, tiers, asks } = &rule.kind else { return new };
        let width = grid(*sliding, *span);
        let own = match measure {
            Measure::Sum(field) => {
                event.fields.get(field).cloned().flatten().as_deref().and_then(amount).unwrap_or(0)
            }
            _ => 1,
        };
        let pane = time.div_euclid(width) * width;
        if asks.is_some() {
            let order = (self.settings.order)(&group);
            self.open.insert((pane + span + reach, index, order, pane, group.clone()));
        }
        let counted = self.counted.entry((index, group)).or_default();
        counted.push(Counted { event: event.clone(), time, pane, amount: own, bases, way });
        if asks.is_some() {
            return new;
        }

        // §5: every window that holds the event. A sliding one ends at an event's time.
        let ends: BTreeSet<i64> = if *sliding {
            let ends = counted.iter().map(|other| other.pane);
            ends.filter(|end| pane <= *end && *end < pane + span).collect()
        } else {
            BTreeSet::from([pane])
        };
        let newest = counted.iter().map(|other| other.pane).max();
        let counted = counted.clone();
        let last = counted.len() - 1;
        let group_by = rule.group_by_of.get(way);
        let mut is_told = false;
        for end in ends {
            let inside: Vec<&Counted> = counted
                .iter()
                .filter(|other| {
                    if *sliding {
                        end - span < other.pane && other.pane <= end
                    } else {
                        other.pane == end
                    }
                })
                .collect();
            let sum = amount_of(measure, &inside, self.settings);
            let Some(&(threshold, level)) = tiers.iter().rev().find(|tier| tier.0 <= sum) else {
                continue;
            };
            // The event is the last one that counted.
            let without: Vec<&Counted> =
                inside.iter().copied().filter(|one| !std::ptr::eq(*one, &counted[last])).collect();
            let is_end = !*sliding || without.iter().any(|other| other.pane == end);
            let before = match measure {
                // At the greatest amount there is, what is left of it: sums saturate.
                Measure::Count | Measure::Sum(_) => sum.saturating_sub(own),
                _ => amount_of(measure, &without, self.settings),
            };
            if !is_end || before < tiers[0].0 {
                new.push(end);
            }
            if rule.silent {
                continue;
            }
            self.tally.ties += usize::from(sum == threshold);
            self.tally.crossings_behind += usize::from(newest != Some(pane));
            let opening = Episode {
                opened: end,
                expires: end + rule.period + reach + width,
                sequence: 1,
                level,
                reported: threshold,
            };
            if is_told {
                // Each match is one finding, of the first window that it crossed.
                continue;
            }
            is_told = rule.period == 0;
            let crossed = self.cross_as(index, rule, (event, group_by), opening);
            if let Some((episode, previous_level)) = crossed {
                let latest = &counted[counted.len().saturating_sub(self.settings.look_back)..];
                // An event can count twice: itself, and by what another rule found with it.
                let is_inside =
                    |other: &&Counted| inside.iter().any(|one| std::ptr::eq(*one, *other));
                let shown: Vec<&Counted> = latest.iter().filter(is_inside).collect();
                let (first_seen, last_seen) = seen(&inside, *sliding);
                let amount = match measure {
                    Measure::Rules { .. } => {
                        let all = inside.iter().fold(0u32, |all, one| all | one.bases);
                        u64::from(all.count_ones())
                    }
                    _ => sum,
                };
                self.report(Finding {
                    amount,
                    count: inside.len() as u64,
                    threshold: Some(threshold),
                    window: Some(if *sliding { (end - span, end) } else { (end, end + span) }),
                    first_seen,
                    last_seen,
                    collected: collected(rule, &inside, &shown, self.settings),
                    events: shown_events(&shown),
                    late: false,
                    ..headed(index, rule, (event, group_by), episode, previous_level)
                });
            }
        }
        new
    }

    fn cross(
        &mut self,
        index: usize,
        rule: &Rule,
        event: &Event,
        opening: Episode,
    ) -> Option<(Episode, Option<u8>)> {
        self.cross_as(index, rule, (event, None), opening)
    }

    /// §6. `None`: the crossing says nothing new.
    fn cross_as(
        &mut self,
        index: usize,
        rule: &Rule,
        (event, group_by): (&Event, Option<&Vec<String>>),
        opening: Episode,
    ) -> Option<(Episode, Option<u8>)> {
        if rule.period == 0 {
            return Some((opening, None));
        }
        let group_by = group_by.unwrap_or(&rule.group_by);
        let key = values(event, rule.dedup_key.as_ref().unwrap_or(group_by));
        let episodes = self.episodes.entry((index, key)).or_default();
        episodes.retain(|episode| self.watermark.is_none_or(|at| at <= episode.expires));
        let near = |episode: &&mut Episode| (opening.opened - episode.opened).abs() < rule.period;
        // Of two it continues the one that opened before it.
        let before = episodes.iter_mut().filter(near).filter(|one| one.opened <= opening.opened);
        let episode = match before.max_by_key(|one| one.opened) {
            Some(episode) => Some(episode),
            None => episodes.iter_mut().filter(near).min_by_key(|one| one.opened),
        };
        match episode {
            None => {
                episodes.push(opening);
                Some((opening, None))
            }
            Some(episode) if opening.reported > episode.reported => {
                let previous = episode.level;
                episode.reported = opening.reported;
                episode.level = previous.max(opening.level);
                episode.sequence += 1;
                Some((*episode, Some(previous)))
            }
            Some(_) => None,
        }
    }

    fn report(&mut self, finding: Finding) {
        let kind = &self.rules[finding.rule].kind;
        self.tally.together +=
            usize::from(matches!(kind, Kind::Window { measure: Measure::Rules { .. }, .. }));
        if finding.escalates {
            self.tally.escalates += 1;
        } else {
            self.tally.creates += 1;
        }
        self.findings.push(finding);
    }
}

fn headed(
    index: usize,
    rule: &Rule,
    (event, group_by): (&Event, Option<&Vec<String>>),
    episode: Episode,
    previous_level: Option<u8>,
) -> Finding {
    let named = |names: &[String], from: &[String]| -> Vec<(String, Value)> {
        names.iter().cloned().zip(values(event, from)).collect()
    };
    let from = group_by.unwrap_or(&rule.group_by);
    Finding {
        rule: index,
        escalates: previous_level.is_some(),
        sequence: episode.sequence,
        opened: episode.opened,
        level: episode.level,
        previous_level,
        group: named(&rule.group_by, from),
        dedup_key: match &rule.dedup_key {
            Some(key) => named(key, key),
            None => named(&rule.group_by, from),
        },
        per_event: rule.period == 0,
        trigger: event.id.clone(),
        amount: 0,
        count: 0,
        threshold: None,
        window: None,
        first_seen: 0,
        last_seen: 0,
        collected: Vec::new(),
        events: Vec::new(),
        late: false,
    }
}

fn values(event: &Event, names: &[String]) -> Vec<Value> {
    names.iter().map(|name| event.fields.get(name).cloned().flatten()).collect()
}
