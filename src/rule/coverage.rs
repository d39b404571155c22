//! Whether all events that a rule counts together arrive in one partition (semantics.md §11).

/// Fields that are functions of another one: events that agree on the first agree on the second.
const DETERMINED_BY: [(&str, &str); 2] =
    [("userIdentity.arn", "tidegate.principal"), ("tidegate.principal", "tidegate.principal_name")];

/// Whether events that agree on `fields` agree on every one of `wanted`.
///
/// No wanted field at all means that equal events may be anywhere: then nothing determines where.
pub(super) fn determines(fields: &[&str], wanted: &[String]) -> bool {
    !wanted.is_empty() && wanted.iter().all(|wanted| is_determined(fields, wanted))
}

fn is_determined(fields: &[&str], wanted: &str) -> bool {
    let mut known: Vec<&str> = fields.to_vec();
    let mut next = 0;
    while let Some(field) = known.get(next).copied() {
        next += 1;
        for (from, to) in DETERMINED_BY {
            if from == field && !known.contains(&to) {
                known.push(to);
            }
        }
    }
    known.contains(&wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arn_determines_the_principal_and_not_the_reverse() {
        let key = |name: &str| vec![name.to_owned()];

        assert!(determines(&["userIdentity.arn", "x"], &key("tidegate.principal")));
        assert!(determines(&["userIdentity.arn"], &key("tidegate.principal_name")));
        assert!(determines(&["tidegate.bucket"], &key("tidegate.bucket")));
        assert!(!determines(&["tidegate.principal"], &key("userIdentity.arn")));
        assert!(!determines(&["tidegate.bucket"], &key("tidegate.principal")));
        assert!(!determines(&[], &key("tidegate.principal")));
        assert!(!determines(&["tidegate.principal"], &[]));
    }
}
