//! Shell completions, and the JSON Schema of pipeline files for editors.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::{json_schema, sandbox::Sandbox};

fn schema() -> Value {
    serde_json::from_str(&Sandbox::new().pcamflow(&["schema"]).exit(0).stdout).unwrap()
}

/// The problems that an editor with the JSON Schema reports for a pipeline.
fn problems(text: &str) -> Vec<String> {
    let pipeline: toml::Table = toml::from_str(text).unwrap();
    let pipeline = serde_json::to_value(pipeline).unwrap();
    json_schema::problems(&schema(), &pipeline, "")
}

fn pipelines() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|file| file.extension().is_some_and(|ending| ending == "toml"));
    files.map(|file| (file.display().to_string(), fs::read_to_string(&file).unwrap())).collect()
}

#[test]
fn every_shell_gets_a_script_that_knows_the_commands() {
    let project = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = project.pcamflow(&["completions", shell]).exit(0).stdout;
        // Only words that every script has: fish omits the dashes of options, elvish the values.
        for word in ["graph", "keep-going", "completions", "verbose"] {
            assert!(script.contains(word), "{word} in the script for {shell}");
        }
        assert!(!script.contains("__serve"), "internal commands must not be completed ({shell})");
    }
    project.pcamflow(&["completions", "tcsh"]).exit(2).complains("bash");
    let complete = "source <($PCAMFLOW completions bash) && COMP_WORDS=(pcamflow gr) COMP_CWORD=1 && \
                    _pcamflow pcamflow gr pcamflow && echo ${COMPREPLY[@]}";
    assert_eq!(project.shell(complete).exit(0).stdout, "graph\n");
}

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
";

#[test]
fn stages_artifacts_and_keys_are_completed() {
    let project = Sandbox::new().pipeline(PIPELINE).file("sub/other.toml", "").file("notes.txt", "");
    let candidates = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let output = project.pcamflow(&[&["__complete", "--"], words.as_slice()].concat()).exit(0);
        assert_eq!(output.stderr, "", "{line}");
        output.stdout.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    for (line, expected) in [
        ("run ", &["p.toml", "sub/"][..]),
        ("run sub/", &["sub/other.toml"]),
        ("run p.toml ", &["split.d", "split.d@1", "split.d@2", "synthesize.s"]),
        ("run p.toml synthesize.s split.d@", &["split.d@1", "split.d@2"]),
        ("run p.toml --force sy", &["synthesize.s"]),
        ("run p.toml --fro", &["--frozen"]),
        ("show p.toml split.d/t", &["split.d/test", "split.d/train"]),
        ("run p.toml --set s", &["split.d.", "synthesize.s."]),
        ("run p.toml --set split.d.si", &["split.d.sizes."]),
        ("run p.toml --set split.d.sizes.t", &["split.d.sizes.test=", "split.d.sizes.train="]),
        // No candidates where they cannot be known.
        ("run absent.toml ", &[]),
        ("run sub/other.toml ", &[]),
        ("frob p.toml ", &[]),
        ("run p.toml --jobs ", &[]),
    ] {
        assert_eq!(candidates(line), expected, "{line}");
    }
}

#[test]
fn bash_completion_respects_word_breaks() {
    let project = Sandbox::new().pipeline(PIPELINE);
    // The line, the words into which bash splits it, the current word, and the expected candidates.
    for (line, words, current, expected) in [
        ("run p.toml spl", "run p.toml spl", "spl", "split.d split.d@1 split.d@2"),
        ("run p.toml split.d@", "run p.toml split.d @ ''", "", "1 2"),
        ("run p.toml --froz", "run p.toml --froz", "--froz", "--frozen"),
        ("gr", "gr", "gr", "graph"),
    ] {
        let script = format!(
            "source <($PCAMFLOW completions bash); COMP_LINE=\"$PCAMFLOW {line}\"; COMP_POINT=${{#COMP_LINE}}; \
             COMP_WORDS=(pcamflow {words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _pcamflow_asks pcamflow '{current}' ''; echo ${{COMPREPLY[@]}}"
        );
        assert_eq!(project.shell(&script).exit(0).stdout.trim(), expected, "{line}");
    }
}

#[test]
fn zsh_and_fish_scripts_are_valid_and_use_dynamic_completion() {
    let project = Sandbox::new();
    for shell in ["zsh", "fish"] {
        let script = project.pcamflow(&["completions", shell]).exit(0).stdout;
        assert!(script.contains("__complete --"), "{shell}");
        project.rewrite("script", &script);
        let there = project.shell(&format!("command -v {shell}")).status.success();
        if there {
            project.shell(&format!("{shell} -n script")).exit(0);
        } else {
            eprintln!("skipped: there is no {shell} here");
        }
    }
}

#[test]
fn the_schema_is_draft_2020_12_and_equals_the_file_in_the_repository() {
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines/pcamflow.schema.json");
    let kept: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert!(kept == schema, "run: pcamflow schema > pipelines/pcamflow.schema.json");
}

#[test]
fn every_pipeline_of_the_repository_names_the_schema_and_is_valid() {
    for (file, text) in pipelines() {
        assert!(text.starts_with("#:schema ./pcamflow.schema.json\n"), "{file}");
        assert_eq!(problems(&text), Vec::<String>::new(), "{file}");
    }
}

#[test]
fn the_schema_rejects_mistakes_and_accepts_every_form_of_a_value() {
    let stage = |line: &str| format!("[train.a]\ndata = 'split.d'\nepochs = 2\n{line}\n");
    for wrong in [
        "batchsize = 64",
        "batch-size = 'many'",
        "optimizer.adam = { learning-rat = 1.0 }",
        "optimizer = { adam = {}, sgd = {} }",
        "class-weights = 'balance'",
        "clip-gradients = {}",
        "run = { device = 'tpu' }",
        "weights = 'nonsense'",
    ] {
        assert_ne!(problems(&stage(wrong)), Vec::<String>::new(), "{wrong}");
    }
    for right in [
        "seeds = [1, 2]",
        "weights = 'train.b@2/model'",
        "weights = { safetensors = { path = 'w.safetensors' } }",
        "class-weights = [1, 2.5]",
        "run = { device = 'cuda:1', memory = '2GiB', threads = 4 }",
        "optimizer.adam = { learning-rate = 1 }",
        "early-stopping = {}",
        "batch-size = '${params.n}'",
        "shuffle = '${params.s}'",
        "class-weights = '${params.w}'",
        "optimizer = '${params.o}'",
        "optimizer.adam = { learning-rate = '${params.lr}' }",
        "run = { device = '${params.d}', threads = '${params.t}' }",
        "weights = '${params.stage}/model'",
    ] {
        assert_eq!(problems(&stage(right)), Vec::<String>::new(), "{right}");
    }
    assert_ne!(problems("[trian.a]\nepochs = 1"), Vec::<String>::new());
    assert_ne!(problems("[train.a]\nepochs = 1"), Vec::<String>::new(), "`data` is missing");
    assert_ne!(problems(&stage("batch-size = '${param.n}'")), Vec::<String>::new(), "a wrong reference");
}

#[test]
fn a_pipeline_that_extends_another_may_omit_required_keys() {
    let child = "extends = 'full.toml'\nremove = ['explain.a']\n[params]\nlr = 1\n[train.a]\nepochs = 2\n\
                 [split.s]\nsizes.train = 4\n[sweep]\nzip = true\n[sweep.set]\ntrain.a.epochs = [1, 2]\n";
    assert_eq!(problems(child), Vec::<String>::new());
    for wrong in ["[train.a]\nepoch = 2", "[sweep]\nzipp = true", "[split.s]\nsizes = 3"] {
        assert_ne!(problems(&format!("extends = 'full.toml'\n{wrong}")), Vec::<String>::new(), "{wrong}");
    }
    assert_ne!(problems("[split.s]\nimages = 'x'\nlabels = 'y'\nsizes.train = 4"), Vec::<String>::new());
}

/// Collects every table schema below `value`, with its path.
fn tables<'a>(path: String, value: &'a Value, found: &mut Vec<(String, &'a Value)>) {
    if value["properties"].is_object() {
        found.push((path.clone(), value));
    }
    match value {
        // `else` only adds required keys.
        Value::Object(map) => map
            .iter()
            .filter(|(key, _)| *key != "else")
            .for_each(|(key, value)| tables(format!("{path}/{key}"), value, found)),
        Value::Array(list) => list.iter().for_each(|value| tables(path.clone(), value, found)),
        _ => {}
    }
}

#[test]
fn every_key_has_a_description_and_a_valid_default() {
    let schema = schema();
    let mut found = Vec::new();
    tables(String::new(), &schema, &mut found);
    assert!(found.len() > 30, "{}", found.len());
    let mut defaults = 0;
    for (path, table) in found {
        for (name, key) in table["properties"].as_object().unwrap() {
            let described = key["description"].as_str().is_some_and(|text| text.len() > 5);
            assert!(described, "{path}: `{name}` has no description");
            if let Some(default) = key.get("default") {
                defaults += 1;
                assert_eq!(
                    json_schema::problems(key, default, name),
                    Vec::<String>::new(),
                    "{path}: {default}"
                );
            }
        }
    }
    assert!(defaults > 60, "{defaults}");
    let learning_rate = "/properties/train/additionalProperties/properties/optimizer/properties/adam/properties/learning-rate";
    assert_eq!(schema.pointer(learning_rate).unwrap()["default"], json!(0.001));
}
