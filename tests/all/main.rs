//! All tests that need no broker, in one binary: each binary links librdkafka and RocksDB.
//!
//! This file is the index: a sentence for each module, nothing else.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that panics has failed")]

// The program as a new user meets it: help, mistakes that are named with their place, exit codes.
mod cli;
// Rules that wait until their windows have closed, and rules over rules, say what their tests expect.
mod closing;
// Sigma means here what it says: SigmaHQ's rules on events written from their text, and a corpus of rules
// on which pySigma and rsigma were asked as well.
mod conformance;
// Alerts are what their consumers were promised: OCSF, envelope, size, safety, golden records.
mod contract;
// The deployment samples fit the program's own limits.
mod deploy;
// Commits, cache, crashes, stores and files change nothing about the alerts of a stream.
mod determinism;
// What history taught a rule of new terms is known afterwards, to a scan with state and to a replay.
mod learning;
// Loading and matching grow with the number of rules as they should, and no faster.
mod many_rules;
// Every explanation agrees with the matcher, over all rules and all real events.
mod explain;
// A shipped rule that is changed in one place fails its own tests.
mod mutation;
// The tests inside the shipped rules hold, and a wrong expectation would be noticed.
mod pack;
// The matcher agrees with Panther's labelled events.
mod panther;
// 2,900 real events are all read; what the pack says of them is known.
mod real_logs;
// Twenty wrong rules, as a new user writes them, are answered with place and mend.
mod rule_errors;
// The rule reference is generated from the code's tables; each example in it is a rule that runs.
mod rule_reference;
// The schema that editors check rules with is generated from the code.
mod rule_schema;
// The page of the shipped rules is generated from them.
mod rules_page;
// Severity out of the event and its context, and a shipped rule that is tuned in place.
mod severity;
// Decoder, engine and alert writer without Kafka, for the tests beside it.
mod support;
// The house rules of ARCHITECTURE.md, read off the sources: rooms, borders, headers, top level.
mod tidy;
// Planted exfiltrations are found and nothing else is, at every delay up to the allowed lateness.
mod truth;
