//! The keys of a rule file: what is read, what it is for, what is refused for now.
//!
//! One table drives the check for keys that do not exist, the check of types, the JSON schema and the
//! rule reference.

use super::shape::{KeySpec, Shape};

const LEVELS: &[&str] = &["informational", "low", "medium", "high", "critical"];

/// Top-level keys of Sigma documents. Others are kept: authors add their own.
pub(super) const DOCUMENT: &[KeySpec] = &[
    KeySpec::needed("title", Shape::Text, "a short name of what the rule finds"),
    KeySpec::optional("id", Shape::Text, "a UUID that never changes"),
    KeySpec::optional("name", Shape::Text, "a unique name to refer to the rule"),
    KeySpec::optional("related", Shape::Any, "rules that this one is derived from"),
    KeySpec::optional("taxonomy", Shape::Text, "the taxonomy of field names"),
    KeySpec::optional(
        "status",
        Shape::Words(&["stable", "test", "experimental", "deprecated", "unsupported"]),
        "how mature the rule is",
    ),
    KeySpec::optional("description", Shape::Text, "what the rule finds and why it matters"),
    KeySpec::optional("license", Shape::Text, "SPDX id of the licence"),
    KeySpec::optional("references", Shape::Any, "addresses to read"),
    KeySpec::optional("author", Shape::Text, "who wrote the rule; alerts name them"),
    KeySpec::optional("date", Shape::Text, "when it was written"),
    KeySpec::optional("modified", Shape::Text, "when it was last changed"),
    KeySpec::optional("tags", Shape::Texts, "ATT&CK and other tags"),
    KeySpec::optional("logsource", Shape::Any, "which log the rule reads"),
    KeySpec::optional("detection", Shape::Any, "what an event looks like"),
    KeySpec::optional("correlation", Shape::Map(CORRELATION), "what several events look like"),
    KeySpec::optional("fields", Shape::Texts, "fields worth reading"),
    KeySpec::optional("falsepositives", Shape::Any, "what looks the same and is harmless"),
    KeySpec::optional("level", Shape::Words(LEVELS), "severity of a finding").by_default("medium"),
    KeySpec::optional("scope", Shape::Any, "what the rule is meant for"),
    KeySpec::optional("generate", Shape::Boolean, "referenced rules alert by themselves too")
        .by_default("false"),
    KeySpec::optional("regression_tests_path", Shape::Text, "SigmaHQ's tests"),
    KeySpec::optional("simulation", Shape::Any, "SigmaHQ's simulations"),
    KeySpec::optional("tidegate", Shape::Map(OWN), "what Sigma leaves to the engine"),
    KeySpec::optional("filter", Shape::Any, "a condition that is added to the rules it names"),
    KeySpec::optional("action", Shape::Any, "of collections in old Sigma; refused"),
];

/// Keys of `correlation`.
pub(super) const CORRELATION: &[KeySpec] = &[
    KeySpec::needed(
        "type",
        Shape::Text,
        "event_count, value_sum, value_count, value_avg, value_percentile, value_median, temporal or temporal_ordered",
    ),
    KeySpec::needed("rules", Shape::Texts, "names or ids of the rules whose matches count"),
    KeySpec::optional("group-by", Shape::Texts, "fields; each combination counts for itself")
        .by_default("one group for all"),
    KeySpec::needed("timespan", Shape::Span, "length of the window, like 10m"),
    KeySpec::optional(
        "condition",
        Shape::Any,
        "the amounts for which it fires, like {gte: 10}; of temporal: the rules, like a and not b",
    ),
    KeySpec::optional(
        "aliases",
        Shape::Named(&Shape::Named(&Shape::Text)),
        "one name for a field that differs between the rules",
    ),
    KeySpec::optional("generate", Shape::Boolean, "referenced rules alert by themselves too")
        .by_default("false"),
];

/// Keys of `logsource`.
pub(super) const LOGSOURCE: &[KeySpec] = &[
    KeySpec::needed("product", Shape::Words(&["aws"]), "the product that writes the log"),
    KeySpec::optional(
        "service",
        Shape::Words(&["cloudtrail"]),
        "the log; only a filter may leave it out, and is then for all logs of the product",
    ),
];

/// Keys of `detection` beside the searches, which the author names.
pub(super) const DETECTION: &[KeySpec] = &[KeySpec::needed(
    "condition",
    Shape::Texts,
    "names of searches with and, or, not, parentheses, 1 of and all of; a list is an or",
)];

/// Keys of `filter` beside the searches.
pub(super) const FILTER: &[KeySpec] = &[
    KeySpec::needed("rules", Shape::Texts, "names or ids of the rules it is for, or any"),
    KeySpec::needed("condition", Shape::Text, "what must hold too; begins with not as a rule"),
];

/// `condition` of a correlation.
pub(super) const CORRELATION_CONDITION: &[KeySpec] = &[
    KeySpec::optional(
        "field",
        Shape::Texts,
        "value_count: the fields whose different values count; others: the field that has the amounts",
    ),
    KeySpec::optional("gt", Shape::Count, "fires above this amount"),
    KeySpec::optional("gte", Shape::Count, "fires from this amount on"),
    KeySpec::optional("lt", Shape::Count, "fires below this amount, once the window has closed"),
    KeySpec::optional("lte", Shape::Count, "fires up to this amount, once the window has closed"),
    KeySpec::optional("eq", Shape::Count, "fires at this amount, once the window has closed"),
    KeySpec::optional("neq", Shape::Count, "fires at any other, once the window has closed"),
    KeySpec::optional("percentile", Shape::Count, "value_percentile: which one, 0 to 100"),
];

/// Keys of `tidegate`.
pub(super) const OWN: &[KeySpec] = &[
    KeySpec::optional(
        "window",
        Shape::Words(&["sliding", "tumbling"]),
        "sliding (default): a window ends at every event; tumbling: windows aligned to the epoch, as conditions need that can turn false again",
    )
    .by_default("sliding"),
    KeySpec::optional(
        "allowed-lateness",
        Shape::Span,
        "how far behind the watermark an event still counts",
    )
    .by_default("the source's, 1h"),
    KeySpec::optional("tiers", Shape::Each(&Shape::Map(TIER)), "higher amounts, higher levels"),
    KeySpec::optional("dedup", Shape::Map(DEDUP), "how matches are folded into one finding"),
    KeySpec::optional(
        "collect",
        Shape::Named(&Shape::Map(COLLECT)),
        "values that a finding carries, by name",
    ),
    KeySpec::optional(
        "missing-group",
        Shape::Words(&["group", "skip"]),
        "what an absent group-by field means: a group of its own (default), or no count",
    )
    .by_default("group"),
    KeySpec::optional(
        "approximate",
        Shape::Boolean,
        "value_count beyond 10000: counts a sample of the values, within about 2 %",
    )
    .by_default("false"),
    KeySpec::optional("lists", Shape::Named(&Shape::Map(LIST)), "what %name% expands to"),
    KeySpec::optional("title", Shape::Text, "title of the alert, with {placeholders}")
        .by_default("the rule's title"),
    KeySpec::optional("runbook", Shape::Text, "what to do when it fires"),
    KeySpec::optional(
        "alert-context",
        Shape::Named(&Shape::Text),
        "our name: a field of the event, a collected value or %list%",
    ),
    KeySpec::optional("enabled", Shape::Boolean, "false: ships switched off").by_default("true"),
    KeySpec::optional("tests", Shape::Each(&Shape::Map(TEST)), "events and what must follow"),
    KeySpec::optional(
        "new-terms",
        Shape::Map(NEW_TERMS),
        "fires when these values were not seen together for some time",
    ),
    KeySpec::optional("level-from", Shape::Map(LEVEL_FROM), "severity from the event"),
    KeySpec::optional("context", Shape::Map(CONTEXT), "severity from what is known of the bucket"),
];

const NEW_TERMS: &[KeySpec] = &[
    KeySpec::needed("fields", Shape::Texts, "the values that are new together"),
    KeySpec::needed("history", Shape::Span, "not seen for so long, they are new again, like 7d"),
    KeySpec::optional("learn", Shape::Span, "no alert for so long after the start, in event time")
        .by_default("0"),
    KeySpec::optional(
        "missing-field",
        Shape::Words(&["skip", "alert"]),
        "an event without one of the fields: passed over (default), or absent is a value too",
    )
    .by_default("skip"),
];

/// Keys of `tidegate` that only an aggregation has; new terms have the lateness too.
pub(super) const AGGREGATION_ONLY: &[&str] =
    &["window", "allowed-lateness", "tiers", "approximate"];

/// Keys of `tidegate` that only a detection has.
pub(super) const DETECTION_ONLY: &[&str] = &["level-from", "new-terms"];

/// Keys of `tidegate` that a filter may have.
pub(super) const OF_FILTER: &[&str] = &["lists", "enabled"];

const LEVEL_FROM: &[KeySpec] = &[
    KeySpec::needed("field", Shape::Text, "the field that decides"),
    KeySpec::optional(
        "map",
        Shape::Each(&Shape::Map(LEVEL_ENTRY)),
        "the first entry that holds; without it the field holds the level's name",
    ),
];

const LEVEL_ENTRY: &[KeySpec] = &[
    KeySpec::optional("gte", Shape::Count, "the least number"),
    KeySpec::optional("value", Shape::Text, "the value, or %list%"),
    KeySpec::needed("level", Shape::Words(LEVELS), "the level then"),
];

const CONTEXT: &[KeySpec] = &[KeySpec::needed(
    "bump",
    Shape::Texts,
    "lists; one step more when tidegate.bucket is in one of them",
)];

const TIER: &[KeySpec] = &[
    KeySpec::needed("gte", Shape::Count, "the least amount"),
    KeySpec::needed("level", Shape::Words(LEVELS), "the level from there on"),
];

const DEDUP: &[KeySpec] = &[
    KeySpec::optional("period", Shape::Span, "how long one finding stands for more; 0: never")
        .by_default("60m"),
    KeySpec::optional("key", Shape::Texts, "fields that make findings different")
        .by_default("the group-by; principal and bucket where there is none"),
];

const COLLECT: &[KeySpec] = &[
    KeySpec::needed("field", Shape::Text, "where the values come from"),
    KeySpec::optional("sample", Shape::Count, "the first so many distinct values"),
    KeySpec::optional("set", Shape::Count, "up to so many distinct values"),
    KeySpec::optional("sum", Shape::Boolean, "their sum"),
    KeySpec::optional("min", Shape::Boolean, "the least"),
    KeySpec::optional("max", Shape::Boolean, "the greatest"),
    KeySpec::optional("distinct", Shape::Boolean, "how many different ones there are, up to 10000"),
];

/// Most values that `sample` and `set` may ask for: a finding is bounded (semantics.md §9).
pub(super) const COLLECTED_VALUES_MAX: u64 = 100;

const LIST: &[KeySpec] = &[
    KeySpec::needed(
        "type",
        Shape::Words(&["string", "glob", "cidr", "account"]),
        "how it compares",
    ),
    KeySpec::optional("values", Shape::Scalars, "the values; a deployment may name others"),
    KeySpec::optional("required", Shape::Boolean, "the rule does not work while it is empty")
        .by_default("false"),
    KeySpec::optional(
        "empty",
        Shape::Words(&["match-all", "match-none"]),
        "what the empty list matches; match-none unless said",
    )
    .by_default("match-none"),
    KeySpec::optional("builtin", Shape::Text, "a list that comes with tidegate, instead of values"),
];

/// Keys of one test.
const TEST: &[KeySpec] = &[
    KeySpec::needed("name", Shape::Text, "a sentence: what must hold"),
    KeySpec::needed("events", Shape::Each(&Shape::Map(TEST_EVENT)), "events in arrival order"),
    KeySpec::optional("with", Shape::Map(TEST_WITH), "other values for this test alone"),
    KeySpec::needed("expect", Shape::Map(TEST_EXPECT), "what must follow"),
];

const TEST_EVENT: &[KeySpec] = &[
    KeySpec::optional("at", Shape::Text, "time, like +9m59s after the start, or a date and time")
        .by_default("the start"),
    KeySpec::optional("every", Shape::Span, "distance of repeated events"),
    KeySpec::optional("repeat", Shape::Count, "how many such events").by_default("1"),
    KeySpec::optional("template", Shape::Text, "a ready-made event that \"event\" changes"),
    KeySpec::optional("file", Shape::Text, "events in a file beside the rule, JSON or JSON lines"),
    KeySpec::optional("event", Shape::Named(&Shape::Any), "members; dots reach inside"),
    KeySpec::optional("without", Shape::Texts, "members that are taken away"),
];

const TEST_WITH: &[KeySpec] = &[
    KeySpec::optional("lists", Shape::Named(&Shape::Scalars), "values of lists"),
    KeySpec::optional("threshold", Shape::Count, "the least amount"),
];

const TEST_EXPECT: &[KeySpec] = &[
    KeySpec::needed("alerts", Shape::Count, "how many findings are created"),
    KeySpec::optional("escalations", Shape::Count, "how many times one escalates"),
    KeySpec::optional("late", Shape::Count, "how many events come too late for windows"),
    KeySpec::optional("duplicates", Shape::Count, "how many events were seen before"),
    KeySpec::optional("level", Shape::Words(LEVELS), "level of the last record"),
    KeySpec::optional("title", Shape::Text, "title of the last record"),
    KeySpec::optional("group", Shape::Named(&Shape::Any), "group key of the last record"),
    KeySpec::optional("context", Shape::Named(&Shape::Any), "members of its alert context"),
];
