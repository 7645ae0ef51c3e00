//! The language of pipeline files, through the binary: `extends`, `remove`, `[params]`, `[sweep]`, `pin`.

use crate::{
    hdf5_files::{images, labels},
    sandbox::Sandbox,
};

pub(super) const PARENT: &str = "\
[pipeline]
name = 'full'
seed = 7
[split.d]
images = 'x.h5'
labels = 'y.h5'
sizes = { train = 4, validation = 2, test = 2 }
[train.base]
data = 'split.d'
epochs = 8
optimizer.adam = { learning-rate = 1e-3 }
early-stopping = {}
[explain.cam]
model = 'train.base'
images = 'split.d/test'
method.grad-cam = {}
[explain.saliency]
model = 'train.base'
images = 'split.d/test'
method.saliency = {}
[metrics.m]
explanations = { cam = 'explain.cam', saliency = 'explain.saliency' }
";

pub(super) const LABELS: [u8; 12] = [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1];

/// A project with `pipelines/full.toml`, and with `p.toml`, which extends it.
pub(super) fn child(text: &str) -> Sandbox {
    let text = format!("extends = 'pipelines/full.toml'\n{text}");
    Sandbox::new().file("pipelines/full.toml", PARENT).pipeline(&text)
}

/// `check` fails with this number of errors and mentions every part.
#[track_caller]
pub(super) fn refused(project: &Sandbox, errors: usize, parts: &[&str]) {
    let output = project.pcamflow(&["check", "p.toml"]).exit(2).never_says("panicked");
    if output.stderr.matches("error: ").count() != errors {
        output.fail(&format!("expected {errors} errors"));
    }
    for part in parts {
        if !output.stderr.contains(part) {
            output.fail(&format!("{part:?} is not said"));
        }
    }
}

/// The lines of a stage's fingerprint that contain `of`.
#[track_caller]
pub(super) fn lines(project: &Sandbox, file: &str, stage: &str, of: &str) -> String {
    let output = project.pcamflow(&["plan", file, "-v", stage]).exit(0);
    let lines = output.stdout.lines().map(str::trim).filter(|line| line.contains(of));
    lines.map(|line| line.to_owned() + "\n").collect()
}

pub(super) fn data(project: Sandbox) -> Sandbox {
    project.with(|root| {
        images(&root.join("data/x.h5"), 12);
        labels(&root.join("data/y.h5"), &LABELS);
    })
}

#[test]
fn a_child_equals_its_parent_with_the_overridden_values() {
    let project = data(child("[train.base]\nepochs = 3\noptimizer.sgd.momentum = 0.9\n"));
    let output = project.pcamflow(&["check", "p.toml"]).exit(0);
    assert!(output.stdout.starts_with("p: 5 stages: split.d, train.base"), "{}", output.stdout);
    let written = PARENT
        .replace("epochs = 8", "epochs = 3")
        .replace("optimizer.adam = { learning-rate = 1e-3 }", "optimizer.sgd = { momentum = 0.9 }");
    project.rewrite("q.toml", written);
    let of = |file: &str| {
        let output = project.pcamflow(&["plan", file, "-v", "--json"]).exit(0);
        output.events_of("fingerprint").iter().map(|event| event["lines"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(of("p.toml"), of("q.toml"));
    // Each value is reported with the file that sets it.
    let told = lines(&project, "p.toml", "train.base", "parameter");
    for part in ["epochs = 3  (p.toml:3)", "(p.toml:4)", "seed = 7  (pipelines/full.toml:3)"] {
        assert!(told.contains(part), "{part} in\n{told}");
    }
}

#[test]
fn extends_paths_are_relative_to_the_file_that_names_them() {
    let project =
        child("").file("pipelines/sub/more.toml", "extends = '../full.toml'\n[train.base]\nepochs = 5\n");
    project.rewrite("p.toml", "extends = 'pipelines/sub/more.toml'\n[train.base]\nbatch-size = 2\n");
    let project = data(project);
    let told = lines(&project, "p.toml", "train.base", "parameter");
    let places = ["epochs = 5  (pipelines/sub/../full.toml", "epochs = 5  (pipelines/sub/more.toml:3)"];
    assert!(told.contains(places[1]) && !told.contains(places[0]), "{told}");
    assert!(told.contains("batch-size = 2  (p.toml:3)"), "{told}");
}

#[test]
fn removed_stages_are_gone_and_references_to_them_are_errors() {
    let project = child(
        "remove = ['explain.saliency', 'metrics.m.explanations.saliency', 'train.base.early-stopping']\n",
    );
    let output = project.pcamflow(&["check", "p.toml"]).exit(0).never_says("saliency");
    assert!(output.stdout.contains("4 stages"), "{}", output.stdout);
    refused(
        &child("remove = ['explain.saliency']\n"),
        1,
        &["no stage `explain.saliency`", "pipelines/full.toml:22", "p.toml:2:11", "it is removed here"],
    );
    let wrong = "remove = ['explain.salience', 'train.base.epoch', 'train.bsae.epochs', 'a b', 3]\n";
    refused(
        &child(wrong),
        5,
        &[
            "pipelines/full.toml has no `explain.salience` to remove",
            "did you mean `explain.saliency`?",
            "did you mean `train.base.epochs`?",
            "did you mean `train.base.epochs`?",
            "a key is written kind.name",
            "`remove` is a list of keys",
        ],
    );
    refused(&Sandbox::new().pipeline("remove = ['train.a']"), 1, &["this file extends no other file"]);
}

#[test]
fn mistakes_are_reported_in_the_file_that_makes_them() {
    let project = child("[evaluate.test]\nmodel = 'train.bsae'\nimages = 'split.d/test'\n");
    refused(&project, 1, &["no stage `train.bsae`", "did you mean `train.base`", "p.toml:3:9"]);
    project.rewrite("p.toml", "extends = 'pipelines/full.toml'\n[train.bsae]\nepochs = 2\n");
    refused(&project, 1, &["`data` is missing", "p.toml:2:1", "did you mean `train.base`?"]);
    project.rewrite("pipelines/full.toml", PARENT.replace("epochs = 8", "epoch = 8"));
    project.rewrite("p.toml", "extends = 'pipelines/full.toml'\n[train.base]\nbatch-size = 0\n");
    refused(&project, 1, &["pipelines/full.toml:10:1", "unknown key `epoch`"]);
    project.rewrite("pipelines/full.toml", PARENT.replace("seed = 7", "seed = "));
    refused(&project, 1, &["pipelines/full.toml:3:7", "string values must be quoted"]);
}

#[test]
fn an_unreadable_parent_is_one_error_with_its_place() {
    let project = Sandbox::new().pipeline("extends = 'no.toml'\n[train.base]\nepochs = 3\n");
    refused(
        &project,
        1,
        &["cannot read no.toml, which is extended here: No such file", "p.toml:1:11", "relative to the file"],
    );
    let project =
        Sandbox::new().pipeline("extends = 'b.toml'\n").file("b.toml", "# b\nextends = './c.toml'\n");
    project.rewrite("c.toml", "extends = 'p.toml'");
    refused(
        &project,
        1,
        &["cannot extend itself: p.toml -> b.toml -> ./c.toml -> ./p.toml", "./c.toml:1:11"],
    );
    refused(
        &Sandbox::new().pipeline("extends = ['a.toml']"),
        1,
        &["`extends` names one file", "p.toml:1:11"],
    );
    let low = PARENT.replace("seed = 7", "seed = 7\nextends = 'full.toml'");
    refused(&Sandbox::new().pipeline(&low), 1, &["unknown key `extends`", "at the top of the file"]);
}

const PARAMS: &str = "\
[params]
epochs = 8
rate = 1e-3
half = \"${params.rate}\"
part = 'test'
net = { channels = [2, 2, 2, 2], hidden = 4 }
[split.d]
images = 'x.h5'
labels = 'y.h5'
sizes = { train = 4, validation = 2, test = 2 }
[train.base]
data = 'split.d'
epochs = \"${params.epochs}\"
architecture.class-cnn = \"${params.net}\"
optimizer.adam = { learning-rate = \"${params.half}\" }
[evaluate.e]
model = 'train.base'
images = \"split.d/${params.part}\"
";

#[test]
fn parameters_have_any_type_and_report_where_they_are_set() {
    let project = data(Sandbox::new().pipeline(PARAMS));
    project.pcamflow(&["check", "p.toml"]).exit(0).never_says("note");
    let told = lines(&project, "p.toml", "train.base", "parameter");
    for part in ["channels.0 = 2  (p.toml:6)", "epochs = 8  (p.toml:2)", "hidden = 4  (p.toml:6)"] {
        assert!(told.contains(part), "{part} in\n{told}");
    }
    let set = project.pcamflow(&["plan", "p.toml", "-v", "train.base", "--set", "params.rate=0.5"]).exit(0);
    assert!(set.stdout.contains("learning-rate = 0.5  (--set)"), "{}", set.stdout);
    let set = project.pcamflow(&["check", "p.toml", "--set", "params.rat=0.5"]).exit(2);
    set.complains("no parameter `rat` to set").complains("did you mean `rate`?");
    // A child overrides the parameter.
    project.rewrite("q.toml", "extends = 'p.toml'\n[params]\nepochs = 2\n");
    assert!(lines(&project, "q.toml", "train.base", "epochs").contains("epochs = 2  (q.toml:3)"));
}

#[test]
fn a_parameter_of_the_wrong_type_is_reported_with_its_use_and_its_definition() {
    let project = Sandbox::new().pipeline(&PARAMS.replace("epochs = 8", "epochs = 'eight'"));
    refused(
        &project,
        1,
        &[
            "a whole number is expected here, not the text \"eight\"",
            "p.toml:13:10",
            "`params.epochs` is set here",
            "2 | epochs",
        ],
    );
    let project = Sandbox::new().pipeline(&PARAMS.replace("hidden = 4", "hiden = 4"));
    refused(&project, 1, &["unknown key `hiden`", "p.toml:6", "`params.net` is used here"]);
    let project = Sandbox::new().pipeline(&PARAMS.replace("rate = 1e-3", "rate = -1"));
    refused(&project, 1, &["must be a number above 0", "p.toml:15", "`params.rate` is set here"]);
    // The same across two files.
    let project =
        Sandbox::new().file("full.toml", PARAMS).pipeline("extends = 'full.toml'\n[params]\nepochs = 0.5\n");
    refused(&project, 1, &["full.toml:13:10", "p.toml:3:10", "`params.epochs` is set here"]);
}

#[test]
fn wrong_references_to_parameters_are_reported() {
    let with = |from: &str, to: &str| Sandbox::new().pipeline(&PARAMS.replacen(from, to, 1));
    refused(
        &with("${params.epochs}", "${params.epoch}"),
        1,
        &["no parameter `epoch`", "did you mean `epochs`?", "p.toml:13:10"],
    );
    refused(&with("${params.epochs}", "${params.epochs"), 1, &["has no `}`"]);
    refused(
        &with("\"${params.epochs}\"", "\"$epochs\""),
        1,
        &["a whole number is expected", "a parameter is written \"${params.name}\""],
    );
    refused(
        &with("rate = 1e-3", "rate = \"${params.half}\""),
        1,
        &["a parameter cannot refer to itself: params.half -> params.rate -> params.half"],
    );
    refused(
        &with("part = 'test'", "part = ['test']"),
        1,
        &["`params.part` cannot be inserted into a text: its type is array", "is set here"],
    );
    refused(&with("part = 'test'", "part = 'tset'"), 1, &["no artifact `tset`", "`params.part` is set here"]);
    refused(&Sandbox::new().pipeline("params = 3"), 1, &["`params` is a table"]);
}

#[test]
fn an_unused_parameter_is_a_note_and_a_plain_dollar_is_a_dollar() {
    let project = Sandbox::new().pipeline(&PARAMS.replace("[split.d]", "epoch = 3\n[split.d]"));
    let output = project.pcamflow(&["check", "p.toml"]).exit(0);
    assert_eq!(output.stderr, "note: p.toml:7: `params.epoch` is not used (`params.epochs` is)\n");
    // An unused parameter of a parent gets no note: a removed stage may have used it.
    project.rewrite("q.toml", "extends = 'p.toml'\n");
    assert_eq!(project.pcamflow(&["check", "q.toml"]).exit(0).stderr, "");
    let text = "[preview.p]\nimages = { x = '$HOME $${params.x} $$ ${y}' }\nmeta = 'm'\n";
    let project = Sandbox::new().pipeline(text);
    project.pcamflow(&["plan", "p.toml"]).exit(2).complains("data/$HOME ${params.x} $$ ${y}\n");
}

#[test]
fn a_run_ignores_a_valid_sweep_and_reports_an_invalid_one() {
    let text = format!("{PARENT}[sweep.set]\ntrain.base.epochs = [1, 2]\n");
    let project = Sandbox::new().pipeline(&text);
    assert!(project.pcamflow(&["check", "p.toml"]).exit(0).stdout.starts_with("full: 5 stages"));
    project.rewrite("p.toml", text.replace("train.base.epochs = [1", "train.bsae.epochs = [1"));
    refused(&project, 1, &["no stage `train.bsae`", "did you mean `train.base`", "p.toml:24:1"]);
}
