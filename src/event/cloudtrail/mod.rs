//! CloudTrail: which record is an event, and what follows from its members (sources.md §2).
//!
//! `input` names every member that is read, `kinds` judges a record, `identity` knows who acted,
//! `resources` what was touched, `copy_source` where a copy came from, `policy`, `grants` and `selectors`
//! what a change of configuration opens or hides, `derive` lists the derived fields.

mod copy_source;
mod derive;
mod grants;
mod identity;
mod input;
mod kinds;
mod policy;
mod resources;
mod selectors;

pub(super) use derive::{Context, Derived};
pub use derive::{derived_names, is_known_derived};
pub(super) use input::{INPUTS, Input, Raw};
pub(super) use kinds::{Kind, judge, judge_record, shared_identity};
pub(super) use policy::has_unreadable_policy;
pub(super) use resources::{ResourceEntry, is_plain_bucket_name};
