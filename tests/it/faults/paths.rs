//! Unusual paths for the store, the data, the output and the pipeline. All of them work except paths that
//! are not UTF-8, which stages cannot receive; those are reported.

use std::fs;

use crate::sandbox::{Output, Sandbox};

use super::QUICK;

const NAMES: [&str; 6] = [
    "two words",
    "it's \"quoted\" `and` $HOME",
    "new\nline",
    "tab\tand \\ back",
    "Präparate 日本 ✓",
    "-n --help",
];

#[test]
fn a_project_may_lie_in_a_folder_of_any_name() {
    for name in NAMES {
        let project = Sandbox::in_folder(name).pipeline(QUICK);
        project.run(&[]).ran(["split.d", "synthesize.s"]);
        project.run(&[]).cached_all();
        project.pcamflow(&["cache", "verify"]).exit(0);
        project.pcamflow(&["cache", "gc"]).exit(0);
        let path = project.pcamflow(&["path", "p.toml", "split.d/train"]).exit(0);
        assert!(fs::exists(path.stdout.strip_suffix('\n').unwrap()).unwrap(), "{name:?}: {}", path.stdout);
        project.pcamflow(&["export", "p.toml", "split.d", &format!("./{name}")]).exit(0);
        assert_eq!(project.names(name).len(), 4, "{name:?}");
        project.run(&[]).cached_all();
    }
}

#[test]
fn store_data_and_out_may_have_any_names() {
    for name in NAMES {
        let below = |what: &str| format!("./{name}/{what}");
        let project = Sandbox::new().pipeline(QUICK);
        let (store, out) = (below("store"), below("out"));
        let places = ["--store", &store, "--out", &out];
        project.run(&places).ran(["split.d", "synthesize.s"]);
        project.run(&places).cached_all();
        project.pcamflow(&["cache", "verify", "--store", &store]).exit(0);
        // Use the results as data.
        fs::create_dir_all(project.path(&below("data"))).unwrap();
        for file in ["images.h5", "labels.h5"] {
            let made = project.path(&format!("{out}/faults/synthesize.s/{file}"));
            fs::copy(made, project.path(&below(&format!("data/{file}")))).unwrap();
        }
        let text = "[split.d]\nimages = 'images.h5'\nlabels = 'labels.h5'\n\
                    sizes = { train = 4, validation = 2, test = 2 }\n";
        project.rewrite("p.toml", text);
        let data = below("data");
        let places = [&places[..], &["--data", &data]].concat();
        project.run(&places).ran(["split.d"]);
        project.run(&places).cached_all();
    }
}

#[test]
fn a_path_may_be_very_long() {
    let deep = format!("{}/{}", ["d".repeat(240).as_str(); 14].join("/"), "e".repeat(100));
    let project = Sandbox::new().file(&format!("{deep}/p.toml"), QUICK);
    let script = |what: &str| project.shell(&format!("cd {deep} && mkdir -p .git && $PCAMFLOW {what}"));
    script("run p.toml --json").ran(["split.d", "synthesize.s"]);
    script("run p.toml --json").cached_all();
    script("cache verify").exit(0);
}

#[test]
fn a_path_that_is_too_long_is_reported() {
    let project = Sandbox::new();
    // The path exceeds the limit of one system call, so create it step by step.
    let enter = "set -e; for i in $(seq 16); do n=$(printf 'd%.0s' $(seq 240)); mkdir -p $n; cd $n; done; \
                 n=$(printf 'e%.0s' $(seq 130)); mkdir -p $n; cd $n; mkdir -p .git; set +e";
    let output =
        project.shell(&format!("{enter}; cat >p.toml <<'END'\n{QUICK}END\n$PCAMFLOW run p.toml --json"));
    let output = output.exit(3);
    assert!(output.stdout.contains("File name too long"), "{}{}", output.stdout, output.stderr);
}

/// Runs a script in a folder whose name is not UTF-8.
fn in_a_folder_of_bytes(script: &str) -> Output {
    let project = Sandbox::new().pipeline(QUICK);
    project.shell(&format!("n=$(printf 'no\\377text'); mkdir -p $n/.git; cp p.toml $n; cd $n; {script}"))
}

#[test]
fn a_path_that_is_not_utf8_is_reported_with_a_remedy() {
    let run = "$PCAMFLOW run p.toml --quiet 2>&1; echo $?";
    let output = in_a_folder_of_bytes(run);
    let text = &output.stdout;
    assert!(text.ends_with("\n3\n") && text.contains("invalid UTF-8"), "{text}");
    assert!(text.contains("rename the folder, or choose another one (--store, --data)"), "{text}");
    // With the store elsewhere, stages receive only UTF-8 paths; only the engine uses `out`.
    let output = in_a_folder_of_bytes(
        "store=$(cd ..; pwd)/store; $PCAMFLOW run p.toml --quiet --store $store; \
         ls out/faults | wc -l; $PCAMFLOW cache verify --store $store",
    );
    assert!(
        output.stdout.contains("2\n") && output.stdout.contains("all sound"),
        "{}{}",
        output.stdout,
        output.stderr
    );
}
