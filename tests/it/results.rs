//! Commands that inspect results, through the binary: `path`, `log`, `show` and `export`.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::sandbox::{Output, Sandbox};

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
    let project = Sandbox::new().pipeline(PIPELINE);
    project.run(&[]).exit(0);
    project
}

fn ask(project: &Sandbox, command: &str, arguments: &[&str]) -> Output {
    project.pcamflow(&[&[command, "p.toml"], arguments].concat())
}

/// The bytes of a stage's file in the output folder.
fn shown(project: &Sandbox, file: &str) -> Vec<u8> {
    fs::read(project.path("out/small").join(file)).unwrap()
}

#[test]
fn path_prints_a_path_that_scripts_can_use() {
    let project = small();
    let script = "cat \"$($PCAMFLOW path p.toml split.d/split)\"";
    assert_eq!(project.shell(script).exit(0).stdout.into_bytes(), shown(&project, "split.d/split.json"));
    let by_name = ask(&project, "path", &["split.d/train"]).exit(0).stdout;
    assert_eq!(by_name, ask(&project, "path", &["split.d/train.h5"]).exit(0).stdout, "file names work");
    assert_eq!(by_name.lines().count(), 1);
    ask(&project, "path", &["*.d/train"]).exit(0);
    // `--shown` prints the path in the output folder, for programs that need a file extension. It works as
    // long as that file is the current one.
    let there = ask(&project, "path", &["split.d/train", "--shown"]).exit(0).stdout;
    assert!(there.ends_with("/out/small/split.d/train.h5\n"), "{there}");
    project.run(&["--set", "split.d.sizes.train=5"]).exit(0);
    let gone = ask(&project, "path", &["split.d/train", "--shown"]).exit(1).complains("is not shown below");
    assert!(gone.stdout.is_empty() && gone.stderr.contains("`pcamflow run p.toml 'split.d'` shows it again"));
    assert_eq!(ask(&project, "path", &["split.d/train"]).exit(0).stdout, by_name, "it is kept");
}

#[test]
fn suggested_commands_repeat_the_given_options() {
    let project = Sandbox::new().pipeline(PIPELINE);
    let given = ["--set", "split.d.sizes.train=5", "--store", "my store", "--data", "x"];
    let again = "--set split.d.sizes.train=5 --data x --store 'my store'`";
    for command in ["show", "path"] {
        let output = ask(&project, command, &[&["split.d/train"], &given[..]].concat());
        output.exit(1).complains(&format!("`pcamflow run p.toml 'split.d' {again}"));
    }
    let output = ask(&project, "verify", &[&["split.d"], &given[..]].concat());
    output.exit(1).complains(&format!("`pcamflow run p.toml 'split.d' {again}"));
}

#[test]
fn without_its_sources_the_latest_result_is_used_and_marked_as_unverified() {
    let text = PIPELINE.replace("'synthesize.s/images'", "'x.h5'").replace("'synthesize.s/labels'", "'y.h5'");
    let project = Sandbox::new().pipeline(&text).with(|root| {
        crate::hdf5_files::images(&root.join("data/x.h5"), 12);
        crate::hdf5_files::labels(&root.join("data/y.h5"), &[0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
    });
    project.run(&[]).exit(0);
    fs::remove_dir_all(project.path("data")).unwrap();
    let note = "note: split.d: the latest result: whether it is what the pipeline asks for is not known without \
                its sources: p.toml:7: there is no file ";
    ask(&project, "path", &["split.d/train"]).exit(0).complains(note).never_says("older");
    let record = ask(&project, "show", &["split.d"]).exit(0).stdout;
    assert!(
        record.contains("  result    the latest one; whether it is up to date is not known: p.toml:7"),
        "{record}"
    );
}

#[test]
fn missing_results_are_reported_with_suggestions() {
    let project = small();
    for command in ["path", "show"] {
        ask(&project, command, &["spli.d/train"]).exit(2).complains("did you mean `split.d`?");
        ask(&project, command, &["split.d/tarin"])
            .exit(2)
            .complains("no artifact `tarin`: did you mean `train`?");
        ask(&project, command, &["split.d/zzz"]).exit(2).complains("it writes train, validation, test");
    }
    ask(&project, "export", &["split.d/tarin", "here"]).exit(2).complains("did you mean `train`?");
    ask(&project, "path", &["split.d"]).exit(2).complains("which artifact of `split.d`? it writes train");
    ask(&project, "log", &["split.d/train"]).exit(2).complains("a log belongs to a stage");
    assert!(!project.path("here").exists());
    let fresh = Sandbox::new().pipeline(PIPELINE);
    for command in ["path", "show"] {
        let output = ask(&fresh, command, &["split.d/train"])
            .exit(1)
            .complains("`split.d` has no result yet (never ran)");
        assert!(
            output.stderr.contains("`pcamflow run p.toml 'split.d'` makes one") && output.stdout.is_empty()
        );
    }
    ask(&fresh, "log", &["split.d"]).exit(1).complains("no log yet (never ran)");
    assert!(!fresh.path(".pcamflow").exists(), "looking writes nothing");
}

#[test]
fn an_older_result_says_so_and_why() {
    let project = small();
    let now = ask(&project, "path", &["split.d/train"]).exit(0);
    assert_eq!(now.stderr, "");
    project.rewrite("p.toml", PIPELINE.replace("train = 4", "train = 5"));
    let note =
        "note: split.d: an older result, not what the pipeline asks for: `sizes.train` 4 -> 5 (p.toml:9)";
    for command in ["path", "show"] {
        let older = ask(&project, command, &["split.d/train"]).exit(0).complains(note);
        assert!(command != "path" || older.stdout == now.stdout);
    }
    let record = ask(&project, "show", &["split.d"]).exit(0).stdout;
    assert!(record.contains("  result    an older one: `sizes.train` 4 -> 5 (p.toml:9)\n"), "{record}");
}

#[test]
fn a_record_without_objects_says_what_to_do() {
    let project = small();
    let object = ask(&project, "path", &["split.d/train"]).exit(0).stdout;
    let object = std::path::Path::new(object.trim());
    fs::remove_file(object).unwrap();
    for arguments in
        [&["path", "split.d/train"][..], &["show", "split.d/train"], &["export", "split.d", "here"]]
    {
        let output = ask(&project, arguments[0], &arguments[1..]).exit(1);
        assert!(
            output.stderr.contains("`split.d/train`: its bytes are damaged or gone"),
            "{}",
            output.stderr
        );
        assert!(
            output.stderr.contains("`pcamflow run p.toml 'split.d'` makes them again"),
            "{}",
            output.stderr
        );
    }
    assert!(!project.path("here").exists(), "all or nothing");
    project.run(&["split.d"]).ran(["split.d"]);
    ask(&project, "path", &["split.d/train"]).exit(0);

    fs::remove_dir_all(project.path(".pcamflow/objects")).unwrap();
    let told = ask(&project, "path", &["split.d/train"]).exit(1).complains("only its record is");
    assert!(told.stderr.contains("--force 'split.d'` makes them"), "{}", told.stderr);
    let record = ask(&project, "show", &["split.d"]).exit(0).stdout;
    assert!(record.contains("its bytes are not in this store"), "{record}");
    project.pcamflow(&["run", "p.toml", "split.d", "--force", "split.d"]).exit(0);
    ask(&project, "path", &["split.d/train"]).exit(0);
}

#[test]
fn damaged_bytes_are_never_handed_out() {
    let project = small();
    let object = ask(&project, "path", &["split.d/split"]).exit(0).stdout;
    let object = std::path::Path::new(object.trim());
    fs::set_permissions(object, fs::Permissions::from_mode(0o644)).unwrap();
    let mut bytes = fs::read(object).unwrap();
    bytes[0] ^= 1;
    fs::write(object, bytes).unwrap();
    let output = ask(&project, "path", &["split.d/split"]).exit(1);
    assert!(output.stdout.is_empty() && output.stderr.contains("split.d"), "{}", output.stderr);
    project.run(&[]).ran(["split.d"]);
    ask(&project, "path", &["split.d/split"]).exit(0);
}

#[test]
fn show_prints_when_where_and_from_what_a_result_was_made() {
    let project = small();
    let text = ask(&project, "show", &["split.d"]).exit(0).stdout;
    for part in [
        "split.d\n  result    up to date\n  key       ",
        "\n  took      ",
        "numbers   train 4, validation 2, test 2\n",
        "\nreads\n  images",
        "synthesize.s/images\n",
        "\nwrites\n  split",
        "validation.h5\n",
    ] {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
    let all = ask(&project, "show", &["*", "--json"]).exit(0);
    let events = all.events_of("result");
    assert_eq!(events.len(), 2);
    let (key, stage) = (events[1]["record"]["key"].as_str().unwrap(), &events[1]["stage"]);
    assert_eq!(stage, "split.d");
    assert!(project.path(&format!(".pcamflow/actions/{}/{key}.json", &key[..2])).exists());
}

#[test]
fn contents_are_shown_by_format() {
    let project = small();
    let show = |what: &str, more: &[&str]| ask(&project, "show", &[&[what], more].concat()).exit(0).stdout;
    let table = show("synthesize.s/meta", &["--rows", "3"]);
    assert!(table.contains("... 9 more of 12 rows\n") && table.lines().count() == 5, "{table}");
    assert!(!show("synthesize.s/meta", &[]).contains("more of"));
    let json = show("split.d/split", &[]);
    let parsed: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        parsed,
        serde_json::from_slice::<serde_json::Value>(&shown(&project, "split.d/split.json")).unwrap()
    );
    let machine = ask(&project, "show", &["split.d/split", "--json"]).exit(0).events_of("artifact").remove(0);
    assert_eq!((&machine["content"]["format"], &machine["content"]["value"]), (&"json".into(), &parsed));
    let datasets = show("split.d/train", &[]);
    assert!(datasets.contains("x        uint8  [4, 96, 96, 3]\n"), "{datasets}");
    let picture = show("synthesize.s/sheet", &[]);
    assert!(picture.starts_with("sheet.png: ") && picture.contains(" pixels\n"), "{picture}");
    assert!(
        std::path::Path::new(picture.lines().last().unwrap().trim_start_matches("../")).components().count()
            > 1
    );
    let machine = ask(&project, "show", &["split.d/train", "--json"]).exit(0).events_of("artifact");
    assert_eq!(
        machine[0]["content"]["datasets"].as_array().unwrap().iter().filter(|set| set["name"] == "x").count(),
        1
    );
}

#[test]
fn log_prints_the_failed_attempt_or_else_the_latest_result() {
    let project = small();
    ask(&project, "log", &["split.d"]).exit(0).complains("note: split.d logged nothing");
    // The log of a preview counts contradictions between table and labels.
    let preview = "[preview.p]\nimages = 'split.d/train'\nmeta = 'm.csv'\nrows = 1\n";
    let project = project
        .file("data/m.csv", format!("center_tumor_patch\n{}", "True\n".repeat(12)))
        .pipeline(&format!("{PIPELINE}{preview}"));
    let warned = project.run(&[]);
    let warnings = warned.warnings();
    let log = ask(&project, "log", &["preview.p"]);
    assert!(
        !warnings.is_empty() && log.stdout == warnings,
        "{}: {:?} {:?}",
        log.stderr,
        log.stdout,
        warnings
    );

    // A failed attempt at the current key has priority over an older result.
    project.rewrite("p.toml", PIPELINE.replace("train = 4", "train = 5"));
    let planned = project.pcamflow(&["plan", "p.toml", "-v", "--json", "split.d"]).exit(0);
    let key = planned.events_of("fingerprint")[0]["key"].as_str().unwrap().to_owned();
    project.rewrite(&format!(".pcamflow/work/{key}/log.txt"), "out of luck\u{1b}[2J\n");
    let log =
        ask(&project, "log", &["split.d"]).exit(0).complains("an attempt that failed or is still running");
    let log = log.never_says("an older result");
    assert_eq!(log.stdout, "out of luck\n");
}

#[test]
fn exports_are_independent_copies_and_replace_files_only_on_request() {
    let project = small();
    let output = ask(&project, "export", &["split.d", "deep/copies"]).exit(0);
    assert_eq!(output.stdout.lines().count(), 4);
    assert_eq!(project.names("deep/copies"), ["split.json", "test.h5", "train.h5", "validation.h5"]);
    let copy = project.path("deep/copies/train.h5");
    assert_eq!(fs::read(&copy).unwrap(), shown(&project, "split.d/train.h5"));
    let metadata = copy.symlink_metadata().unwrap();
    assert!(metadata.is_file() && metadata.permissions().mode() & 0o200 != 0, "exported files are writable");
    ask(&project, "export", &["split.d", "deep/copies"]).exit(0);

    fs::write(&copy, "mine").unwrap();
    fs::remove_file(project.path("deep/copies/test.h5")).unwrap();
    let refused = ask(&project, "export", &["split.d", "deep/copies"]).exit(2);
    refused.complains("deep/copies/train.h5 already exists with other contents").complains("--force");
    assert_eq!(fs::read(&copy).unwrap(), b"mine");
    assert!(!project.path("deep/copies/test.h5").exists(), "all or nothing");
    ask(&project, "export", &["split.d/train", "deep/copies", "--force"]).exit(0);
    assert_eq!(fs::read(&copy).unwrap(), shown(&project, "split.d/train.h5"));

    ask(&project, "export", &["*", "all"]).exit(0);
    assert_eq!(project.names("all"), ["split.d", "synthesize.s"]);
    let project = project.file("taken", "a file");
    ask(&project, "export", &["split.d", "taken"])
        .exit(2)
        .complains("taken is a file: name a folder to copy the artifacts into");
}
