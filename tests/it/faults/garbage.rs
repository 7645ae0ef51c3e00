//! Garbage instead of a pipeline or data: one clear error, soon, and no panic.

use std::{path::Path, time::Duration};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::sandbox::{Output, Sandbox};

use super::QUICK;

/// Checks that the command ended soon, without a panic, and says what is wrong.
#[track_caller]
fn told(output: Output, code: i32, said: &str) -> Output {
    let output = output.exit(code).never_says("panicked").never_says("internal error");
    let text = format!("{}{}", output.stdout, output.stderr);
    if !text.contains(said) || output.duration > Duration::from_secs(20) {
        output.fail(&format!("{said:?} is missing, or it took too long"));
    }
    output
}

fn pipe(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

/// Runs `check` and `plan` with limits, so that a command that hangs fails the test.
fn check(project: &Sandbox, file: &str) -> Output {
    project.shell(&format!(
        "ulimit -v 2000000; timeout 30 $PCAMFLOW check {file} && timeout 30 $PCAMFLOW plan {file}"
    ))
}

#[test]
fn something_other_than_a_file_is_refused_as_a_pipeline() {
    let project = Sandbox::new().with(|root| pipe(&root.join("pipe.toml"))).file("folder.toml/x", "");
    for (file, said) in [
        ("pipe.toml", "it is a pipe or a device"),
        ("/dev/zero", "it is a pipe or a device"),
        ("/dev/null", "it is a pipe or a device"),
        ("folder.toml", "it is a folder"),
        ("none.toml", "No such file"),
        ("/proc/self/mem", ""),
    ] {
        let output = told(check(&project, file), 2, said);
        assert!(output.stderr.contains("cannot read the pipeline"), "{file}: {}", output.stderr);
    }
    let project = project.with(|root| {
        let file = std::fs::File::create(root.join("huge.toml")).unwrap();
        file.set_len(100 << 30).unwrap();
    });
    told(check(&project, "huge.toml"), 2, "it has more than 64 MiB");
}

#[test]
fn random_bytes_are_refused_as_a_pipeline() {
    let mut state = 1_u32;
    let mut byte = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let random: Vec<u8> = (0..100_000).map(|_| byte()).collect();
    let text: Vec<u8> = random.iter().map(|byte| byte & 0x7f).collect();
    let project = Sandbox::new().file("bytes.toml", &random).file("text.toml", text);
    told(check(&project, "bytes.toml"), 2, "it is not text (line 1 is not UTF-8)");
    told(check(&project, "text.toml"), 2, "1 problem; nothing was run");
    let utf16: Vec<u8> = QUICK.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let project = project.file("utf16.toml", [&[0xff, 0xfe], &utf16[..]].concat());
    told(check(&project, "utf16.toml"), 2, "not UTF-8");
}

#[test]
fn too_deep_or_long_pipelines_are_reported() {
    let deep = "[".repeat(100_000);
    let texts = [
        ("arrays", format!("[synthesize.s]\npatches = {deep}"), "problem"),
        ("tables", format!("a = {}", "{b=".repeat(100_000)), "problem"),
        ("dotted", format!("{} = 1", ["a"; 50_000].join(".")), "problem"),
        ("header", format!("[{}]", ["a"; 50_000].join(".")), "problem"),
        (
            "long",
            format!("[synthesize.s]\npatches = '{}'", "a".repeat(5_000_000)),
            "a whole number is expected",
        ),
        ("many", (0..20_000).map(|i| format!("[bad.s{i}]\n")).collect(), "no stage kind `bad`"),
        (
            "stages",
            (0..2_000).map(|i| format!("[split.s{i}]\nimages = 'split.no{i}/x'\n")).collect(),
            "problems",
        ),
    ];
    for (name, text, said) in texts {
        let project = Sandbox::new().pipeline(&text);
        let output = told(check(&project, "p.toml"), 2, said);
        assert!(!output.stderr.is_empty(), "{name}");
    }
}

#[test]
fn byte_order_marks_and_windows_line_endings_are_accepted() {
    let (mark, lines) = (format!("\u{feff}{QUICK}"), QUICK.replace('\n', "\r\n"));
    for text in [mark.clone(), lines.clone(), format!("\u{feff}{lines}")] {
        let project = Sandbox::new().pipeline(&text);
        told(check(&project, "p.toml"), 0, "2 stages");
    }
    // They do not change the keys either.
    let project = Sandbox::new().pipeline(QUICK);
    project.run(&[]).exit(0);
    for text in [mark, lines] {
        project.rewrite("p.toml", text);
        project.run(&[]).cached_all();
    }
}

#[test]
fn something_other_than_a_file_is_refused_as_data() {
    let project = Sandbox::new().file("data/y.h5", "labels").file("data/folder.h5/x", "");
    pipe(&project.path("data/pipe.h5"));
    for (name, target) in [("zero.h5", "/dev/zero"), ("null.h5", "/dev/null"), ("none.h5", "nowhere")] {
        std::os::unix::fs::symlink(target, project.path("data").join(name)).unwrap();
    }
    let pin = "0".repeat(64);
    for (name, said) in [
        ("pipe.h5", "is not a file"),
        ("zero.h5", "is not a file"),
        ("null.h5", "is not a file"),
        ("folder.h5", "is not a file"),
        ("none.h5", "it is a broken link"),
    ] {
        let text = |images: &str| {
            let sizes = "sizes = { train = 4, validation = 2, test = 2 }";
            format!("[split.d]\nimages = {images}\nlabels = 'y.h5'\n{sizes}\n")
        };
        project.rewrite("p.toml", text(&format!("'{name}'")));
        for command in ["run", "plan"] {
            told(project.shell(&format!("timeout 30 $PCAMFLOW {command} p.toml")), 2, said).complains(name);
        }
        // With a pin the file may be missing, but it must not be a pipe or a folder.
        project.rewrite("p.toml", text(&format!("{{ path = '{name}', blake3 = '{pin}' }}")));
        let code = if name == "none.h5" { 1 } else { 2 };
        project.shell("timeout 30 $PCAMFLOW run p.toml").exit(code).never_says("panicked");
    }
}

#[test]
fn garbage_in_a_data_file_is_refused_with_the_name_of_the_file() {
    let project = Sandbox::new().pipeline(QUICK);
    project.run(&[]).exit(0);
    let images = std::fs::read(project.path("out/faults/synthesize.s/images.h5")).unwrap();
    let whole = std::fs::read(project.path("out/faults/synthesize.s/labels.h5")).unwrap();
    let sizes = "sizes = { train = 4, validation = 2, test = 2 }";
    project.rewrite("p.toml", format!("[split.d]\nimages = 'x.h5'\nlabels = 'y.h5'\n{sizes}\n"));
    project.rewrite("data/y.h5", &whole);
    let mut flipped = images.clone();
    // Damage the internal structures of HDF5, which its library trusts.
    flipped[8..600].iter_mut().step_by(3).for_each(|byte| *byte ^= 0x55);
    let harms: [&[u8]; 6] = [b"", b"x", &images[..100], &images[..images.len() / 2], &flipped, &[0; 5000]];
    for (index, bytes) in harms.into_iter().enumerate() {
        project.rewrite("data/x.h5", bytes);
        let output = project.shell("timeout 60 $PCAMFLOW run p.toml --json").exit(2).never_says("panicked");
        assert!(output.stderr.contains("x.h5"), "harm {index}: {}", output.stderr);
    }
    project.rewrite("data/x.h5", images);
    project.run(&[]).ran(["split.d"]);
    project.pcamflow(&["cache", "verify"]).exit(0);
}
