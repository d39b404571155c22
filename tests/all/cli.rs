//! The program as a new user meets it: what it prints and how it exits when something is wrong.

mod broker_down;
mod configuration;
mod demo;
mod inputs;
pub(crate) mod process;
mod rule_verbs;
