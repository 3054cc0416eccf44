//! The log as its JSON Schema describes it. The part of JSON Schema that the schema uses is checked here; a keyword beyond it is an error of the test.

use serde_json::Value;

use crate::theatre::Theatre;

const SCHEMA: &str = include_str!("../../../../docs/event-log.schema.json");

/// What is wrong with a value, if anything.
fn fault(root: &Value, schema: &Value, value: &Value) -> Option<String> {
    let keywords = schema.as_object().expect("a schema is an object");
    for (keyword, wanted) in keywords {
        let found = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "required" | "additionalProperties" => None,
            "$ref" => {
                let path = wanted.as_str().and_then(|path| path.strip_prefix('#'));
                let defined = path.and_then(|path| root.pointer(path));
                fault(root, defined.expect("a reference leads somewhere"), value)
            }
            "oneOf" => {
                let all = wanted.as_array().expect("oneOf is a list");
                let fits = all.iter().filter(|one| fault(root, one, value).is_none());
                let n = fits.count();
                (n != 1).then(|| format!("{value} fits {n} alternatives"))
            }
            "const" => (value != wanted).then(|| format!("{value} is not {wanted}")),
            "enum" => {
                let all = wanted.as_array().expect("enum is a list");
                (!all.contains(value)).then(|| format!("{value} is none of {wanted}"))
            }
            "minimum" => {
                let least = wanted.as_f64().expect("minimum is a number");
                let less = value.as_f64().is_some_and(|n| n < least);
                less.then(|| format!("{value} is less than {wanted}"))
            }
            "type" => (!is_a(value, wanted)).then(|| format!("{value} is no {wanted}")),
            "items" => {
                let items = value.as_array().into_iter().flatten();
                items.filter_map(|item| fault(root, wanted, item)).next()
            }
            "properties" => properties(root, schema, value),
            other => panic!("the keyword {other} is not checked"),
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

fn is_a(value: &Value, kind: &Value) -> bool {
    match kind.as_str().expect("a type is a word") {
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the type {other} is not checked"),
    }
}

/// Required ones are there, known ones are as they should be, and there are no others.
fn properties(root: &Value, schema: &Value, value: &Value) -> Option<String> {
    let object = value.as_object()?;
    let required = schema["required"].as_array().into_iter().flatten();
    let missing = required
        .filter_map(Value::as_str)
        .find(|name| !object.contains_key(*name));
    if let Some(name) = missing {
        return Some(format!("{name} is missing"));
    }
    object
        .iter()
        .find_map(|(name, value)| match schema["properties"].get(name) {
            Some(known) => fault(root, known, value).map(|fault| format!("{name}: {fault}")),
            None => Some(format!("{name} is unknown")),
        })
}

#[test]
fn every_line_of_a_log_is_as_the_schema_says() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let theatre = Theatre::trained();
    theatre.write(
        "scenes/ferry/both.episode.yaml",
        "title: Both\nscenes: [crossing, two-oars]\n",
    );
    for (piece, seed) in [("crossing", "7"), ("crossing", "8"), ("both", "7")] {
        theatre
            .run(&["play", piece, "--headless", "--seed", seed])
            .expect_success();
        let log = theatre.read(&format!("performances/{piece}-{seed}.jsonl"));
        for line in log.lines() {
            let value: Value = serde_json::from_str(line).unwrap();
            let alternatives = schema["oneOf"].as_array().unwrap();
            let of_kind = alternatives
                .iter()
                .find(|one| one["properties"]["event"]["const"] == value["event"]);
            let of_kind = of_kind.expect("every kind of event is in the schema");
            assert_eq!(fault(&schema, of_kind, &value), None, "{line}");
            assert_eq!(fault(&schema, &schema, &value), None);
        }
        let mut wrong: Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
        wrong["seed"] = Value::from("seven");
        assert!(fault(&schema, &schema, &wrong).is_some());
    }
}
