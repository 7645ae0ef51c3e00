//! The Markdown summary, through the binary.

use std::fs;

use crate::sandbox::Sandbox;

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

fn small() -> Sandbox {
    Sandbox::new().pipeline(PIPELINE)
}

#[track_caller]
fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    // Every row of a table must have as many cells as the head.
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    for pair in text.lines().collect::<Vec<_>>().windows(2) {
        if pair.iter().all(|line| line.starts_with('|')) {
            assert_eq!(cells(pair[0]), cells(pair[1]), "{}\n{}", pair[0], pair[1]);
        }
    }
}

#[test]
fn it_lists_stages_requirements_and_numbers() {
    let project = small().file("page.md", "an older one");
    let arguments =
        ["--summary", "page.md", "--require", "split.d.train >= 4", "--require", "split.d.test > 2"];
    project.run(&arguments).exit(5);
    let page = fs::read_to_string(project.path("page.md")).unwrap();
    has(
        &page,
        &[
            "### pcamflow: small\n\n❌ 1 of 2 requirements not met: 3 computed in ",
            " (exit code 5)\n",
            "| `split.d.train >= 4` | ✅ met | 4 (split.d@1), 4 (split.d@2) |\n",
            "| `split.d.test > 2` | ❌ not met | 2 (split.d@1), 2 (split.d@2) |\n",
            "| `synthesize.s` | computed | ",
            " | never ran |\n",
            "| `synthesize.s` | patches | 12 |\n",
            "`split.d` over seeds 1, 2:\n",
            "| train | 4 | 0 | 4 | 4 | 2 |\n",
            "\nArtifacts: `out/small`\n",
        ],
    );
    assert!(!page.contains("an older one") && !page.contains("\n\n\n"), "{page}");
    project.run(&["--summary", "page.md"]).cached_all();
    let page = fs::read_to_string(project.path("page.md")).unwrap();
    has(&page, &["✅ done: 3 cached in ", "| `split.d@1` | cached | ("]);
    assert_eq!(project.names("."), ["out", "p.toml", "page.md"], "no temporary file is left");
}

#[test]
fn frozen_and_failed_runs_write_one() {
    let project = small();
    project.run(&[]).exit(0);
    project.run(&["--frozen", "--summary", "page.md", "--set", "split.d.sizes.train=5"]).exit(4);
    let page = fs::read_to_string(project.path("page.md")).unwrap();
    has(
        &page,
        &[
            "❌ frozen: not everything is in the store: 1 cached, 2 would run in ",
            "| `split.d@1` | **would run** |  | `sizes.train` 4 -&gt; 5 (--set) |\n",
        ],
    );
    // With one job, the second repeat does not start after the first has failed.
    project.run(&["--summary", "page.md", "--jobs", "1", "--set", "split.d.sizes.train=500"]).exit(1);
    let page = fs::read_to_string(project.path("page.md")).unwrap();
    has(&page, &["❌ 1 stage failed", "| `split.d@1` | **failed** |", "` failed:\n\n```text\n"]);
}

#[test]
fn in_a_github_job_it_is_appended_to_the_step_summary() {
    let project = small().file("step.md", "before\n");
    let step = project.path("step.md").display().to_string();
    let project = project.env("GITHUB_STEP_SUMMARY", &step);
    project.run(&[]).exit(0);
    project.run(&["--frozen"]).exit(0);
    let page = fs::read_to_string(project.path("step.md")).unwrap();
    assert!(page.starts_with("before\n### pcamflow: small\n"), "{page}");
    assert_eq!(page.matches("\n### pcamflow: small\n").count(), 2, "{page}");
    project.pcamflow(&["plan", "p.toml"]).exit(0);
    assert_eq!(fs::read_to_string(project.path("step.md")).unwrap(), page);
}

#[test]
fn a_step_summary_that_cannot_be_written_is_a_warning() {
    let project = small().env("GITHUB_STEP_SUMMARY", "/proc/no/such/page");
    let output = project.run(&[]).exit(0);
    output.complains("warning: the summary of the job was not written: ").complains("/proc/no/such/page");
}

#[test]
fn an_unwritable_summary_is_reported_before_anything_runs() {
    let project = small().file("folder/x", "");
    for place in ["absent/below/page.md", "folder"] {
        for command in ["run", "sweep", "watch"] {
            let trials: &[&str] =
                if command == "sweep" { &["--set", "synthesize.s.patches=12,16"] } else { &[] };
            let arguments = [&[command, "p.toml", "--summary", place][..], trials].concat();
            let output = project.pcamflow(&arguments).exit(3);
            let output =
                output.complains("the summary cannot be written").complains(place.split('/').next().unwrap());
            assert_eq!(output.stdout, "", "{command} {place}");
            assert!(!project.path(".pcamflow/actions").exists(), "{command} {place}");
        }
    }
    project.run(&["--summary", "page.md"]).exit(0);
    for place in ["absent/plot.svg", "folder/x/plot.png"] {
        let output = project.pcamflow(&["compare", "p.toml", "--plot", place]).exit(3);
        let output = output.complains("the plot cannot be written");
        assert_eq!(output.stdout, "", "{place}");
    }
    assert_eq!(project.names("folder"), ["x"]);
}
