//! Sigma as we read it, beside what others make of the same rules.
//!
//! `sigmahq`: the 57 rules of `tests/data/sigmahq`, each with an event that it must match and the
//! nearest one that it must not. `differential`: the corpus of `tests/data/conformance`, with the
//! recorded answers of pySigma (which rules it takes) and rsigma (which events they match); every
//! difference is a row of one table, with the reason.

mod corpus;
mod deviations;
mod differential;
mod sigmahq;
