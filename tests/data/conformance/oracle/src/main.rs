//! Prints for each rule of the corpus whether rsigma loads it and which events it matches.
//!
//! `cargo run --release -- ../rules.jsonl ../events.jsonl > ../rsigma.jsonl`. Events are named by
//! their line, from 0.

use rsigma_eval::Engine;
use rsigma_eval::event::JsonEvent;
use serde_json::{Value, json};
use std::fs;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let rules = lines(&arguments.next().expect("the file of rules"));
    let events = lines(&arguments.next().expect("the file of events"));
    for rule in rules {
        let text = rule["text"].as_str().expect("a rule has a text");
        let answer = match loaded(text) {
            Err(error) => json!({"name": rule["name"], "loads": false, "error": error}),
            Ok(engine) => {
                let matches = events.iter().enumerate().filter(|(_, event)| {
                    !engine.evaluate(&JsonEvent::borrow(event)).is_empty()
                });
                let matches: Vec<usize> = matches.map(|(at, _)| at).collect();
                json!({"name": rule["name"], "loads": true, "matches": matches})
            }
        };
        println!("{answer}");
    }
}

fn loaded(text: &str) -> Result<Engine, String> {
    let collection = rsigma_parser::parse_sigma_yaml(text).map_err(|error| error.to_string())?;
    if let Some(error) = collection.errors.first() {
        return Err(error.clone());
    }
    let mut engine = Engine::new();
    engine.add_collection(&collection).map_err(|error| error.to_string())?;
    Ok(engine)
}

fn lines(path: &str) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("the file is there");
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}
