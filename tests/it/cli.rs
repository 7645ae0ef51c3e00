//! The command line: arguments, output and exit codes.

use crate::sandbox::Sandbox;

/// Two stages that need neither data nor libtorch.
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
";

fn small() -> Sandbox {
    Sandbox::new().pipeline(PIPELINE)
}

#[test]
fn help_names_every_command_and_exit_code() {
    let help = small().pcamflow(&["--help"]).exit(0);
    for part in [
        "Usage: pcamflow",
        "run ",
        "plan ",
        "show ",
        "log ",
        "path ",
        "export ",
        "check ",
        "graph ",
        "guide ",
        "schema ",
        "completions ",
        "doctor ",
        "init ",
        "Examples:",
        "130 interrupted",
    ] {
        assert!(help.stdout.contains(part), "{part} in\n{}", help.stdout);
    }
    assert!(!help.stdout.contains("__serve"), "internal commands must be hidden");
    assert_eq!(help.stderr, "");
    assert!(help.stdout.lines().all(|line| line.chars().count() <= 100));
    let run = small().pcamflow(&["run", "--help"]).exit(0);
    for option in [
        "--set",
        "--force",
        "--data",
        "--store",
        "--out",
        "--device",
        "--jobs",
        "--keep-going",
        "--frozen",
        "--require",
        "--summary",
        "--dry-run",
        "--json",
        "--quiet",
    ] {
        assert!(run.stdout.contains(option), "{option} in\n{}", run.stdout);
    }
}

#[test]
fn version_is_the_version_of_the_package() {
    let output = small().pcamflow(&["--version"]).exit(0);
    assert_eq!(output.stdout, concat!("pcamflow ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn unknown_commands_and_options_are_usage_errors() {
    small().pcamflow(&["rum", "p.toml"]).exit(2).complains("unrecognized subcommand 'rum'").complains("run");
    small()
        .pcamflow(&["run", "p.toml", "--forse", "x"])
        .exit(2)
        .complains("'--forse'")
        .complains("'--force'");
    small().pcamflow(&["run", "p.toml", "--jobs", "0"]).exit(2).complains("--jobs");
    small()
        .run(&["--device", "tpu"])
        .exit(2)
        .complains("`tpu` is not a device: write auto, cpu, cuda or cuda:N");
    small().run(&["--quiet"]).exit(2).complains("cannot be used with");
    small().pcamflow(&[]).exit(2).complains("Usage: pcamflow");
    small().pcamflow(&["run"]).exit(2).complains("<FILE>");
}

#[test]
fn check_lists_the_stages_and_leaves_nothing_behind() {
    let project = small();
    let output = project.pcamflow(&["check", "p.toml"]).exit(0);
    assert_eq!(output.stdout, "small: 2 stages: synthesize.s, split.d\n");
    assert_eq!(output.stderr, "");
    assert!(!project.path(".pcamflow").exists());
}

#[test]
fn all_errors_of_a_file_come_at_once_with_line_and_caret() {
    let text = "\
[pipeline]
name = 'bad'
sed = 3
[synthesize.s]
slides = 0
[split.d]
images = 'synthesize.x/images'
labels = 'synthesize.s/labels'
sizes = { train = 4, validation = 2, test = 2 }
[split.e]
images = 'synthesize.s/images'
labels = 'synthesize.s/labels'
sizes = { train = 4, validation = 2, test = '2' }
[trane.x]
epochs = 1
";
    let project = Sandbox::new().pipeline(text);
    for command in ["check", "run"] {
        let output = project.pcamflow(&[command, "p.toml"]).exit(2);
        let expected = "\
error: unknown key `sed`
 --> p.toml:3:1
  |
3 | sed = 3
  | ^^^
  |
  = help: did you mean `seed`?
";
        assert!(output.stderr.contains(expected), "{}", output.stderr);
        for (line, what) in [
            ("p.toml:5:10", "`slides` must be at least 1"),
            ("p.toml:7:10", "there is no stage `synthesize.x`"),
            ("p.toml:13:45", "is expected here, not the text \"2\""),
            ("p.toml:14:2", "there is no stage kind `trane`"),
        ] {
            let at = output.stderr.find(what).unwrap_or_else(|| output.fail(what));
            let arrow = output.stderr[at..].lines().nth(1).unwrap().trim();
            assert_eq!(arrow, format!("--> {line}"), "{what}");
        }
        let output = output.complains("5 problems; nothing was run");
        assert_eq!(output.stdout, "");
        assert!(!project.path(".pcamflow").exists());
    }
}

#[test]
fn a_wrong_artifact_type_and_a_cycle_are_reported() {
    let text = PIPELINE.replace("labels = 'synthesize.s/labels'", "labels = 'synthesize.s/meta'");
    Sandbox::new().pipeline(&text).run(&[]).exit(2).complains("p.toml:8:10").complains("labels");
    let text = "\
[pipeline]
name = 'cycle'
[split.a]
images = 'split.b/train'
labels = 'split.b/train'
sizes = { train = 4, validation = 2, test = 2 }
[split.b]
images = 'split.a/train'
labels = 'split.a/train'
sizes = { train = 4, validation = 2, test = 2 }
";
    let output = Sandbox::new().pipeline(text).run(&[]).exit(2);
    assert!(output.stderr.contains("split.a") && output.stderr.contains("split.b"), "{}", output.stderr);
}

#[test]
fn a_file_that_is_not_a_pipeline_is_a_usage_error() {
    let project = small().file("prose.toml", "dear diary,\n").file("bytes.toml", [0xff, 0xfe, 0]);
    project.pcamflow(&["run", "absent.toml"]).exit(2).complains("absent.toml").complains("No such file");
    project.pcamflow(&["run", "prose.toml"]).exit(2).complains("prose.toml:1:");
    project.pcamflow(&["run", "bytes.toml"]).exit(2).complains("bytes.toml");
    project.pcamflow(&["run", "."]).exit(2).complains("cannot read the pipeline");
}

#[test]
fn a_syntax_error_is_reported_as_one_problem() {
    let text = "\
[params]
n = [
[synthesize.s]
patches = \"${params.n}\"
[split.d]
images = 'synthesize.s/images'
labels = 'synthesize.s/labels'
sizes = { train = 40, validation = 10, test = 10 }
";
    let project = Sandbox::new().pipeline(text);
    project.pcamflow(&["check", "p.toml"]).exit(2).complains("\n1 problem;").complains("p.toml:4:1");
    project.rewrite("p.toml", text.replace("[\n[syn", "12\n[syn").replace("40,", "40"));
    let output = project.pcamflow(&["check", "p.toml"]).exit(2).complains("\n1 problem;");
    let output = output.complains("p.toml:8:");
    assert!(output.stderr.contains("8 | sizes"), "{}", output.stderr);
    // Of a file and the file that it extends, the first mistake of each is reported.
    project.rewrite("q.toml", "extends = 'p.toml'\nx = \n");
    project.pcamflow(&["check", "q.toml"]).exit(2).complains("\n2 problems;").complains("2 | x =");
}

#[test]
fn a_pipeline_without_stages_gets_advice_on_how_to_begin() {
    let project = Sandbox::new().pipeline("# nothing yet\n");
    project.pcamflow(&["check", "p.toml"]).exit(2).complains("p.toml declares no stage").complains("init");
    project.run(&[]).exit(2);
}

#[test]
fn check_tries_the_values_of_a_sweep_and_locates_a_wrong_one() {
    let project = small();
    let text = std::fs::read_to_string(project.path("p.toml")).unwrap();
    let set = "synthesize.s.seed = [1, 2]\nsynthesize.s.patches = [14, 0]\n";
    project.rewrite("sw.toml", format!("{text}\n[sweep.set]\n{set}"));
    let line = text.lines().count() + 4;
    let output = project.pcamflow(&["check", "sw.toml"]).exit(2).complains("\n1 problem;");
    output.complains("2 trials").complains("must be at least 1").complains(&format!("--> sw.toml:{line}:"));
    project.rewrite("trials.csv", "synthesize.s.patches,synthesize.s.seed\n14,1\n# no\n0,2\n");
    let output = project.pcamflow(&["sweep", "p.toml", "--from", "trials.csv"]).exit(2);
    output.complains("trials.csv:4:").never_says("--set");
}

#[test]
fn set_overrides_a_value_and_its_errors_name_the_option() {
    let project = small();
    let output = project.run(&["--set", "synthesize.s.patches=14", "--set", "split.d.sed=3"]).exit(2);
    let output =
        output.complains("unknown key `sed`").complains("--set #2").complains("did you mean `seed`?");
    assert!(!output.stderr.contains("--set #1"), "{}", output.stderr);
    project
        .run(&["--set", "synthesize.s.patches=0"])
        .exit(2)
        .complains("must be at least 1")
        .complains("--set #1");
    project.run(&["--set", "nonsense"]).exit(2).complains("--set #1");
    let output = project.run(&["--set", "synthesize.s.patches=14"]).ran(["split.d", "synthesize.s"]);
    assert_eq!(output.events_of("finished")[0]["numbers"][0]["value"], 14.0);
}

#[test]
fn unknown_stages_get_a_suggestion() {
    let project = small();
    project.run(&["spli.d"]).exit(2).complains("there is no stage `spli.d`: did you mean `split.d`?");
    project.run(&["--force", "train.*"]).exit(2).complains("--force: there is no stage `train.*`");
    project.run(&["frob.x", "gurk.y"]).exit(2).complains("`frob.x`").complains("`gurk.y`");
    assert!(!project.path("out").exists());
}

#[test]
fn a_requested_stage_runs_with_its_dependencies_only() {
    let project = small();
    project.run(&["synthesize.s"]).ran(["synthesize.s"]);
    project.run(&["split.d"]).ran(["split.d"]);
}

#[test]
fn dry_run_shows_the_plan_and_touches_nothing() {
    let project = small();
    let before = project.listing();
    let output = project.pcamflow(&["run", "p.toml", "--dry-run"]).exit(0);
    assert!(output.stdout.contains("synthesize.s  run") && output.stdout.contains("split.d       run"));
    assert_eq!(project.listing(), before);
    assert!(!project.path(".pcamflow").exists());
    project.run(&[]).ran(["split.d", "synthesize.s"]);
    let output = project.run(&["--dry-run", "--force", "split.*"]).exit(0);
    let planned = &output.events()[0]["stages"];
    assert_eq!((planned[0]["state"].as_str(), planned[1]["state"].as_str()), (Some("cached"), Some("run")));
    assert_eq!(planned[1]["why"], "forced");
}

#[test]
fn json_is_one_object_per_line_and_the_first_has_the_schema_version() {
    let output = small().run(&[]).exit(0);
    let events = output.events();
    assert_eq!((&events[0]["event"], &events[1]["event"]), (&"began".into(), &"planned".into()));
    assert_eq!(
        (&events[0]["schema"], &events[1]["schema"]),
        (&pcamflow::ui::SCHEMA.into(), &pcamflow::ui::SCHEMA.into())
    );
    assert_eq!(events.last().unwrap()["event"], "ended");
    assert_eq!(output.stderr, "");
}

#[test]
fn piped_output_is_plain_and_quiet_says_nothing() {
    let project = small();
    let output = project.pcamflow(&["run", "p.toml"]).exit(0).never_says("\u{1b}").never_says("\r");
    assert!(output.stderr.lines().count() < 12, "{}", output.stderr);
    assert!(output.stdout.contains("2 ran in") && output.stdout.contains("results in out/small"));
    let again = project.pcamflow(&["run", "p.toml"]).exit(0);
    assert_eq!((again.stdout.lines().count(), again.stderr.as_str()), (1, ""), "{}", again.stdout);
    let quiet = project.pcamflow(&["run", "p.toml", "--quiet", "--force", "*"]).exit(0);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
}

#[test]
fn a_closed_output_pipe_is_not_an_error() {
    let project = small();
    for command in [
        "--help",
        "run p.toml",
        "run p.toml --json",
        "run p.toml --dry-run",
        "plan p.toml -v",
        "show p.toml split.d",
        "check p.toml",
        "graph p.toml",
        "graph p.toml --format dot",
        "guide",
        "guide caching",
        "schema",
        "completions bash",
    ] {
        let script = format!("$PCAMFLOW {command} | head -0; echo ${{PIPESTATUS[0]}}");
        let output = project.shell(&script).exit(0).never_says("panicked");
        assert_eq!(output.stdout, "0\n", "{command}: {}", output.stderr);
    }
    project.shell("$PCAMFLOW run absent.toml 2>&1 >/dev/null | head -0; exit ${PIPESTATUS[0]}").exit(2);
    project.run(&[]).cached_all();
}

#[test]
fn an_out_folder_that_cannot_be_created_is_reported_before_anything_runs() {
    let output = small().file("taken", "a file").run(&["--out", "taken/out"]).exit(3).complains("taken");
    assert_eq!(output.computed(), Vec::<String>::new());
}
