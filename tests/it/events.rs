//! The output of `--json` follows the schema of `pcamflow schema --events`, also when a run fails.

use serde_json::{Map, Value};

use crate::{
    json_schema,
    sandbox::{Output, Sandbox},
};

const PIPELINE: &str = "\
[pipeline]
name = 'small'
[synthesize.s]
patches = 12
slides = 2
[split.d]
images = 'synthesize.s/images'
labels = 'synthesize.s/labels'
sizes = { train = 4, validation = 2, test = 2 }
seeds = [1, 2]
[preview.p]
images = 'split.d/train'
rows = 1
";

/// The schema with all references resolved and additional properties forbidden.
fn schema() -> Value {
    let schema = Sandbox::new().pcamflow(&["schema", "--events"]).exit(0).stdout;
    let mut schema: Value = serde_json::from_str(&schema).unwrap();
    let definitions = schema.as_object_mut().unwrap().remove("$defs").unwrap();
    written_out(&schema, &definitions)
}

fn written_out(schema: &Value, definitions: &Value) -> Value {
    match schema {
        Value::Array(items) => items.iter().map(|item| written_out(item, definitions)).collect(),
        Value::Object(map) => {
            let mut whole: Map<String, Value> = Map::new();
            for (key, value) in map {
                if key == "$ref" {
                    let name = value.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                    let other = written_out(&definitions[name], definitions);
                    merge(&mut whole, other.as_object().unwrap());
                } else {
                    let mut one = Map::new();
                    one.insert(key.clone(), written_out(value, definitions));
                    merge(&mut whole, &one);
                }
            }
            if whole
                .get("properties")
                .is_some_and(|keys| keys.as_object().is_some_and(|keys| !keys.contains_key("properties")))
            {
                whole.insert("additionalProperties".to_owned(), false.into());
            }
            Value::Object(whole)
        }
        other => other.clone(),
    }
}

/// Merges tables and lists. For other values, the first one is kept.
fn merge(into: &mut Map<String, Value>, other: &Map<String, Value>) {
    for (key, value) in other {
        match (into.get_mut(key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => {
                old.extend(new.iter().map(|(key, value)| (key.clone(), value.clone())));
            }
            (Some(Value::Array(old)), Value::Array(new)) => old.extend(new.iter().cloned()),
            (Some(_), _) => {}
            (None, value) => drop(into.insert(key.clone(), value.clone())),
        }
    }
}

#[track_caller]
fn check(output: &Output, schema: &Value) {
    let events = output.events();
    assert_eq!((&events[0]["event"], &events[0]["schema"]), (&"began".into(), &pcamflow::ui::SCHEMA.into()));
    assert_eq!(events[0]["pcamflow"], env!("CARGO_PKG_VERSION"));
    for event in &events {
        assert_eq!(json_schema::problems(schema, event, ""), Vec::<String>::new(), "{event}");
    }
}

fn names(output: &Output) -> Vec<String> {
    let mut names: Vec<String> =
        output.events().iter().map(|event| event["event"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn every_line_of_every_run_follows_the_schema() {
    let schema = schema();
    let project = Sandbox::new().pipeline(PIPELINE);
    let require = ["--require", "split.d.train > 4", "--require", "mean(split.d.test) >= 2"];
    let computed = project.run(&require).exit(5);
    check(&computed, &schema);
    for name in ["began", "ended", "finished", "planned", "progress", "required", "started"] {
        assert!(names(&computed).iter().any(|known| known == name), "{name} in {:?}", names(&computed));
    }
    check(&project.run(&require).exit(5), &schema);
    check(&project.run(&["--frozen", "--set", "synthesize.s.seed=5"]).exit(4), &schema);
    let failed = project.run(&["--set", "split.d.sizes.train=400", "--keep-going"]).exit(1);
    check(&failed, &schema);
    assert!(
        names(&failed).iter().any(|name| name == "blocked")
            && names(&failed).iter().any(|name| name == "failed")
    );
    // A lost artifact gives a warning.
    let path = project.pcamflow(&["path", "p.toml", "split.d@1/train"]).exit(0).stdout;
    std::fs::remove_file(path.trim()).unwrap();
    let healed = project.run(&[]).exit(0);
    check(&healed, &schema);
    assert_ne!(healed.warnings(), "");
}

#[test]
fn the_schema_rejects_wrong_lines() {
    let schema = schema();
    for wrong in [
        r#"{"event":"frobbed"}"#,
        r#"{"event":"began","schema":1,"pcamflow":"0","pipeline":"x"}"#,
        r#"{"event":"began","schema":2,"pcamflow":"0","pipeline":"x","frozen":true}"#,
        r#"{"event":"started","stage":"x","why":3}"#,
        r#"{"event":"started","stage":"x","why":"","more":1}"#,
        r#"{"event":"planned","schema":1,"pipeline":"x","stages":[{"stage":"x","state":"perhaps","why":"","seconds":null}]}"#,
    ] {
        let value: Value = serde_json::from_str(wrong).unwrap();
        assert_ne!(json_schema::problems(&schema, &value, ""), Vec::<String>::new(), "{wrong}");
    }
    let right = r#"{"event":"waiting","stage":"x","holder":"ada:17"}"#;
    assert_eq!(
        json_schema::problems(&schema, &serde_json::from_str(right).unwrap(), ""),
        Vec::<String>::new()
    );
}

#[test]
fn every_event_and_field_is_described() {
    fn described(value: &Value, path: &str) {
        match value {
            Value::Object(map) => {
                for (name, key) in map.get("properties").and_then(Value::as_object).into_iter().flatten() {
                    let said =
                        name == "event" || key["description"].as_str().is_some_and(|text| text.len() > 5);
                    assert!(said, "{path}/{name} has no description");
                }
                map.iter().for_each(|(key, value)| described(value, &format!("{path}/{key}")));
            }
            Value::Array(items) => items.iter().for_each(|item| described(item, path)),
            _ => {}
        }
    }
    let schema = schema();
    assert!(schema["description"].as_str().unwrap().contains("only added"));
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    described(&schema, "");
    for variant in schema["oneOf"].as_array().unwrap() {
        assert!(variant["description"].as_str().is_some(), "{variant}");
    }
}

#[test]
fn the_json_of_other_commands_has_the_schema_version() {
    let project = Sandbox::new().pipeline(PIPELINE);
    project.run(&[]).exit(0);
    for command in [
        "plan p.toml --json",
        "plan p.toml -v --json",
        "show p.toml split.d --json",
        "show p.toml split.d@1/split --json",
        "cache du --json",
        "cache verify --json",
        "cache gc --json",
    ] {
        let output = project.pcamflow(&command.split(' ').collect::<Vec<_>>()).exit(0);
        assert!(output.events().iter().all(|line| line["schema"] == 1), "{command}: {}", output.stdout);
    }
}
