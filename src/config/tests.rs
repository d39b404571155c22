//! Cases from `tests/data/config`, layers, and what is generated from the key table.

use super::*;
use std::path::{Path, PathBuf};

fn data(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

fn machine() -> Machine {
    Machine { name: "host.example".into(), cores: 8 }
}

fn load_text(text: &str) -> Loaded {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.toml");
    std::fs::write(&path, text).expect("is written");
    load(&Request { files: vec![path], ..Request::default() }, &machine())
}

/// Problems as lines, with the file named `t.toml` whatever its folder is.
fn lines(problems: &[Problem]) -> Vec<String> {
    let line = |problem: &Problem| {
        let mut problem = problem.clone();
        if let Origin::File { name, .. } = &mut problem.origin {
            *name = "t.toml".into();
        }
        problem.to_string()
    };
    problems.iter().map(line).collect()
}

fn load_layers(variables: &[(&str, &str)], arguments: &[&str]) -> Loaded {
    let variables = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let arguments = arguments.iter().map(|text| (*text).to_owned()).collect();
    load(&Request { files: Vec::new(), variables, arguments }, &machine())
}

fn settings(loaded: Loaded) -> Settings {
    let problems = lines(&loaded.problems);
    loaded.settings.unwrap_or_else(|| panic!("has problems: {problems:#?}"))
}

/// A case is a configuration with the expected lines as comments at its end: `#> line`; without
/// any, the configuration must be right.
#[test]
fn each_case_of_the_data_folder_gives_exactly_its_messages() {
    let mut cases = 0;
    let mut failed = Vec::new();
    let folder = std::fs::read_dir(data("tests/data/config")).expect("has cases");
    for entry in folder {
        let path = entry.expect("is listed").path();
        let text = std::fs::read_to_string(&path).expect("is read");
        let expected: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix("#> ")).collect();

        let loaded = load_text(&text);

        let found = lines(&loaded.problems);
        let has_error = loaded.problems.iter().any(Problem::is_error);
        if found != expected || loaded.settings.is_none() != has_error {
            failed.push(format!("{}\n{}", path.display(), found.join("\n")));
        }
        cases += 1;
    }
    assert!(failed.is_empty(), "other messages in:\n{}", failed.join("\n"));
    assert!(cases >= 20, "{cases} cases");
}

#[test]
fn without_anything_there_is_one_source_on_topic_cloudtrail() {
    let settings = settings(load_layers(&[], &[]));

    let [source] = settings.sources.as_slice() else { panic!("one source") };
    assert_eq!(source.topic, "cloudtrail");
    assert_eq!(source.key, ["tidegate.principal"]);
    assert_eq!(settings.app.instance, "host.example");
    assert_eq!(settings.app.workers, 5);
    assert_eq!(settings.transactional_id(1), "tidegate-host.example-1");
    assert_eq!(settings.changelog_topic(source), "tidegate-tidegate-cloudtrail-changelog");
}

#[test]
fn later_layers_win_and_each_key_knows_its_origin() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.toml");
    std::fs::write(&path, "[app]\nid = \"file\"\nworkers = 1\n[state]\ndir = \"/file\"\n")
        .expect("is written");
    let request = Request {
        files: vec![path.clone()],
        variables: vec![
            ("TIDEGATE__APP__ID".into(), "variable".into()),
            ("TIDEGATE__APP__WORKERS".into(), "2".into()),
            ("TIDEGATE_CONFIG".into(), "none of ours".into()),
        ],
        arguments: vec!["app.workers=3".into()],
    };

    let loaded = load(&request, &machine());

    let name = path.display().to_string();
    assert_eq!(loaded.origins().of("state.dir"), Origin::File { name, line: 5, column: 1 });
    assert_eq!(loaded.origins().of("app.id"), Origin::Environment("TIDEGATE__APP__ID".into()));
    assert_eq!(loaded.origins().of("app.workers"), Origin::Argument("app.workers=3".into()));
    assert_eq!(loaded.origins().of("time.max_future_skew"), Origin::Default);
    let settings = settings(loaded);
    assert_eq!(settings.app.id, "variable");
    assert_eq!(settings.app.workers, 3);
    assert_eq!(settings.state.dir, Path::new("/file"));
}

#[test]
fn an_unknown_key_is_named_with_its_file_variable_or_argument() {
    let loaded = load_text("[app]\nid = \"x\"\n\n[kafka]\n\n\nbrokerz = [\"a:1\"]\n");
    assert_eq!(
        lines(&loaded.problems),
        ["unknown key kafka.brokerz in t.toml line 7 (did you mean kafka.brokers?)"]
    );

    let loaded = load_layers(&[("TIDEGATE__KAFKA__BROKERZ", "a:1")], &["kafka.brokerz=a:1"]);
    assert_eq!(
        lines(&loaded.problems),
        [
            "unknown key kafka.brokerz in environment variable TIDEGATE__KAFKA__BROKERZ (did you mean TIDEGATE__KAFKA__BROKERS?)",
            "unknown key kafka.brokerz in argument --set kafka.brokerz=a:1 (did you mean kafka.brokers?)",
        ]
    );
}

#[test]
fn variables_and_arguments_are_read_as_their_key_wants() {
    let loaded = load_layers(
        &[
            ("TIDEGATE__KAFKA__BROKERS", "localhost:1, localhost:2"),
            ("TIDEGATE__STATE__WAL", "true"),
            ("TIDEGATE__STATE__CACHE", "1GiB"),
            ("TIDEGATE__KAFKA__LIBRDKAFKA__SOCKET_KEEPALIVE_ENABLE", "true"),
            ("TIDEGATE__KAFKA__LIBRDKAFKA__CONSUMER__FETCH_MIN_BYTES", "7"),
            ("TIDEGATE__LISTS__OUR_ACCOUNTS__VALUES", "111111111111,222222222222"),
        ],
        &["kafka.librdkafka.producer.linger.ms=5", "kafka.librdkafka.\"log.queue\"=false"],
    );

    let settings = settings(loaded);

    assert_eq!(settings.kafka.brokers, ["localhost:1", "localhost:2"]);
    assert!(settings.state.wal);
    assert_eq!(settings.state.cache.0, 1 << 30);
    let pairs = |properties: &std::collections::BTreeMap<String, String>| {
        properties.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>()
    };
    assert_eq!(
        pairs(&settings.kafka.properties),
        ["log.queue=false", "socket.keepalive.enable=true"]
    );
    assert_eq!(pairs(&settings.kafka.consumer_properties), ["fetch.min.bytes=7"]);
    assert_eq!(pairs(&settings.kafka.producer_properties), ["linger.ms=5"]);
    assert_eq!(settings.lists.first().map(|list| list.values.len()), Some(2));
}

#[test]
fn a_source_cannot_be_set_outside_a_file() {
    let loaded = load_layers(&[("TIDEGATE__SOURCE__TOPIC", "x")], &["source.topic=x", "nonsense"]);
    assert_eq!(
        lines(&loaded.problems),
        [
            "environment variable TIDEGATE__SOURCE__TOPIC: source can be set in a file only (hint: write a [[source]] table)",
            "argument --set source.topic=x: source can be set in a file only (hint: write a [[source]] table)",
            "argument --set nonsense: must be section.key=value",
        ]
    );
}

#[test]
fn a_password_in_a_refused_argument_is_not_repeated() {
    let loaded = load_layers(&[], &["kafka.librdkafka.sasl.password=hunter2"]);
    let lines = lines(&loaded.problems).join("\n");
    assert!(lines.contains("kafka.sasl.password_file"), "{lines}");
    assert!(!lines.contains("hunter2"), "{lines}");
    assert!(!format!("{:?}", loaded.problems).contains("hunter2"));
}

#[test]
fn a_missing_file_is_a_problem_of_its_own() {
    let request = Request { files: vec!["/nowhere/t.toml".into()], ..Request::default() };
    let loaded = load(&request, &machine());
    assert!(loaded.settings.is_none());
    let line = loaded.problems.first().expect("a problem").to_string();
    assert!(line.starts_with("/nowhere/t.toml: could not be read: "), "{line}");
}

#[test]
fn what_config_init_writes_parses_to_the_defaults() {
    let defaults = load_layers(&[], &[]).merged.to_toml(ShowKeys::All, ShowOrigin::No);
    for extent in [Extent::Minimal, Extent::Full] {
        let loaded = load_text(&template(extent));
        assert_eq!(lines(&loaded.problems), Vec::<String>::new());
        assert_eq!(loaded.merged.to_toml(ShowKeys::All, ShowOrigin::No), defaults);
    }
}

#[test]
fn what_config_show_prints_reads_back_to_the_same() {
    let text = "[kafka]\nbrokers = [\"127.0.0.1:1\"]\n[kafka.librdkafka.producer]\n\"linger.ms\" = 5\n\
        [[source]]\nname = \"a\"\ntopic = \"ta\"\n[[source]]\nname = \"b\"\ntopic = \"tb\"\n\
        [lists.mine]\nvalues = [\"x\"]\n";
    let shown = load_text(text).merged.to_toml(ShowKeys::All, ShowOrigin::No);
    assert_eq!(load_text(&shown).merged.to_toml(ShowKeys::All, ShowOrigin::No), shown);
    assert!(shown.contains("\"linger.ms\" = \"5\""), "{shown}");
}

#[test]
fn host_checks_name_the_key_of_a_missing_or_open_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let password = folder.path().join("password");
    std::fs::write(&password, "x").expect("is written");
    std::fs::set_permissions(&password, PermissionsExt::from_mode(0o644)).expect("is set");
    let text = format!(
        "[kafka]\nsecurity_protocol = \"sasl_ssl\"\n[kafka.tls]\nca_file = \"/nowhere/ca\"\n\
         [kafka.sasl]\nmechanism = \"plain\"\nusername = \"u\"\npassword_file = {password:?}\n\
         [state]\ndir = {password:?}\n"
    );
    let loaded = load_text(&text);
    let settings = loaded.settings.as_ref().expect("is right");

    let problems = check_host(settings, loaded.origins());

    let codes: Vec<_> = problems.iter().map(|p| (p.code, &*p.key, p.is_error())).collect();
    assert_eq!(
        codes,
        [
            ("V9", "kafka.tls.ca_file", true),
            ("secret-readable", "kafka.sasl.password_file", false),
            ("V21", "state.dir", true),
        ]
    );
}

#[test]
fn a_list_file_adds_to_the_values_and_may_hold_comments() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("list");
    std::fs::write(&path, "# ours\n10.0.0.0/8 # core\n\n  192.0.2.0/24\n").expect("is written");
    let text = format!("[lists.nets]\ntype = \"cidr\"\nvalues = [\"::1/128\"]\nfile = {path:?}\n");
    let loaded = load_text(&text);
    let list = &loaded.settings.as_ref().expect("is right").lists.first().expect("one list");
    assert_eq!(
        list.read(loaded.origins()).expect("is read").values,
        ["::1/128", "10.0.0.0/8", "192.0.2.0/24"]
    );
}

/// Files made from the key table; `UPDATE_GENERATED=1` writes them.
#[test]
fn the_committed_schema_and_reference_page_are_the_generated_ones() {
    for (file, text) in
        [("schemas/config.schema.json", schema_text()), ("docs/configuration.md", reference())]
    {
        let path = data(file);
        if std::env::var_os("UPDATE_GENERATED").is_some() {
            std::fs::create_dir_all(path.parent().expect("has a folder")).expect("is made");
            std::fs::write(&path, &text).expect("is written");
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == text, "{file} is stale: run the test with UPDATE_GENERATED=1");
    }
}

#[test]
fn the_schema_accepts_the_full_template_and_refuses_an_unknown_key() {
    let validator = jsonschema::validator_for(&schema()).expect("is a schema");
    let full = as_json(&template(Extent::Full));
    assert!(validator.is_valid(&full), "{:?}", validator.validate(&full).err());
    assert!(!validator.is_valid(&as_json("[kafka]\nbrokerz = [\"a:1\"]\n")));
    assert!(validator.is_valid(&as_json("[kafka.librdkafka.producer]\n\"linger.ms\" = 5\n")));
}

fn as_json(text: &str) -> serde_json::Value {
    let document: toml_edit::DocumentMut = text.parse().expect("is TOML");
    item_as_json(document.as_item())
}

fn item_as_json(item: &toml_edit::Item) -> serde_json::Value {
    fn table(table: &dyn toml_edit::TableLike) -> serde_json::Value {
        table.iter().map(|(name, item)| (name.to_owned(), item_as_json(item))).collect()
    }
    if let Some(inner) = item.as_table_like() {
        return table(inner);
    }
    if let Some(tables) = item.as_array_of_tables() {
        return tables.iter().map(|inner| table(inner)).collect();
    }
    match item.as_value() {
        Some(toml_edit::Value::Integer(number)) => (*number.value()).into(),
        Some(toml_edit::Value::Boolean(flag)) => (*flag.value()).into(),
        Some(toml_edit::Value::Array(list)) => list.iter().filter_map(|v| v.as_str()).collect(),
        other => other.and_then(|v| v.as_str()).unwrap_or_default().into(),
    }
}
