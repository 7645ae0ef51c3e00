//! The programs in `examples/` do what they say: `cargo test` has built them beside the test.

use std::{path::PathBuf, process::Command};

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
fn the_scripted_engine_runs_once_and_then_nothing() {
    let told = run("scripted_engine", &[]);
    let (first, second) = told.split_once("second run").unwrap();
    assert!(first.contains("train.narrow runs: never ran"), "{told}");
    assert!(second.contains("train.narrow is cached") && !second.contains("runs:"), "{told}");
}

#[test]
fn predictions_of_others_are_measured() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("predictions.csv");
    std::fs::write(&file, "row,label,probability\n0,0,0.1\n1,1,0.9\n2,1,0.4\n3,0,0.2\n").unwrap();
    let told = run("measure_predictions", &[file.to_str().unwrap()]);
    assert!(told.contains("Non cancerous") && told.contains("0.75"), "{told}");
}
