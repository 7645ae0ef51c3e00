//! Tables with 100,000 rows and invalid tables, in `split` and in `show`.

use std::{fmt::Write, fs, time::Duration};

use pcamflow::engine::exec::fake::{Fake, echo};

use crate::{
    hdf5_files::{labels, unwritten_images},
    sandbox::{Output, Sandbox},
};

use super::faked;

const ROWS: usize = 100_000;

const SPLIT: &str = "\
[split.d]
images = 'x.h5'
labels = 'y.h5'
meta = 'meta.csv'
group-by = 'wsi'
sizes = { train = 200, validation = 100, test = 100 }
";

/// 100,000 black patches, in a sparse file.
fn project() -> Sandbox {
    Sandbox::new().pipeline(SPLIT).file("data/meta.csv", meta()).with(|root| {
        unwritten_images(&root.join("data/x.h5"), ROWS);
        let values: Vec<u8> = (0..ROWS).map(|row| u8::from(row % 2 == 0)).collect();
        labels(&root.join("data/y.h5"), &values);
    })
}

/// A meta table with about ten patches per slide.
fn meta() -> String {
    (0..ROWS).fold(",wsi\n".to_owned(), |mut text, row| {
        writeln!(text, "{row},slide_{}", row * 7919 % 9973).unwrap();
        text
    })
}

fn run(project: &Sandbox) -> Output {
    project
        .shell("timeout 60 $PCAMFLOW run p.toml --json")
        .never_says("panicked")
        .never_says("internal error")
}

#[test]
fn a_split_groups_a_hundred_thousand_rows() {
    let project = project();
    run(&project).ran(["split.d"]);
    let split = fs::read_to_string(project.path("out/p/split.d/split.json")).unwrap();
    assert!(split.contains("\"patches\": 100000"), "{split}");
    run(&project).cached_all();
    project.pcamflow(&["cache", "verify"]).exit(0);
}

#[test]
fn an_invalid_table_is_reported_with_its_line() {
    let project = project();
    let whole = meta();
    let half = whole[..whole.len() / 2].rsplit_once('\n').unwrap().0;
    let cases: [(&str, Vec<u8>, &str); 9] = [
        ("half of it", half.into(), "it must have one line per patch"),
        ("a line too many", format!("{whole}1,slide\n").into(), "it must have one line per patch"),
        ("another column", whole.replacen("wsi", "slide", 1).into(), "no column `wsi`"),
        ("no value", whole.replacen("777,slide_", "777,,slide_", 1).into(), "line 779"),
        (
            "an empty cell",
            "0,\n".repeat(ROWS).replacen("0,", ",wsi", 1).into(),
            "line 2: column `wsi` is empty",
        ),
        ("bytes", [0xff, 0xfe, 0, b'\n', 0x80].repeat(10_000), "meta.csv"),
        ("an open quote", whole.replacen("slide_", "\"slide_", 1).into(), "meta.csv"),
        ("one long line", format!(",wsi\n0,{}", "x".repeat(20_000_000)).into(), "one line per patch"),
        ("no lines", b"\n\n\n".to_vec(), "meta.csv"),
    ];
    for (what, bytes, said) in cases {
        project.rewrite("data/meta.csv", bytes);
        let message = run(&project).exit(2).stderr;
        assert!(message.contains("meta.csv") && message.contains(said), "{what}: {message}");
        assert!(message.len() < 1000, "{what}: the message has {} bytes", message.len());
    }
    project.rewrite("data/meta.csv", whole);
    run(&project).ran(["split.d"]);
}

/// A pipeline that has made `predictions.csv` with these bytes.
fn predicted(table: &[u8]) -> Sandbox {
    let project = Sandbox::new().pipeline(
        "[synthesize.s]\n[split.s]\nimages = 'synthesize.s/images'\nlabels = 'synthesize.s/labels'\n\
         sizes = { train = 5, validation = 5, test = 5 }\n[train.t]\ndata = 'split.s'\nepochs = 1\n\
         [evaluate.e]\nmodel = 'train.t'\nimages = 'split.s/test'\n",
    );
    let table = table.to_vec();
    faked(
        &project,
        Fake::new(move |task, _| {
            let computed = echo(task)?;
            if task.name == "evaluate.e" {
                fs::write(task.staging.join("predictions.csv"), &table).unwrap();
            }
            Ok(computed)
        }),
    );
    project
}

fn show(project: &Sandbox, arguments: &[&str]) -> Output {
    let all = [&["show", "p.toml", "evaluate.e/predictions"], arguments].concat();
    let output = project.pcamflow(&all).never_says("panicked");
    assert!(output.duration < Duration::from_secs(20), "{:?}", output.duration);
    output
}

#[test]
fn only_the_beginning_of_a_long_table_is_shown() {
    let rows = 10 * ROWS;
    let table = (0..rows).fold("row,label,probability,logit,predicted\n".to_owned(), |mut text, row| {
        writeln!(text, "{row},{},0.5,0.0,1", row % 2).unwrap();
        text
    });
    let project = predicted(table.as_bytes());
    let shown = show(&project, &[]).exit(0).stdout;
    assert!(shown.lines().count() < 40 && shown.len() < 4000, "{shown}");
    assert!(shown.replace(',', "").contains(&rows.to_string()), "the number of rows: {shown}");
    let shown = show(&project, &["--rows", "3"]).exit(0).stdout;
    assert!(shown.lines().count() < 10, "{shown}");
    let all = show(&project, &["--rows", &rows.to_string(), "--json"]).exit(0);
    assert!(all.stdout.len() > rows * 5);
}

#[test]
fn garbage_in_a_table_never_floods_the_output() {
    let garbage: [&[u8]; 5] = [
        &[0xff, 0xfe, 0, b'\n', 0x80].repeat(1000),
        b"",
        b"a,b\n\"never closed",
        &b"x".repeat(5_000_000),
        b"a,b\n\x1b[2J\x1b]0;title\x07,1\n",
    ];
    for (index, bytes) in garbage.into_iter().enumerate() {
        let project = predicted(bytes);
        let output = show(&project, &[]);
        let code = output.status.code();
        assert!(code == Some(0) || code == Some(1), "{index}: {}", output.stderr);
        assert_eq!(code == Some(1), !output.stderr.is_empty(), "{index}: {}", output.stderr);
        let text = format!("{}{}", output.stdout, output.stderr);
        assert!(text.len() < 100_000, "{index}: {} bytes are printed", text.len());
        assert!(!text.contains('\x1b'), "{index}: control characters are printed");
    }
}
