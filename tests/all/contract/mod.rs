//! What leaves tidegate is what its consumers were promised (alerts.md §1.1, §3–§11).

mod constraints;
mod context_schema;
mod fixture;
mod golden;
mod ocsf;
mod principals;
mod size;
mod untrusted;
