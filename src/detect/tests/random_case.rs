//! Random input for engine and reference: one seed decides everything.

use super::reference::{Ask, Collect, Event, Kind, Measure, Reference, Rule, Settings};
use super::table::order;

/// A small generator (`SplitMix64`), so that a seed means the same for ever.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x9e37_79b9)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `[from, to]`.
    pub(super) fn between(&mut self, from: i64, to: i64) -> i64 {
        let width = (to - from + 1).max(1).unsigned_abs();
        from + (self.next() % width).cast_signed()
    }

    pub(super) fn percent(&mut self, chance: i64) -> bool {
        self.between(1, 100) <= chance
    }

    pub(super) fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        let last = i64::try_from(all.len()).unwrap() - 1;
        all[usize::try_from(self.between(0, last)).unwrap()].clone()
    }
}

/// Rules, settings and what an event stream looks like.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) rules: Vec<Rule>,
    pub(super) settings: Settings,
    pub(super) events: usize,
    random: Random,
    /// Seconds, or minutes for windows beyond an hour.
    unit: i64,
    /// Greatest step of the stream's clock.
    step: i64,
    has_record_times: bool,
    has_millis: bool,
    now: i64,
    /// Past events, with how long each is remembered.
    past: Vec<(Event, i64)>,
}

const START: i64 = 1_736_899_200_000;
const HOUR: i64 = 3_600_000;

impl Case {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let unit = random.one_of(&[1000, 1000, 60_000]);
        let lateness = random.between(0, 200) * unit;
        let mut rules: Vec<Rule> =
            (0..random.between(2, 5)).map(|_| rule(&mut random, unit)).collect();
        if random.percent(30) {
            // Two rules with one group, different periods.
            let mut twin = rules[0].clone();
            twin.period = random.between(1, 100) * unit;
            rules.push(twin);
        }
        if random.percent(50) {
            together(&mut random, unit, &mut rules);
            if random.percent(50) {
                over_that(&mut random, unit, &mut rules);
            }
        }
        let greatest = rules.iter().filter_map(|rule| rule.lateness).chain([lateness]).max();
        let duplicate_horizon = greatest.unwrap_or(lateness) + random.between(0, 100) * unit;
        let look_back = random.one_of(&[3, 25, 500]);
        let distinct_values = random.one_of(&[2, 4, 10_000]);
        let settings = Settings {
            lateness,
            future_skew: 300_000,
            duplicate_horizon,
            look_back,
            distinct_values,
            order,
        };
        Self {
            settings,
            events: usize::try_from(random.between(200, 260)).unwrap(),
            unit,
            step: random.between(1, 12) * unit,
            has_record_times: random.percent(60),
            has_millis: random.percent(30),
            now: START,
            past: Vec::new(),
            rules,
            random,
        }
    }

    /// The next event, given how far the reference is.
    pub(super) fn next_event(&mut self, number: usize, reference: &Reference) -> Event {
        self.now += if self.random.percent(25) { 0 } else { self.random.between(0, self.step) };
        let watermark = reference.watermark().unwrap_or(self.now);
        if self.random.percent(8)
            && let Some(duplicate) = self.duplicate(watermark)
        {
            return duplicate;
        }
        let lateness = self.settings.lateness;
        let mut time = match self.random.between(1, 100) {
            1..=45 => self.now,
            46..=50 => watermark - lateness,
            51..=53 => watermark - lateness - 1,
            54..=58 => watermark - lateness - self.random.between(1, 200) * self.unit,
            _ => self.now - self.random.between(0, lateness),
        };
        if self.has_millis {
            time += self.random.between(0, 999);
        } else if !self.random.percent(3) {
            time = time.div_euclid(1000) * 1000;
        }
        let mut event = Event {
            id: format!("event-{number}"),
            shared_id: self.random.percent(10).then(|| format!("shared-{number}")),
            time,
            record_time: self.has_record_times.then_some(self.now + 1000),
            ..Event::default()
        };
        if self.has_record_times && self.random.percent(3) {
            event.time = self.now + 1000 + 300_000 + self.random.between(0, 2) * 40 * self.unit;
        }
        let who = self.random.one_of(&["alice", "alice", "alice", "bob", "carol", ""]);
        let place = self.random.one_of(&["here", "here", "there", ""]);
        let bytes = self.random.one_of(&["10", "10", "5", "20", "1", "0", "50", "many", ""]);
        let number = self.random.between(0, 15);
        let what = format!("object-{number}{}", "-long".repeat(if number > 7 { 5 } else { 0 }));
        for (name, value) in [("who", who), ("where", place), ("bytes", bytes), ("what", &what)] {
            event.fields.insert(name.to_owned(), (!value.is_empty()).then(|| value.to_owned()));
        }
        if self.random.percent(2) {
            event.fields.insert("bytes".to_owned(), Some((u64::MAX - 3).to_string()));
        }
        let all = 0..self.rules.len();
        event.rules = all.filter(|_| self.random.percent(60)).collect();
        if self.random.percent(50) {
            event.rules = (0..self.rules.len()).collect();
        }
        for rule in event.rules.clone() {
            if self.rules[rule].is_over_others() {
                let bases = u32::try_from(self.random.between(0, 7)).unwrap();
                let bases = bases & self.rules[rule].bases_of_events();
                event.bases.insert(rule, bases);
                event.rules.retain(|other| *other != rule || bases > 0);
            }
        }
        self.remember(&event, reference.watermark());
        event
    }

    /// An event that matches nothing and lies behind everything.
    pub(super) fn last_event(&self) -> Event {
        Event { id: "last".to_owned(), time: self.now + 1_000_000 * HOUR, ..Event::default() }
    }

    /// A number that decides something besides the events.
    pub(super) fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    fn duplicate(&mut self, watermark: i64) -> Option<Event> {
        let recent = self.past.len().min(60);
        if recent == 0 {
            return None;
        }
        let back = self.random.between(1, i64::try_from(recent).unwrap());
        let at = self.past.len() - usize::try_from(back).unwrap();
        let (mut event, until) = self.past[at].clone();
        if watermark > until {
            return None;
        }
        if event.record_time.is_some() {
            event.record_time = Some(self.now + 2000);
        }
        if event.shared_id.is_some() && self.random.percent(50) {
            event.id.push_str("-other-account");
        }
        Some(event)
    }

    fn remember(&mut self, event: &Event, watermark: Option<i64>) {
        let time = event.time.min(self.now);
        let until = watermark.map_or(time, |at| at.max(time)) + self.settings.duplicate_horizon;
        if !event.rules.is_empty() {
            self.past.push((event.clone(), until));
        }
    }
}

/// Adds a rule over several: some of what it counts are events, some what another rule finds.
fn together(random: &mut Random, unit: i64, rules: &mut Vec<Rule>) {
    let mut outer = over_others(random, unit);
    if random.percent(40) {
        let who = || vec!["who".to_owned()];
        outer.group_by = who();
        outer.group_by_of = vec![who(), vec!["where".to_owned()], who()];
        outer.dedup_key = None;
    }
    let at = rules.len();
    if random.percent(60) {
        let inner = random.between(0, i64::try_from(at).unwrap() - 1);
        let inner = &mut rules[usize::try_from(inner).unwrap()];
        inner.feeds = vec![(at, 2)];
        inner.silent = random.percent(50);
        // What feeds it is no event's own match.
        outer.collect.clear();
        outer.level = 4;
    }
    rules.push(outer);
}

/// Adds a rule over the last one, which may have several ways.
fn over_that(random: &mut Random, unit: i64, rules: &mut Vec<Rule>) {
    let mut outer = over_others(random, unit);
    let at = rules.len();
    let inner = &mut rules[at - 1];
    inner.feeds = vec![(at, 2)];
    inner.silent = random.percent(50);
    if !inner.group_by_of.is_empty() && random.percent(70) {
        outer.group_by = inner.group_by.clone();
        outer.dedup_key = None;
        // What it finds comes first here, in as many ways as it has.
        inner.feeds = vec![(at, 0)];
        let own = vec![vec!["what".to_owned()]];
        outer.group_by_of = [inner.group_by_of.clone(), own.clone(), own].concat();
        outer.first_way = vec![0, inner.group_by_of.len(), inner.group_by_of.len() + 1];
    }
    outer.collect.clear();
    outer.level = 4;
    rules.push(outer);
}

/// A rule over three others.
fn over_others(random: &mut Random, unit: i64) -> Rule {
    let mut outer = rule(random, unit);
    let asks = random.percent(40);
    let one = |all: &[u8], none: &[u8]| (all.to_vec(), none.to_vec());
    let any_of = if asks {
        random.one_of(&[
            vec![one(&[0], &[1])],
            vec![one(&[0, 1], &[2])],
            vec![one(&[], &[0])],
            vec![one(&[0, 2], &[1]), one(&[1], &[0, 2])],
            vec![one(&[0, 1, 2], &[])],
        ])
    } else {
        random.one_of(&[
            vec![one(&[0, 1], &[])],
            vec![one(&[0, 1, 2], &[])],
            vec![one(&[0, 1], &[]), one(&[0, 2], &[])],
            vec![one(&[1], &[]), one(&[0, 2], &[])],
        ])
    };
    let (measure, tiers) = match random.between(1, 4) {
        1 => (Measure::Signals(vec![Some(1), Some(2), None]), vec![(2, 2)]),
        2 => (Measure::Count, vec![(3, 1), (6, 3)]),
        _ => (Measure::Rules { any_of, ordered: random.percent(50) }, vec![(1, 2)]),
    };
    let (tiers, asks) = match measure {
        Measure::Rules { .. } if asks => (tiers, Some(vec![(Ask::AtLeast, 1)])),
        _ if asks => {
            let (tiers, asks) = asked(random, &measure);
            (tiers, Some(asks))
        }
        _ => (tiers, None),
    };
    let (sliding, span) = (asks.is_none(), random.between(1, 60) * unit);
    outer.kind = Kind::Window { sliding, span, measure, tiers, asks };
    outer
}

/// Least amounts and levels.
type Tiers = Vec<(u64, u8)>;

/// What is asked of closed windows, with tiers from where it begins.
fn asked(random: &mut Random, measure: &Measure) -> (Tiers, Vec<(Ask, u64)>) {
    let number = match measure {
        Measure::Sum(_) => random.between(1, 12) * 10,
        Measure::Mean(_) | Measure::Percentile(..) => random.between(3, 25),
        _ => random.between(1, 5),
    };
    let number = number.unsigned_abs();
    let more = number + random.between(1, 12).unsigned_abs();
    let metric = [Ask::Above, Ask::AtLeast];
    let asks = match random.between(1, 8) {
        1 => vec![(Ask::Below, number)],
        2 => vec![(Ask::AtMost, number)],
        3 => vec![(Ask::Equal, number)],
        4 => vec![(Ask::Other, number)],
        5 => vec![(Ask::AtLeast, number), (Ask::Below, more)],
        6 => vec![(Ask::Above, number), (Ask::AtMost, more)],
        _ => vec![(random.one_of(&metric), number)],
    };
    let first = match asks[0].0 {
        Ask::Above | Ask::AtLeast | Ask::Equal => number,
        Ask::Below | Ask::AtMost | Ask::Other => 0,
    };
    let mut tiers = vec![(first, 1)];
    if random.percent(40) {
        tiers.push((first + random.between(1, 6).unsigned_abs(), 3));
    }
    (tiers, asks)
}

impl Rule {
    fn is_over_others(&self) -> bool {
        let is_over = matches!(
            &self.kind,
            Kind::Window { measure: Measure::Rules { .. } | Measure::Signals(_), .. }
        );
        is_over || !self.group_by_of.is_empty()
    }

    /// Which of its referenced rules an event can match by itself.
    fn bases_of_events(&self) -> u32 {
        match (self.first_way.is_empty(), self.level) {
            (false, _) => 0b110,
            (true, 4) => 0b011,
            _ => 0b111,
        }
    }
}

fn rule(random: &mut Random, unit: i64) -> Rule {
    let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let group_by = random.one_of(&[texts(&["who"]), texts(&["who", "where"]), texts(&[])]);
    let kind = if random.percent(25) {
        Kind::Match
    } else if random.percent(20) {
        let learn = random.one_of(&[0, 0, 20]) * unit;
        Kind::NewTerms { history: random.between(1, 60) * unit, learn }
    } else {
        let span = match random.between(1, 4) {
            1 => random.between(1, 20) * unit,
            2 => random.between(1, 150) * unit,
            // Beyond an hour, and no multiple of a pane.
            3 if unit > 1000 => HOUR + random.between(1, 90_000) * 1000,
            _ => random.between(50, 80) * unit,
        };
        let first = random.between(1, 12).unsigned_abs();
        let (measure, scale) = match random.between(1, 5) {
            1..=2 => (Measure::Sum("bytes".to_owned()), 10),
            3..=4 => (Measure::Count, 1),
            _ => (
                Measure::Distinct(random.one_of(&[texts(&["what"]), texts(&["where", "what"])])),
                1,
            ),
        };
        let count = random.between(1, 3);
        let tiers = (0..count).map(|tier| {
            let tier = tier.unsigned_abs();
            (first * (tier + 1) * scale, u8::try_from(tier + 1).unwrap())
        });
        let tiers = tiers.collect();
        if random.percent(35) {
            let measure = match random.between(1, 5) {
                1 => Measure::Mean("bytes".to_owned()),
                2 => Measure::Percentile("bytes".to_owned(), random.one_of(&[0, 25, 50, 50, 95])),
                _ => measure,
            };
            let (tiers, asks) = asked(random, &measure);
            Kind::Window { sliding: false, span, measure, tiers, asks: Some(asks) }
        } else {
            Kind::Window { sliding: random.percent(70), span, measure, tiers, asks: None }
        }
    };
    let number = |random: &mut Random| random.one_of(&[1usize, 2, 3, 4]);
    let mut collect = Vec::new();
    if random.percent(60) {
        collect.push(("first".to_owned(), "what".to_owned(), Collect::Distinct(number(random))));
        collect.push(("people".to_owned(), "who".to_owned(), Collect::Distinct(number(random))));
    }
    if random.percent(30) {
        collect.push(("different".to_owned(), "what".to_owned(), Collect::Different));
        collect.push(("places".to_owned(), "where".to_owned(), Collect::Different));
    }
    if random.percent(40) {
        for (name, how) in [("all", Collect::Sum), ("least", Collect::Min), ("most", Collect::Max)]
        {
            collect.push((name.to_owned(), "bytes".to_owned(), how));
        }
    }
    let group_by = match kind {
        Kind::NewTerms { .. } => random.one_of(&[texts(&["what"]), texts(&["who", "where"])]),
        _ => group_by,
    };
    Rule {
        kind,
        skip_missing_group: random.percent(25),
        lateness: random.percent(25).then(|| random.between(0, 300) * unit),
        level: 3,
        period: random.one_of(&[0, 5, 30, 60, 60, 400]) * unit,
        dedup_key: random.percent(20).then(|| texts(&["where"])),
        group_by,
        collect,
        group_by_of: Vec::new(),
        first_way: Vec::new(),
        feeds: Vec::new(),
        silent: false,
    }
}
