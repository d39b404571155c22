//! The engine against semantics.md: boundaries one by one, then everything at once.
//!
//! | file | proves |
//! |---|---|
//! | `against_reference` | 1,000 random cases equal the slow reference, and each planted fault would show |
//! | `boundaries` | one sentence of semantics.md for each test |
//! | `restarts` | commits, restarts, cache bounds and expiry change nothing |

mod against_reference;
mod boundaries;
mod random_case;
mod restarts;
mod table;

#[path = "../../../tests/reference/mod.rs"]
mod reference;
