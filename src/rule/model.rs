//! A checked rule as the engine and the alert writer see it.

use super::amount::Condition;
use super::bump::Bump;
use super::level_from::LevelFrom;
use crate::event::{FieldId, Source};
use crate::units::Span;

/// Index of an alerting rule in its rule set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleIndex(pub u16);

/// Fingerprint of what a rule's state depends on (semantics.md §10): kind, base rules and filters,
/// group-by, timespan, window kind, field. Thresholds, texts, dedup periods and lists are not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateId(pub u64);

/// Sigma's levels, ascending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// `informational`
    Informational,
    /// `low`
    Low,
    /// `medium`
    Medium,
    /// `high`
    High,
    /// `critical`
    Critical,
}

impl Level {
    /// All of them, ascending.
    pub const ALL: [Self; 5] =
        [Level::Informational, Level::Low, Level::Medium, Level::High, Level::Critical];

    /// One step more severe; critical stays.
    #[must_use]
    pub const fn raised(self) -> Self {
        match self {
            Level::Informational => Level::Low,
            Level::Low => Level::Medium,
            Level::Medium => Level::High,
            Level::High | Level::Critical => Level::Critical,
        }
    }

    /// Sigma's word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Level::Informational => "informational",
            Level::Low => "low",
            Level::Medium => "medium",
            Level::High => "high",
            Level::Critical => "critical",
        }
    }

    /// The level of Sigma's word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "informational" => Some(Level::Informational),
            "low" => Some(Level::Low),
            "medium" => Some(Level::Medium),
            "high" => Some(Level::High),
            "critical" => Some(Level::Critical),
            _ => None,
        }
    }
}

/// Sigma's `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// `stable`
    Stable,
    /// `test`
    Test,
    /// `experimental`, `deprecated`, `unsupported` or absent.
    Other,
}

/// What people read of a rule.
#[derive(Debug, Clone)]
pub struct RuleText {
    /// Sigma `id`; the `name` when there is none.
    pub id: String,
    /// Sigma `name`; the id when there is none.
    pub name: String,
    /// Sigma `title`.
    pub title: String,
    /// Sigma `description`, may be empty.
    pub description: String,
    /// Sigma `author`, may be empty.
    pub author: String,
    /// Sigma `modified`, else `date`, as written; may be empty.
    pub version: String,
    /// Sigma `status`.
    pub status: Status,
    /// Sigma `tags`.
    pub tags: Vec<String>,
    /// Sigma `references`.
    pub references: Vec<String>,
    /// `product/service` of the log source.
    pub category: String,
    /// `tidegate.runbook`, may be empty.
    pub runbook: String,
    /// `tidegate.title` as written (placeholders checked); `None` means `title: key values`.
    pub alert_title: Option<String>,
    /// `tidegate.alert-context`: our name, and a field name, collected name or `%list%`.
    pub alert_context: Vec<(String, String)>,
}

/// A rule that can alert.
#[derive(Debug, Clone)]
pub struct Rule {
    /// What people read.
    pub text: RuleText,
    /// The log it applies to.
    pub source: Source,
    /// What it looks for.
    pub kind: Kind,
    /// Fingerprint of its state.
    pub state_id: StateId,
    /// Group-by fields in rule order; for new terms the term, for a stateless rule its dedup key.
    pub group_by: Vec<FieldId>,
    /// What an absent group field means.
    pub missing_group: MissingGroup,
    /// How far behind the watermark an event still counts; `None` = the source's.
    pub allowed_lateness: Option<Span>,
    /// Level of a stateless rule; for an aggregation the level of its first tier.
    pub level: Level,
    /// Severity from the event; only a stateless rule's.
    pub level_from: Option<LevelFrom>,
    /// What raises a finding's severity by one step.
    pub bump: Option<Bump>,
    /// Episodes.
    pub dedup: Dedup,
    /// Values carried in the finding.
    pub collect: Vec<Collect>,
    /// The fields that stand for `group_by`, by the way in which an event comes to the rule: each
    /// referenced rule is a way, one that has ways itself is as many. Empty when all have the fields of
    /// `group_by` themselves.
    pub group_by_of: Vec<Vec<FieldId>>,
    /// By referenced rule the first of its ways; empty when each is one.
    pub first_way: Vec<u16>,
    /// Correlations that count what this rule finds, and as which of their rules.
    pub feeds: Vec<(RuleIndex, u8)>,
    /// Only correlations refer to it: it makes no findings of its own.
    pub silent: bool,
}

impl Rule {
    /// Every level that a finding of it can have, ascending.
    #[must_use]
    pub fn levels(&self) -> Vec<Level> {
        let mut levels = match &self.kind {
            Kind::Window(window) => window.tiers.iter().map(|tier| tier.level).collect(),
            Kind::Match | Kind::NewTerms(_) => vec![self.level],
        };
        levels.extend(self.level_from.iter().flat_map(LevelFrom::levels));
        if self.bump.is_some() {
            levels.extend(levels.clone().into_iter().map(Level::raised));
        }
        levels.sort_unstable();
        levels.dedup();
        levels
    }
}

/// A rule that an event matches, and by which of its referenced rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Matched {
    /// The alerting rule.
    pub rule: RuleIndex,
    /// Bit n: the nth referenced rule, in the order of `rules:`; bit 0 for a detection itself.
    pub bases: u32,
}

/// What a rule looks for.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Each matching event is a crossing.
    Match,
    /// A window over matching events crosses a threshold.
    Window(Window),
    /// The rule's group-by values were not seen within the history (semantics.md §7).
    NewTerms(NewTerms),
}

/// First sightings of a tuple of values: the rule's group-by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewTerms {
    /// H: a tuple not seen for so long is new again.
    pub history: Span,
    /// No alert until the partition has seen so much event time under this rule.
    pub learn: Span,
}

/// An aggregation (semantics.md §5).
#[derive(Debug, Clone)]
pub struct Window {
    /// Sliding or tumbling.
    pub kind: WindowKind,
    /// `timespan`, W.
    pub span: Span,
    /// What is added up.
    pub measure: Measure,
    /// The condition as written, for texts.
    pub condition: Condition,
    /// Ascending by `gte`, at least one; the first is the condition itself, or where it begins.
    pub tiers: Vec<Tier>,
    /// What it asks can turn false again: it is asked once, when no event of the window counts any
    /// more. Else it fires as soon as it holds.
    pub closes: bool,
}

/// What a window adds up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measure {
    /// `event_count`
    Count,
    /// `value_sum` of a field.
    Sum(FieldId),
    /// `value_count`: different tuples of the fields' values; one with an absent field is none.
    Distinct {
        /// At least one.
        fields: Vec<FieldId>,
        /// `approximate`: of `2^sampled` values one is counted and stands for all; 0 counts each.
        sampled: u8,
    },
    /// `value_count` of `tidegate.signal`: different signals of the referenced rules.
    Signals {
        /// By referenced rule, a hash of its signal; `None` for a rule without one.
        of: Vec<Option<u64>>,
    },
    /// `value_avg` of a field: over the events that have an amount there.
    Mean(FieldId),
    /// `value_percentile`, and `value_median` as the 50th.
    Percentile {
        /// Whose amounts.
        field: FieldId,
        /// 0 to 100.
        percent: u8,
    },
    /// `temporal`, `temporal_ordered`: which of the referenced rules matched.
    Rules {
        /// One of them is enough.
        any_of: Vec<Combination>,
        /// Their matches must follow each other as the rules are listed.
        ordered: bool,
    },
}

/// Referenced rules by number, ascending.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Combination {
    /// They matched.
    pub all: Vec<u8>,
    /// They did not.
    pub none: Vec<u8>,
}

impl Combination {
    /// As overviews and fingerprints have it.
    pub(super) fn to_json(&self) -> serde_json::Value {
        if self.none.is_empty() {
            serde_json::json!(self.all)
        } else {
            serde_json::json!({"all": self.all, "none": self.none})
        }
    }
}

impl Measure {
    /// Up to how many different values a window's count is exact, and where it stops (semantics.md §5).
    ///
    /// The same for a rule that asks for ten: a finding carries the amount of the window that crossed
    /// (semantics.md §9), which is far above the threshold when a dedup period ends in the middle of a
    /// crawl, and an amount cut off at the rule's own threshold would hide by how much. What that costs
    /// is memory of groups near their threshold alone, up to four times as many values each; they are made
    /// from the journal and let go when the cache is short of room.
    pub const DISTINCT_MAX: usize = 10_000;

    /// Most rules that a correlation may refer to: one bit each.
    pub const RULES_MAX: usize = 32;

    /// The fields whose values it looks at.
    #[must_use]
    pub fn fields(&self) -> &[FieldId] {
        match self {
            Self::Count | Self::Signals { .. } | Self::Rules { .. } => &[],
            Self::Sum(field) | Self::Mean(field) | Self::Percentile { field, .. } => {
                std::slice::from_ref(field)
            }
            Self::Distinct { fields, .. } => fields,
        }
    }
}

/// Which windows there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WindowKind {
    /// (t − W, t] for every event time t.
    Sliding,
    /// [kW, (k+1)W) from the Unix epoch.
    Tumbling,
}

/// An amount from which on a finding has a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// The least amount.
    pub gte: u64,
    /// The level from there on.
    pub level: Level,
}

/// `tidegate.dedup`
#[derive(Debug, Clone)]
pub struct Dedup {
    /// P; zero means that each match is a finding.
    pub period: Span,
    /// Fields of the dedup key; `None` = the group key.
    pub key: Option<Vec<FieldId>>,
}

/// `tidegate.missing-group`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingGroup {
    /// Absent is a group of its own.
    Group,
    /// The event does not count.
    Skip,
}

/// One entry of `tidegate.collect`.
#[derive(Debug, Clone)]
pub struct Collect {
    /// Name in the finding.
    pub name: String,
    /// Where the values come from.
    pub field: FieldId,
    /// What is kept.
    pub how: CollectHow,
}

/// What `collect` keeps of a field (semantics.md §9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CollectHow {
    /// First n distinct values in arrival order.
    Sample(usize),
    /// Up to n distinct values.
    Set(usize),
    /// Sum of amounts.
    Sum,
    /// Least amount.
    Min,
    /// Greatest amount.
    Max,
    /// How many different values there are.
    Distinct,
}
