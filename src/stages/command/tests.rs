//! Tests of the table of a `command` stage.

use super::*;
use crate::stages::{AnyStage, Kind};

const TABLE: &str = "program = ['python3', '{script}', '--to={artifacts.table}']\n\
    inputs = { script = './table.py', 'x.csv' = 'evaluate.test/predictions', folder = 'images/' }\n\
    artifacts = { table = 'table.csv', plots = 'out/plots/' }\n\
    environment = { TOP = '10' }\npass-environment = ['CUDA_VISIBLE_DEVICES']\n";

fn read(text: &str) -> Result<Command, Vec<String>> {
    let table = toml::de::DeTable::parse(text).unwrap();
    match Kind::Command.read(&table) {
        Ok(AnyStage::Command(command)) => Ok(*command),
        Ok(_) => panic!("another kind"),
        Err(problems) => Err(problems.into_iter().map(|problem| problem.message).collect()),
    }
}

#[track_caller]
fn wrong(from: &str, to: &str, expected: &str) {
    assert!(TABLE.contains(from), "{from}");
    let problems = read(&TABLE.replace(from, to)).expect_err(to);
    assert!(problems.iter().any(|problem| problem.contains(expected)), "{expected:?} not in {problems:?}");
}

#[test]
fn inputs_and_artifacts_are_those_of_the_table() {
    let command = read(TABLE).unwrap();
    let slots: Vec<String> = command.inputs().into_iter().map(|input| input.slot).collect();
    assert_eq!(slots, ["inputs.folder", "inputs.script", "inputs.x.csv"]);
    let artifacts: Vec<(String, String, ArtifactType)> = command
        .artifacts()
        .into_iter()
        .map(|artifact| (artifact.name.into_owned(), artifact.file.into_owned(), artifact.holds))
        .collect();
    let expected =
        [("plots", "out/plots/", ArtifactType::Folder), ("table", "table.csv", ArtifactType::Anything)];
    assert_eq!(artifacts, expected.map(|(name, file, holds)| (name.to_owned(), file.to_owned(), holds)));
    assert_eq!(command.inputs.keys().next_back().unwrap().variable(), "X_CSV");
}

#[test]
fn it_is_sent_to_the_process_unchanged() {
    let typed = TABLE.replace("'table.csv'", "{ path = 'table.h5', holds = 'patches' }");
    for text in [TABLE, &typed] {
        let command = read(text).unwrap();
        let sent = serde_json::to_string(&command).unwrap();
        assert_eq!(serde_json::from_str::<Command>(&sent).unwrap(), command);
    }
}

#[test]
fn pass_environment_and_holds_are_no_part_of_the_key() {
    let lines = |text: &str| AnyStage::Command(Box::new(read(text).unwrap())).semantic();
    assert_eq!(lines(TABLE), lines(&TABLE.replace("['CUDA_VISIBLE_DEVICES']", "['A', 'B']")));
    let typed = TABLE.replace("'table.csv'", "{ path = 'table.csv', holds = 'meta' }");
    assert_eq!(lines(TABLE), lines(&typed));
    for (from, to) in [("'10'", "'11'"), ("TOP", "TIP"), ("table.csv", "t.csv"), ("--to", "--in")] {
        assert_ne!(lines(TABLE), lines(&TABLE.replace(from, to)), "{from}");
    }
    assert_ne!(lines(&TABLE.replace("plots/", "plots")), lines(TABLE), "a file is no folder");
}

#[test]
fn a_script_replaces_the_program() {
    let shell = "shell = 'sort {x} > {artifacts.y}'\ninputs = { x = 'x' }\nartifacts = { y = 'y' }";
    assert_eq!(read(shell).unwrap().words(), ["/bin/sh", "-e", "-c", "sort {x} > {artifacts.y}"]);
    let both = read(&format!("program = ['true']\n{shell}")).unwrap_err();
    assert_eq!(both, ["`program` and `shell` cannot both be given"]);
    assert!(read("artifacts = { y = 'y' }").unwrap_err()[0].starts_with("nothing to run"));
}

#[test]
fn every_mistake_is_reported() {
    wrong("{ table = 'table.csv', plots = 'out/plots/' }", "{}", "needs at least one artifact");
    wrong("'table.csv'", "'/tmp/table.csv'", "is absolute");
    wrong("'table.csv'", "'../table.csv'", "is not a plain path");
    wrong("'table.csv'", "'a//b'", "is not a plain path");
    wrong("'table.csv'", "'/'", "is absolute");
    wrong("'table.csv'", "''", "is not a plain path");
    wrong("'table.csv'", "'out/plots'", "one contains the other");
    wrong("'table.csv'", "'out/plots/x.csv'", "one contains the other");
    wrong("'table.csv'", "'plots'", "have the same file name");
    wrong("'table.csv'", "'inputs/x'", "is taken");
    wrong("'table.csv'", "'x/log.txt'", "is taken");
    wrong("'table.csv'", "\"a\\nb\"", "control character");
    wrong("'table.csv'", "{ path = 'x/', holds = 'patches' }", "not for folders");
    wrong(
        "{script}",
        "{skript}",
        "this stage has no input `skript` for `{skript}`; it has {folder}, {script}",
    );
    wrong("{artifacts.table}", "{artifacts.tabel}", "this stage has no artifact `tabel`");
    wrong("'{script}'", "'table.py'", "Write inputs = { script = \"./table.py\" }");
    wrong("'python3'", "'./table'", "Write inputs = { script = \"./table\" }");
    wrong("'python3'", "''", "must name a program");
    wrong("TOP", "'1X'", "cannot name a variable");
    wrong("'CUDA_VISIBLE_DEVICES'", "'TOP'", "already");
    wrong("TOP", "PCAMFLOW_X", "are reserved");
    wrong("'x.csv'", "'.x'", "is not a valid name");
    wrong("'x.csv'", "artifacts", "give the input another name");
}
