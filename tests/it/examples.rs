//! The programs in `examples/` work, and the example workflow uses valid commands. `cargo test` builds the
//! programs next to the test.

use std::{path::PathBuf, process::Command};

use yaml_rust2::{Yaml, YamlLoader};

use crate::sandbox::Sandbox;

fn run(name: &str, arguments: &[&str]) -> String {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_pcamflow")).with_file_name("examples").join(name);
    assert!(
        program.exists(),
        "{}: `cargo test` builds the examples, `cargo test --test it` alone does not",
        program.display()
    );
    let output = Command::new(&program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_second_run_of_the_scripted_engine_computes_nothing() {
    let told = run("scripted_engine", &[]);
    let (first, second) = told.split_once("second run").unwrap();
    assert!(first.contains("train.narrow runs: never ran"), "{told}");
    assert!(second.contains("train.narrow is cached") && !second.contains("runs:"), "{told}");
}

#[test]
fn predictions_from_a_file_are_measured() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("predictions.csv");
    std::fs::write(&file, "row,label,probability\n0,0,0.1\n1,1,0.9\n2,1,0.4\n3,0,0.2\n").unwrap();
    let told = run("measure_predictions", &[file.to_str().unwrap()]);
    assert!(told.contains("Non-cancerous") && told.contains("0.75"), "{told}");
}

/// The shell scripts of a workflow, in order.
fn scripts(workflow: &Yaml) -> Vec<String> {
    let jobs = workflow["jobs"].as_hash().unwrap().values();
    let steps = jobs.flat_map(|job| job["steps"].as_vec().unwrap());
    steps.filter_map(|step| step["run"].as_str().map(str::to_owned)).collect()
}

#[test]
fn the_commands_of_the_workflow_are_valid() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("examples/github-workflow/pipeline.yml")).unwrap();
    let workflow = YamlLoader::load_from_str(&text).unwrap().remove(0);
    let whole = scripts(&workflow).join("\n").replace("\\\n", " ");
    let commands: Vec<&str> = whole.lines().filter(|line| line.starts_with("pcamflow ")).collect();
    assert_eq!(commands.len(), 4, "{commands:?}");
    let quickstart = std::fs::read(root.join("pipelines/quickstart.toml")).unwrap();
    let project = Sandbox::new().file("pipelines/quickstart.toml", quickstart).env("STORE", "store");
    for command in commands {
        // Long runs are frozen, so that all options are parsed but nothing is computed.
        let computes = command.starts_with("pcamflow run") && !command.contains("--frozen");
        let frozen = if computes { " --frozen" } else { "" };
        let output = project.shell(
            &command.replacen("pcamflow", "$PCAMFLOW", 1).replace(" --keep", &format!("{frozen} --keep")),
        );
        let code = if command.starts_with("pcamflow run") { 4 } else { 0 };
        output.exit(code).never_says("error: ");
    }
    // The cached paths must be the same where the cache is saved and restored.
    let paths: Vec<&str> = text
        .split("path: |\n")
        .skip(1)
        .filter(|part| part.contains(".pcamflow/format"))
        .map(|part| part.split("key:").next().unwrap().trim())
        .collect();
    assert!(paths.len() == 2 && paths[0] == paths[1], "{paths:?}");
    assert!(project.path("summary.md").exists());
}
