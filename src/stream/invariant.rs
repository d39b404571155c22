//! What must always hold, as pure functions that production, simulation and tests share.

use super::cluster::Membership;
use super::error::StateProblem;
use crate::state::MetaRow;
use crate::units::Position;

/// X4: the state on disk is a committed prefix: its meta row names the offset that Kafka holds.
/// A hole anywhere in the protocol ends here, loudly, instead of in a wrong alert.
///
/// # Errors
/// They differ; both positions are in the error.
pub fn meta_row_agrees_with_committed_offset(
    meta: Option<&MetaRow>,
    committed: Option<Position>,
) -> Result<(), StateProblem> {
    let expected = meta.map(|row| row.next_input);
    if expected != committed {
        return Err(StateProblem::OffsetsDiffer { expected, committed });
    }
    Ok(())
}

/// X3: only a member of a generation commits. Before the first join the client answers (-1, ""),
/// and a broker accepts exactly these values unfenced, for old clients (exactly-once.md §3).
#[must_use]
pub fn may_commit(membership: &Membership) -> bool {
    membership.generation >= 0 && !membership.member_id.is_empty() && !membership.is_lost
}

/// X2: input is taken in order and no record twice between two commits.
#[must_use]
pub fn is_next_input(expected: Position, offset: crate::units::Offset) -> bool {
    offset.0 >= expected.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_never_joined_may_not_commit() {
        let mut membership =
            Membership { generation: -1, member_id: String::new(), is_lost: false };
        assert!(!may_commit(&membership));

        membership.generation = 3;
        assert!(!may_commit(&membership), "an empty member id alone is enough to refuse");

        membership.member_id = "m-1".to_owned();
        assert!(may_commit(&membership));

        membership.is_lost = true;
        assert!(!may_commit(&membership));
    }

    #[test]
    fn a_meta_row_without_a_committed_offset_is_a_problem_and_the_reverse_is_one_too() {
        let meta = MetaRow {
            next_input: Position(7),
            watermark: None,
            rules: Vec::new(),
            learning: Vec::new(),
            sequence: 1,
            instance: "a".to_owned(),
        };

        assert!(meta_row_agrees_with_committed_offset(Some(&meta), Some(Position(7))).is_ok());
        assert!(meta_row_agrees_with_committed_offset(None, None).is_ok());
        assert!(meta_row_agrees_with_committed_offset(Some(&meta), None).is_err());
        assert!(meta_row_agrees_with_committed_offset(None, Some(Position(7))).is_err());
        assert!(meta_row_agrees_with_committed_offset(Some(&meta), Some(Position(8))).is_err());
    }
}
