//! The loaded rules as the engine runs them: whose state is whose, computed once.
//!
//! Rules whose state fingerprint is the same share one state (semantics.md §10, rules.md §5), as
//! long as they also agree on lateness, missing groups and collected values; if not, the later one
//! gets a lane of its own. Distinct lists of group fields are numbered, so that an event's group is
//! hashed once for all rules that group alike.

use super::fingerprint::{salt, tag};
use super::limits::Limits;
use super::shape::Shape;
use crate::event::{FieldId, FieldSet};
use crate::rule::{Collect, CollectHow, Kind, Measure, MissingGroup, Rule, Window};
use crate::state::CacheKey;
use crate::units::Span;

/// Everything that `step` needs of the rules.
#[derive(Debug)]
pub(super) struct Plan {
    /// By rule index.
    pub(super) rules: Vec<RulePlan>,
    pub(super) states: Vec<StatePlan>,
    /// Distinct lists of fields that groups and dedup keys are made of.
    pub(super) field_lists: Vec<Box<[FieldId]>>,
    /// The source's or a rule's own, whichever is longest.
    pub(super) greatest_lateness: Span,
    /// State ids of all rules, for the meta row.
    pub(super) state_ids: Vec<u64>,
}

/// One rule.
#[derive(Debug)]
pub(super) struct RulePlan {
    /// Index of its state; `None` for a stateless rule.
    pub(super) state: Option<u16>,
    /// Index of its dedup key's list.
    pub(super) dedup_list: usize,
    /// Index of its group's list.
    pub(super) group_list: usize,
    pub(super) skips_missing: bool,
    pub(super) lateness: Span,
    /// P.
    pub(super) period: Span,
    /// Turns a dedup key's hash into the key of its episodes.
    pub(super) episodes_of: CacheKey,
}

/// One state: the groups of one or more rules.
#[derive(Debug)]
pub(super) struct StatePlan {
    /// Names the state in row keys.
    pub(super) tag: u64,
    /// Turns a group's hash into the key of its rows.
    pub(super) groups_of: CacheKey,
    pub(super) measure: Measure,
    pub(super) shape: Shape,
}

impl Plan {
    pub(super) fn new(rules: &[Rule], fields: &FieldSet, limits: &Limits) -> Self {
        let mut plan = Self {
            rules: Vec::with_capacity(rules.len()),
            states: Vec::new(),
            field_lists: Vec::new(),
            greatest_lateness: limits.allowed_lateness,
            state_ids: rules.iter().map(|rule| rule.state_id.0).collect(),
        };
        let mut owners: Vec<&Rule> = Vec::new();
        for rule in rules {
            let lateness = rule.allowed_lateness.unwrap_or(limits.allowed_lateness);
            plan.greatest_lateness = plan.greatest_lateness.max(lateness);
            let state = match &rule.kind {
                Kind::Match => None,
                Kind::Window(window) => {
                    Some(plan.state_of(rule, window, lateness, fields, &mut owners))
                }
            };
            let dedup = rule.dedup.key.as_ref().unwrap_or(&rule.group_by);
            plan.rules.push(RulePlan {
                state,
                dedup_list: number_of(&mut plan.field_lists, dedup),
                group_list: number_of(&mut plan.field_lists, &rule.group_by),
                skips_missing: rule.missing_group == MissingGroup::Skip,
                lateness,
                period: rule.dedup.period,
                episodes_of: salt(b'e', rule.text.id.as_bytes()),
            });
        }
        plan
    }

    /// The state with this tag.
    pub(super) fn state_with(&self, tag: u64) -> Option<(u16, &StatePlan)> {
        (0u16..).zip(&self.states).find(|(_, state)| state.tag == tag)
    }

    fn state_of<'r>(
        &mut self,
        rule: &'r Rule,
        window: &Window,
        lateness: Span,
        fields: &FieldSet,
        owners: &mut Vec<&'r Rule>,
    ) -> u16 {
        let mut lane = 0u8;
        for (at, owner) in (0u16..).zip(owners.iter()) {
            if owner.state_id != rule.state_id {
                continue;
            }
            if may_share(owner, rule) {
                return at;
            }
            lane = lane.saturating_add(1);
        }
        let mut name = rule.state_id.0.to_be_bytes().to_vec();
        name.push(lane);
        let shape = Shape::new(window, lateness, &rule.collect, collect_tag(&rule.collect, fields));
        owners.push(rule);
        self.states.push(StatePlan {
            tag: if lane == 0 { rule.state_id.0 } else { tag([name.as_slice()]) },
            groups_of: salt(b'g', &name),
            measure: window.measure,
            shape,
        });
        u16::try_from(self.states.len() - 1).unwrap_or(u16::MAX)
    }
}

fn number_of(lists: &mut Vec<Box<[FieldId]>>, list: &[FieldId]) -> usize {
    lists.iter().position(|known| **known == *list).unwrap_or_else(|| {
        lists.push(list.into());
        lists.len() - 1
    })
}

fn may_share(one: &Rule, other: &Rule) -> bool {
    let collects = |rule: &Rule| -> Vec<(FieldId, CollectHow)> {
        rule.collect.iter().map(|collect| (collect.field, collect.how)).collect()
    };
    one.allowed_lateness == other.allowed_lateness
        && one.missing_group == other.missing_group
        && collects(one) == collects(other)
}

/// Names are part of nothing here: a value is what field it came from and how it is kept.
fn collect_tag(collect: &[Collect], fields: &FieldSet) -> u32 {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    for collect in collect {
        parts.push(fields.name(collect.field).as_bytes().to_vec());
        parts.push(format!("{:?}", collect.how).into_bytes());
    }
    let tag = tag(parts.iter().map(Vec::as_slice)).to_be_bytes();
    u32::from_be_bytes([tag[0], tag[1], tag[2], tag[3]])
}
