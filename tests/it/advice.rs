//! Typos and habits from other tools: each mistake gives one message that says what to write instead.

use std::fs;

use crate::sandbox::{Output, Sandbox};

const PIPELINE: &str = "\
[pipeline]
name = 'p'
[synthesize.s]
patches = 24
[split.d]
images = 'synthesize.s/images'
labels = 'synthesize.s/labels'
sizes = { train = 12, validation = 6, test = 6 }
[train.t]
data = 'split.d'
epochs = 1
[explain.x]
model = 'train.t'
images = 'split.d/test'
method.grad-cam = {}
";

/// Plans the pipeline with `from` replaced by `to`, and expects a usage error.
fn planned(from: &str, to: &str, options: &[&str]) -> Output {
    assert!(PIPELINE.contains(from));
    let project = Sandbox::new().pipeline(&PIPELINE.replacen(from, to, 1));
    project.pcamflow(&[&["plan", "p.toml"], options].concat()).exit(2)
}

/// Checks that the changed pipeline has exactly one problem, whose message contains all `parts`.
#[track_caller]
fn told(from: &str, to: &str, parts: &[&str]) {
    one(planned(from, to, &[]), parts);
}

#[track_caller]
fn one(output: Output, parts: &[&str]) {
    parts.iter().fold(output.complains("1 problem;"), |output, part| output.complains(part));
}

#[test]
fn a_word_in_place_of_a_table_suggests_the_table() {
    let with = |line: &str| format!("epochs = 1\n{line}");
    told("epochs = 1", &with("optimizer = 'adam'"), &["write `optimizer.adam = {}`"]);
    told("epochs = 1", &with("schedule = 'cosine'"), &["write `schedule.cosine = {}`"]);
    told("epochs = 1", &with("architecture = 'resnet'"), &["write `architecture.resnet = {}`"]);
    told("method.grad-cam = {}", "method = 'grad-cam'", &["write `method.grad-cam = {}`"]);
    let both = "method.grad-cam = {}\nmethod.saliency = {}";
    told("method.grad-cam = {}", both, &["`method` takes one of grad-cam, saliency"]);
}

#[test]
fn sizes_are_counts_and_messages_give_the_accepted_range() {
    let sizes = "sizes = { train = 0.8, validation = 6, test = 6 }";
    told("sizes = { train = 12, validation = 6, test = 6 }", sizes, &["not 0.8", "such as 800", "a share"]);
    let percent = "sizes = { train = '80%', validation = 6, test = 6 }";
    told("sizes = { train = 12, validation = 6, test = 6 }", percent, &["a share of the whole"]);
    // The message for a negative number must not offer a range that starts at 0, because 0 is refused too.
    told("epochs = 1", "epochs = -1", &["the number must not be negative: -1"]);
    told("epochs = 1", "epochs = 0", &["`epochs` must be at least 1"]);
    told("epochs = 1", "epochs = 5000000000", &["this number is too large: 5000000000"]);
    told("epochs = 1", "epochs = 1\narchitecture.class-cnn.channels = [0, 1, 1, 1]", &["each of `channels`"]);
}

#[test]
fn names_from_other_libraries_suggest_the_right_key() {
    let with = |line: &str| format!("epochs = 1\n{line}");
    for (line, key) in [
        ("lr = 0.1", "optimizer.adam.learning-rate"),
        ("learning_rate = 0.1", "optimizer.adam.learning-rate"),
        ("bs = 4", "batch-size"),
        ("batch_size = 4", "batch-size"),
        ("momentum = 0.9", "optimizer.sgd.momentum"),
        ("optimizer.sgd = { lr = 0.1 }", "learning-rate"),
        ("optimizer.adam = { betas = [0.9, 0.99] }", "beta1"),
        ("patience = 3", "early-stopping.patience"),
        ("num_workers = 3", "run.threads"),
    ] {
        told("epochs = 1", &with(line), &[&format!("did you mean `{key}`?")]);
    }
    told("epochs = 1", "n_epochs = 1", &["did you mean `epochs`?"]);
    told("epochs = 1", &with("device = 'cpu'"), &["belongs in `run`: run = { device = ... }"]);
}

#[test]
fn an_override_without_its_stage_suggests_the_whole_key() {
    let set = |text: &str, parts: &[&str]| one(planned("epochs", "epochs", &["--set", text]), parts);
    set("epochs=3", &["write the whole key: `train.t.epochs`"]);
    set("train.epochs=3", &["write the whole key: `train.t.epochs`"]);
    set("optimizer.adam.beta1=0.5", &["write the whole key: `train.t.optimizer.adam.beta1`"]);
    set("lr=3", &["write the whole key: `train.t.optimizer.adam.learning-rate`"]);
    set("seed=3", &["write the whole key: `pipeline.seed`"]);
    set("threads=3", &["write the whole key: `run.threads`"]);
    set("train.x.epochs=3", &["did you mean `train.t`?"]);
}

#[test]
fn a_misspelt_kind_is_reported_once() {
    told("[split.d]", "[splt.d]", &["there is no stage kind `splt`", "did you mean `split`?"]);
    told("[train.t]", "[trian.t]", &["did you mean `train`?"]);
    told("[synthesize.s]", "[synthesise.s]", &["did you mean `synthesize`?"]);
}

#[test]
fn a_layer_of_another_network_suggests_the_corresponding_layer() {
    for (layer, suggested) in
        [("conv5", "conv4"), ("layer4", "relu4"), ("features", "relu4"), ("relu_4", "relu4")]
    {
        let method = format!("method.grad-cam = {{ layer = '{layer}' }}");
        told("method.grad-cam = {}", &method, &[&format!("did you mean `{suggested}`?")]);
    }
}

#[test]
fn a_file_or_url_in_place_of_a_stage_is_explained() {
    told("model = 'train.t'", "model = 'm.safetensors'", &["write { safetensors = \"m.safetensors\" }"]);
    let pair = "write { x = \"d/x.h5\", y = \"...\" }";
    told("images = 'split.d/test'", "images = 'd/x.h5'", &["is a file", pair]);
    let url = "is a URL, and only local files are read";
    told("images = 'synthesize.s/images'", "images = 'https://host/x.h5'", &[url, "p.toml:6:10"]);
    told("images = 'split.d/test'", "images = { x = 'https://host/x.h5', y = 'y.h5' }", &[url]);
}

const FILES: &str =
    "[split.d]\nimages = 'X'\nlabels = 'Y'\nsizes = { train = 1, validation = 1, test = 1 }\n";

fn without_files(x: &str, y: &str) -> Sandbox {
    Sandbox::new().file("data/y.h5", "").pipeline(&FILES.replace('X', x).replace('Y', y))
}

#[test]
fn a_path_that_repeats_the_data_folder_is_suggested_without_it() {
    let project = without_files("data/y.h5", "y.h5");
    project.run(&[]).exit(2).complains("there is no file").complains("write `y.h5`");
    // Nothing is suggested if that file does not exist either.
    without_files("data/none.h5", "y.h5").run(&[]).exit(2).never_says("write `none.h5`");
}

#[test]
fn a_broken_link_is_reported_as_broken() {
    let project = without_files("x.h5", "y.h5");
    std::os::unix::fs::symlink("gone.h5", project.path("data/x.h5")).unwrap();
    project.run(&[]).exit(2).complains("data/x.h5 (it is a broken link)");
}

#[test]
fn advice_shared_by_several_files_is_printed_once() {
    let output = without_files("none.h5", "none2.h5").run(&[]).exit(2);
    let output = output.complains("none.h5\n").complains("none2.h5 (source paths");
    assert_eq!(output.stderr.matches("source paths are relative").count(), 1, "{}", output.stderr);
}

#[test]
fn windows_line_endings_in_a_script_are_reported() {
    let text = "[command.c]\nprogram = ['{script}', '{artifacts.y}']\ninputs = { script = './s.sh' }\n\
                artifacts = { y = 'y.txt' }\n";
    for first in ["#!/bin/sh", "#!/usr/bin/env sh"] {
        let script = format!("{first}\necho made > \"$1\"\n");
        let project = Sandbox::new().file("s.sh", script.replace('\n', "\r\n")).pipeline(text);
        project.shell("chmod +x s.sh").exit(0);
        let failure = project.run(&[]).exit(1).failure();
        for part in ["Windows line endings", first, "sed -i"] {
            assert!(failure.contains(part), "{part} is not in: {failure}");
        }
        project.rewrite("s.sh", script);
        project.run(&[]).exit(0);
        assert_eq!(fs::read_to_string(project.path("out/p/command.c/y.txt")).unwrap(), "made\n");
    }
}
