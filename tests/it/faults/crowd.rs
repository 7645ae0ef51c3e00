//! Two and eight concurrent runs on one store, of the same or overlapping pipelines, while `cache gc` and
//! `cache verify` run: each stage is computed once and every command succeeds.

use std::collections::BTreeMap;

use crate::sandbox::{Output, Sandbox};

/// The chain that all pipelines share.
const SHARED: &str = "\
[synthesize.a]
patches = 24
slides = 2
[split.a]
images = 'synthesize.a/images'
labels = 'synthesize.a/labels'
sizes = { train = 4, validation = 2, test = 2 }
[preview.a]
images = 'split.a/train'
rows = 1
columns = 2
";

fn other(seed: u32) -> String {
    SHARED.replace(".a", ".b").replace("slides = 2", &format!("slides = 2\nseed = {seed}"))
}

fn project() -> Sandbox {
    let pipeline = |name: &str, other: &str| format!("[pipeline]\nname = '{name}'\n{SHARED}{other}");
    let mut project = Sandbox::new().pipeline(&pipeline("crowd", &other(1)));
    for index in 0..8 {
        // Each second chain is shared by two pipelines.
        let text = pipeline(&format!("crowd{index}"), &other(index / 2));
        project = project.file(&format!("p{index}.toml"), text);
    }
    project
}

/// How often each stage was computed in all runs together.
fn computed(outputs: &[Output]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for stage in outputs.iter().flat_map(Output::computed) {
        *counts.entry(stage).or_default() += 1;
    }
    counts
}

/// Repeats `cache gc` and `cache verify` until the file `done` exists.
const BESIDE: &str = "
    until [ -e done ]; do $PCAMFLOW cache gc >/dev/null || exit 11; done & a=$!
    until [ -e done ]; do $PCAMFLOW cache verify >>verify.txt || exit 12; done & b=$!
    wait $a || exit $?; wait $b";

/// Starts the runs at the same time as `BESIDE`. All must succeed.
fn at_once(project: &Sandbox, runs: &[Vec<String>]) -> Vec<Output> {
    let _ = std::fs::remove_file(project.path("done"));
    std::thread::scope(|threads| {
        let beside = threads.spawn(|| project.shell(BESIDE));
        let runs: Vec<_> = runs
            .iter()
            .map(|arguments| {
                threads.spawn(move || {
                    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                    project.pcamflow(&arguments).exit(0)
                })
            })
            .collect();
        let outputs = runs.into_iter().map(|run| run.join()).collect::<Vec<_>>();
        project.rewrite("done", "");
        beside.join().unwrap().exit(0);
        outputs.into_iter().map(Result::unwrap).collect()
    })
}

fn arguments(pipeline: &str, out: usize) -> Vec<String> {
    ["run", pipeline, "--json", "--out", &format!("out{out}")].map(str::to_owned).to_vec()
}

#[test]
fn concurrent_runs_of_one_pipeline_compute_each_stage_once() {
    for count in [2, 8] {
        let project = project();
        let runs: Vec<_> = (0..count).map(|index| arguments("p.toml", index)).collect();
        let outputs = at_once(&project, &runs);
        let computed = computed(&outputs);
        assert_eq!(computed.len(), 6, "{computed:?}");
        assert!(computed.values().all(|times| *times == 1), "{computed:?}");
        project.pcamflow(&["cache", "verify"]).exit(0);
        project.run(&[]).cached_all();
        for index in 0..count {
            assert_eq!(project.names(&format!("out{index}/crowd")).len(), 6);
        }
    }
}

#[test]
fn eight_runs_with_the_same_out_folder_leave_it_complete() {
    let project = project();
    let runs: Vec<_> = (0..8).map(|_| arguments("p.toml", 0)).collect();
    let outputs = at_once(&project, &runs);
    assert!(computed(&outputs).values().all(|times| *times == 1));
    let straight = self::project();
    straight.run(&[]).exit(0);
    let shown = |root: &Sandbox, out: &str| {
        root.shell(&format!(
            "cd {out}; find . -type f ! -name '.pcamflow-shown*' | sort | xargs sha256sum; find . -name '.?*' -type d"
        ))
    };
    assert_eq!(shown(&project, "out0").stdout, shown(&straight, "out").stdout);
}

#[test]
fn overlapping_pipelines_share_common_stages() {
    let project = project();
    let runs: Vec<_> = (0..8).map(|index| arguments(&format!("p{index}.toml"), index)).collect();
    let outputs = at_once(&project, &runs);
    let computed = computed(&outputs);
    for (stage, times) in &computed {
        // All runs share one chain; of the other chain there are four variants, each shared by two runs.
        let expected = if stage.ends_with(".a") { 1 } else { 4 };
        assert_eq!(*times, expected, "{stage} in {computed:?}");
    }
    assert_eq!(computed.len(), 6);
    project.pcamflow(&["cache", "verify"]).exit(0);
    for index in 0..8 {
        let again = project.pcamflow(&["run", &format!("p{index}.toml"), "--json"]);
        again.cached_all();
    }
}
