//! The report: which runs write it, what is in it, and what it does in a browser.

use std::{fs, sync::OnceLock};

use serde_json::json;

use crate::{
    browser::found,
    hdf5_files::{images, labels},
    sandbox::Sandbox,
};

/// A small copy of the quickstart: seconds on one core.
const PIPELINE: &str = "\
[pipeline]
name = 'small'
classes = ['healthy', '<b>tumour</b>']
[run]
threads = 1
device = 'cpu'
[synthesize.s]
patches = 96
slides = 4
[split.d]
images = 'synthesize.s/images'
labels = 'synthesize.s/labels'
meta = 'synthesize.s/meta'
masks = 'synthesize.s/masks'
sizes = { train = 48, validation = 24, test = 24 }
[train.t]
data = 'split.d'
architecture.class-cnn = { channels = [4, 4, 8, 8], hidden = 8 }
epochs = 2
batch-size = 8
[evaluate.e]
model = 'train.t'
images = 'split.d/test'
[explain.g]
model = 'train.t'
images = 'split.d/test'
take = 6
method.grad-cam = {}
[explain.s]
model = 'train.t'
images = 'split.d/test'
take = 6
method.saliency = {}
[metrics.m]
pixels-per-step = 1152
resamples = 50
explanations = { g = 'explain.g', s = 'explain.s' }
[sanity.n]
explanation = 'explain.g'
take = 2
";

const FILE: &str = "out/small/report.html";

/// A project whose pipeline has run, for tests that only look.
fn project() -> &'static Sandbox {
    static PROJECT: OnceLock<Sandbox> = OnceLock::new();
    PROJECT.get_or_init(|| {
        let project = Sandbox::new().pipeline(PIPELINE);
        project.run(&[]).exit(0);
        project
    })
}

fn page() -> String {
    fs::read_to_string(project().path(FILE)).unwrap()
}

#[test]
fn a_run_ends_with_the_headline_and_the_reports_path_also_if_all_is_cached() {
    let output = project().pcamflow(&["run", "p.toml"]).exit(0);
    let lines: Vec<&str> = output.stdout.lines().collect();
    let [.., headline, report] = lines.as_slice() else { panic!("{}", output.stdout) };
    assert!(headline.starts_with("evaluate.e: accuracy ") && headline.contains("ROC AUC"), "{headline}");
    assert_eq!(*report, format!("report: {FILE}"));
}

#[test]
fn a_run_of_one_stage_reports_all_that_have_results() {
    let project = Sandbox::new().pipeline(PIPELINE);
    project.run(&["evaluate.e"]).exit(0);
    project.run(&["explain.g"]).exit(0).ran(["explain.g"]);
    let page = fs::read_to_string(project.path(FILE)).unwrap();
    for section in ["evaluation", "explanations"] {
        assert!(page.contains(&format!("<section id=\"{section}\"")), "{section}");
    }
    assert!(page.contains("metrics.m has no result."));
}

#[test]
fn a_run_that_changes_nothing_leaves_the_report_alone() {
    let before = fs::metadata(project().path(FILE)).unwrap().modified().unwrap();
    project().run(&[]).exit(0).cached_all();
    assert_eq!(fs::metadata(project().path(FILE)).unwrap().modified().unwrap(), before);
}

#[test]
fn every_section_is_there_and_all_text_is_escaped() {
    let page = page();
    let sections = [
        "summary",
        "pipeline",
        "data",
        "training",
        "evaluation",
        "explanations",
        "faithfulness",
        "measures",
        "reproduce",
    ];
    for section in sections {
        assert!(page.contains(&format!("<section id=\"{section}\"")), "{section}");
    }
    assert!(page.contains("&lt;b&gt;tumour&lt;/b&gt;") && !page.contains("<b>tumour"));
    assert!(page.len() < 5 << 20, "{} bytes", page.len());
}

#[test]
fn a_report_that_is_written_later_still_shows_what_the_last_run_computed() {
    project().pcamflow(&["report", "p.toml", "--to", "later.html"]).exit(0);
    let later = fs::read_to_string(project().path("later.html")).unwrap();
    assert!(later.contains("Time line of the last run") && page().contains("Time line of the last run"));
}

#[test]
fn the_report_can_be_turned_off_and_written_later() {
    let text = PIPELINE.split("[train.t]").next().unwrap();
    let train = PIPELINE.split_once("[train.t]").unwrap().1.split("[evaluate.e]").next().unwrap();
    let project = Sandbox::new().pipeline(&format!("{text}[train.t]{train}[report]\nenabled = false\n"));
    let output = project.pcamflow(&["run", "p.toml"]).exit(0).never_says("report:");
    assert!(!output.stdout.contains("report:"), "{}", output.stdout);
    assert!(!project.path(FILE).exists(), "{}", output.stdout);
    project.run(&["--set", "report.enabled=1"]).exit(2).complains("enabled");
    let written = project.pcamflow(&["report", "p.toml", "--to", "pages/r.html"]).exit(0);
    assert_eq!(written.stdout, "pages/r.html\n");
    assert!(fs::read_to_string(project.path("pages/r.html")).unwrap().contains("train.t"));
}

#[test]
fn an_earlier_run_is_shown_as_it_was() {
    let project = Sandbox::new().pipeline(PIPELINE);
    let base = |epochs: &str| fs::write(project.path("base.toml"), format!("[train.t]\nepochs = {epochs}\n"));
    base("2").unwrap();
    let text = PIPELINE.replace("epochs = 2\n", "");
    fs::write(project.path("p.toml"), format!("extends = 'base.toml'\n{text}")).unwrap();
    project.run(&["explain.g"]).exit(0);
    base("1").unwrap();
    project.run(&["evaluate.e"]).exit(0);
    let written = project.pcamflow(&["report", "1"]).exit(0);
    assert_eq!(written.stdout, "run-1.html\n");
    let page = fs::read_to_string(project.path("run-1.html")).unwrap();
    assert!(page.contains("<title>small, run 1") && page.contains("epochs 2, batch-size 8"));
    assert!(page.contains("<section id=\"explanations\"") && !page.contains("<section id=\"evaluation\""));
    project.pcamflow(&["report", "latest", "--to", "second.html"]).exit(0);
    let page = fs::read_to_string(project.path("second.html")).unwrap();
    assert!(page.contains("small, run 2") && page.contains("epochs 1, batch-size 8"));
    assert!(!page.contains("<section id=\"explanations\"") && page.contains("<section id=\"evaluation\""));
    project.pcamflow(&["report", "9"]).exit(2).complains("there is no run `9`");
    project.pcamflow(&["report", "1..2"]).exit(2).complains("`1..2` is not one run");
    project
        .pcamflow(&["report", "1", "--set", "train.t.epochs=3"])
        .exit(2)
        .complains("are for a pipeline file");
}

#[test]
fn patches_of_a_source_that_has_changed_are_not_shown() {
    let start = PIPELINE.find("[evaluate.e]").unwrap();
    let pipeline = format!(
        "{}[evaluate.e]\nmodel = 'train.t'\nimages = {{ x = 'x.h5', y = 'y.h5' }}\n",
        &PIPELINE[..start]
    );
    let project = Sandbox::new().pipeline(&pipeline).with(|root| {
        images(&root.join("data/x.h5"), 8);
        labels(&root.join("data/y.h5"), &[0, 1, 0, 1, 0, 1, 0, 1]);
    });
    project.run(&[]).exit(0);
    let mistakes =
        |page: &str| page.contains("The most confident mistakes") && !page.contains("has changed since");
    assert!(mistakes(&fs::read_to_string(project.path(FILE)).unwrap()));
    images(&project.path("data/x.h5"), 9);
    project.pcamflow(&["report", "p.toml"]).exit(0);
    let page = fs::read_to_string(project.path(FILE)).unwrap();
    assert!(
        page.contains("x.h5") && page.contains("is not what the stage read: it has changed since"),
        "{page}"
    );
}

#[test]
fn without_results_the_error_says_what_to_do() {
    let project = Sandbox::new().pipeline(PIPELINE);
    let output = project.pcamflow(&["report", "p.toml"]).exit(1);
    output.complains("no stage has a result yet: `pcamflow run p.toml` makes some");
}

#[test]
fn artifacts_that_are_gone_leave_a_gap_that_is_named_and_the_rest_stays() {
    let project = Sandbox::new().pipeline(PIPELINE);
    project.run(&["evaluate.e"]).exit(0);
    let path = project.pcamflow(&["path", "p.toml", "evaluate.e/metrics"]).exit(0).stdout;
    fs::remove_file(path.trim()).unwrap();
    project.pcamflow(&["report", "p.toml"]).exit(0);
    let page = fs::read_to_string(project.path(FILE)).unwrap();
    assert!(page.contains("<section id=\"training\"") && !page.contains("<section id=\"evaluation\""));
}

#[test]
fn measures_are_explained_in_the_reports_words() {
    let project = Sandbox::new();
    let output = project.pcamflow(&["explain", "deletion-auc"]).exit(0);
    assert!(output.stdout.contains("0 to 1, low is good"), "{}", output.stdout);
    for (name, title) in [("deletion", "Deletion area"), ("mask-rank", "Rank"), ("brier", "Brier score")] {
        let output = project.pcamflow(&["explain", name]).exit(0);
        assert!(output.stdout.contains(&format!("({title})")), "{}", output.stdout);
    }
    project.pcamflow(&["explain", "deletio"]).exit(2).complains("did you mean `deletion-auc`?");
}

#[test]
fn the_summary_and_the_faithfulness_begin_with_the_same_verdict_and_numbers_have_plain_names() {
    let page = page();
    assert_eq!(page.matches("<p class=\"verdict\">").count(), 2);
    assert!(page.contains("Latest result"));
    let stages = page.split("main numbers").nth(1).unwrap().split("</table>").next().unwrap();
    assert!(stages.contains("ROC AUC") && !stages.contains("roc-auc"), "{stages}");
    for raw in ["log-loss", "centre-rank", "spearman-", "g/insertion"] {
        assert!(!stages.contains(raw), "{raw}");
    }
}

#[test]
fn every_link_to_a_measure_leads_to_its_explanation() {
    let page = page();
    let links: Vec<&str> =
        page.split("href=\"#term-").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(links.len() > 20);
    for link in links {
        assert!(page.contains(&format!("<dt id=\"term-{link}\">")), "{link}");
    }
}

#[test]
fn patches_are_filtered_and_sorted_in_a_browser() {
    let script = "
        const form = one('.controls'), shown = () => all('.row').filter((row) => !row.hidden);
        found.all = shown().length;
        found.groups = [...new Set(all('.row').map((row) => row.dataset.group))].sort();
        form.elements.sort.value = 'p'; form.oninput();
        const p = shown().map((row) => Number(row.dataset.p));
        found.descending = p.every((value, at) => at === 0 || value <= p[at - 1]);
        form.elements.descending.checked = false; form.oninput();
        found.ascending = Number(shown()[0].dataset.p) === Math.min(...p);
        for (const box of all('[name=group]', form)) box.checked = false;
        form.oninput();
        found.none = shown().length;
        found.output = one('output', form).textContent;
        found.grey = all('.grey').length;";
    let Some(found) = found(&project().path(FILE), [1200, 900], script) else { return };
    assert_eq!(
        (&found["all"], &found["none"], &found["output"]),
        (&json!(6), &json!(0), &json!("0 of 6 patches"))
    );
    assert_eq!((&found["descending"], &found["ascending"]), (&json!(true), &json!(true)));
    assert_eq!(found["grey"], 12, "each map lies over a grey copy of its patch");
}

#[test]
fn threshold_dark_mode_and_enlarging_work_in_a_browser() {
    let script = "
        const box = one('.threshold'), range = one('input', box);
        const cell = (name) => Number(one(`[data-cell=\"${name}\"]`, box).textContent);
        range.value = 0; range.oninput();
        found.positive = cell('01') + cell('11');
        range.value = 1; range.oninput();
        found.negative = cell('00') + cell('10');
        one('button', box).onclick();
        found.reset = range.value;
        const before = getComputedStyle(document.body).backgroundColor;
        one('#theme').click();
        found.dark = getComputedStyle(document.body).backgroundColor !== before;
        one('.row .patch').click();
        found.large = one('#large').open && all('#large img').length > 0;
        one('#large button').click();
        found.closed = !one('#large').open;
        location.hash = '#stage-train.t';
        found.unlabelled = all('img:not([alt]), button:empty').length;";
    let Some(found) = found(&project().path(FILE), [1200, 900], script) else { return };
    assert_eq!(
        (&found["positive"], &found["negative"], &found["reset"]),
        (&json!(24), &json!(24), &json!("0.5"))
    );
    assert_eq!(
        (&found["dark"], &found["large"], &found["closed"]),
        (&json!(true), &json!(true), &json!(true))
    );
    assert_eq!(found["unlabelled"], 0);
}

#[test]
fn nothing_is_wider_than_a_phone() {
    let script = "found.wide = document.documentElement.scrollWidth; found.window = innerWidth;
        const picture = one('.picture .enlarge');
        found.picture = picture.offsetWidth;
        found.box = picture.parentElement.clientWidth;";
    let Some(found) = found(&project().path(FILE), [390, 844], script) else { return };
    let [wide, window, picture, around] =
        ["wide", "window", "picture", "box"].map(|name| found[name].as_u64().unwrap());
    assert!(wide <= window, "the page is {wide} pixels wide in a window of {window}");
    assert!(window > 560 || (picture >= 560 && around < window), "{picture} pixels in a box of {around}");
}

#[test]
fn a_sweep_has_a_page_whose_best_run_is_chosen_by_validation() {
    let project = Sandbox::new().pipeline(PIPELINE);
    let set = ["--set", "train.t.epochs=1,2", "--set", "train.t.batch-size=8,16"];
    project.pcamflow(&[&["sweep", "p.toml", "evaluate.e"][..], &set].concat()).exit(0);
    let written = project.pcamflow(&["report", "--sweep", "latest", "--to", "sweep.html"]).exit(0);
    assert_eq!(written.stdout, "sweep.html\n");
    let page = fs::read_to_string(project.path("sweep.html")).unwrap();
    assert!(page.contains("The best run by validation is") && page.contains("train.t.validation-loss"));
    for section in ["runs", "parallel", "heat"] {
        assert!(page.contains(&format!("<section id=\"{section}\"")), "{section}");
    }
    project.pcamflow(&["compare", "p.toml", "--page", "runs.html"]).exit(0).complains("wrote runs.html");
    assert!(fs::read_to_string(project.path("runs.html")).unwrap().contains("<section id=\"runs\""));
    project.pcamflow(&["report", "--sweep", "nothing"]).exit(2).complains("there is no sweep `nothing`");
    project.pcamflow(&["report"]).exit(2);
}
