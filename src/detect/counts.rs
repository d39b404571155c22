//! What the engine counted; its caller adds the numbers to its metrics.

/// Plain counts since [`super::Engine::take_counts`] was last called.
///
/// Outcomes are not among them: `step` returns one for each event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events ahead of their record by more than the allowed skew.
    pub future: u64,
    /// Amounts that are no usable number (semantics.md §4).
    pub bad_amounts: u64,
    /// Events that matched, by rule; duplicates are left out.
    pub matches: Vec<u64>,
    /// Events that crossed, or stand under an episode that has said all it can, and wrote nothing;
    /// by rule.
    pub suppressed: Vec<u64>,
    /// Groups that left the state because the watermark passed them.
    pub expired_groups: u64,
    /// Pages and episodes read from the store because they were not in memory.
    pub cache_misses: u64,
}

impl Counts {
    pub(super) fn for_rules(rules: usize) -> Self {
        Self { matches: vec![0; rules], suppressed: vec![0; rules], ..Self::default() }
    }
}

/// Adds one to a rule's count.
pub(super) fn add_one(counts: &mut [u64], rule: usize) {
    if let Some(count) = counts.get_mut(rule) {
        *count += 1;
    }
}
