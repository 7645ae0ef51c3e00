//! Architecture rules: allowed imports between modules, the form of source files, linked libraries.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use crate::sandbox::{PCAMFLOW, files};

/// What each module of the library may import: only modules of lower layers. A module that is missing here
/// fails the test, so every new module must be given its layer.
const MAY_IMPORT: [(&str, &[&str]); 27] = [
    ("testing", &[]),
    ("digest", &[]),
    ("cpu", &[]),
    ("guide", &[]),
    ("finite", &[]),
    ("nearest", &[]),
    ("side", &[]),
    ("offspring", &[]),
    ("graph", &[]),
    ("metrics", &["finite", "side"]),
    ("fsx", &["digest"]),
    ("report", &["metrics", "side"]),
    ("data", &["digest", "fsx", "nearest", "side"]),
    ("inspect", &["data"]),
    ("stages", &["digest", "fsx", "nearest", "side"]),
    ("protocol", &["digest", "finite", "stages"]),
    ("place", &["fsx", "protocol"]),
    ("serve", &["fsx", "offspring", "place", "protocol"]),
    ("pipeline", &["digest", "fsx", "graph", "nearest", "stages"]),
    ("store", &["digest", "finite", "fsx"]),
    ("remote", &["digest", "fsx", "nearest", "stages", "store"]),
    ("slurm", &["stages"]),
    (
        "engine",
        &[
            "digest",
            "fsx",
            "graph",
            "nearest",
            "offspring",
            "pipeline",
            "place",
            "protocol",
            "remote",
            "slurm",
            "stages",
            "store",
        ],
    ),
    (
        "jobs",
        &["data", "digest", "fsx", "metrics", "offspring", "protocol", "report", "serve", "side", "stages"],
    ),
    ("ui", &["engine", "guide", "inspect", "protocol", "remote", "store"]),
    ("html", &["metrics", "side", "store", "ui"]),
    (
        "cli",
        &[
            "cpu",
            "data",
            "digest",
            "engine",
            "fsx",
            "guide",
            "html",
            "inspect",
            "jobs",
            "metrics",
            "nearest",
            "offspring",
            "pipeline",
            "protocol",
            "remote",
            "report",
            "serve",
            "side",
            "slurm",
            "stages",
            "store",
            "ui",
        ],
    ),
];

/// The library modules that the worker may import.
const WORKER_MAY_IMPORT: [&str; 11] =
    ["cpu", "data", "digest", "fsx", "metrics", "nearest", "protocol", "report", "serve", "side", "stages"];

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<PathBuf> {
    let all = files(&repository().join("src"));
    all.into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "rs")).collect()
}

/// The top-level module that contains the file.
fn module(path: &Path) -> String {
    let below = path.strip_prefix(repository().join("src")).unwrap();
    let first = below.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The text of a file without its line comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.fold(String::new(), |text, line| text + line + "\n")
}

/// The first path segment after every `root::`, including each entry of `root::{one, two::Three}`.
fn imports(code: &str, root: &str) -> BTreeSet<String> {
    let prefix = format!("{root}::");
    let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    let name = |text: &str| text.chars().take_while(|&letter| is_name(letter)).collect::<String>();
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices(&prefix) {
        if code[..at].ends_with(is_name) || code[..at].ends_with("::") {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        match rest.strip_prefix('{') {
            None => drop(found.insert(name(rest))),
            Some(group) => found.extend(first_names(group).iter().map(|text| name(text))),
        }
    }
    found
}

/// The entries of a brace group. `group` starts after the opening brace.
fn first_names(group: &str) -> Vec<String> {
    let (mut depth, mut entries) = (0, vec![String::new()]);
    for letter in group.chars() {
        match letter {
            '}' if depth == 0 => break,
            ',' if depth == 0 => entries.push(String::new()),
            '{' => depth += 1,
            '}' => depth -= 1,
            _ if depth == 0 => entries.last_mut().unwrap().push(letter),
            _ => {}
        }
    }
    entries.iter().map(|entry| entry.trim().to_owned()).filter(|entry| !entry.is_empty()).collect()
}

#[test]
fn imports_are_found_in_every_form() {
    let code = "use crate::{\n    a::{b, c},\n    d,\n};\nuse crate::e::F; fn f(x: &crate::g::H) {} my_crate::no(); x::crate::no;";
    let found: Vec<String> = imports(code, "crate").into_iter().collect();
    assert_eq!(found, ["a", "d", "e", "g"]);
}

#[test]
fn modules_import_only_lower_layers() {
    let table = BTreeMap::from(MAY_IMPORT);
    for path in sources() {
        let module = module(&path);
        if ["lib", "main", "worker"].contains(&module.as_str()) {
            continue;
        }
        let allowed = table.get(module.as_str());
        let allowed = allowed.unwrap_or_else(|| panic!("`{module}` is missing from MAY_IMPORT"));
        for import in imports(&code(&path), "crate") {
            // `testing` locates shared test files and imports nothing itself.
            let right = import == module || import == "testing" || allowed.contains(&import.as_str());
            assert!(right, "{} imports `{import}`: `{module}` may import {allowed:?}", path.display());
        }
    }
}

#[test]
fn the_import_table_has_no_cycle() {
    let mut known = BTreeSet::new();
    let mut left: Vec<_> = MAY_IMPORT.to_vec();
    while !left.is_empty() {
        let before = left.len();
        left.retain(|(module, allowed)| {
            let ready = allowed.iter().all(|name| known.contains(name));
            if ready {
                known.insert(*module);
            }
            !ready
        });
        assert!(left.len() < before, "a cycle between {left:?}");
    }
}

#[test]
fn only_the_worker_uses_torch_and_nothing_imports_the_worker() {
    for path in sources() {
        let code = code(&path);
        if module(&path) == "worker" {
            let found = imports(&code, "pcamflow");
            let wrong: Vec<_> =
                found.iter().filter(|name| !WORKER_MAY_IMPORT.contains(&name.as_str())).collect();
            assert!(wrong.iter().all(|name| *name == "testing"), "{} imports {wrong:?}", path.display());
        } else {
            let torch = !imports(&code, "tch").is_empty() || code.contains("torch_sys");
            assert!(!torch, "{} uses tch: only src/worker may", path.display());
            let worker = imports(&code, "crate").contains("worker");
            assert!(!worker, "{} imports the worker", path.display());
        }
    }
}

#[test]
fn every_file_starts_with_a_doc_comment_and_has_at_most_400_lines() {
    let tests = files(&repository().join("tests")).into_iter().chain(files(&repository().join("examples")));
    let tests = tests.filter(|path| path.extension().is_some_and(|ending| ending == "rs"));
    for path in sources().into_iter().chain(tests) {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{} does not start with a `//!` line", path.display());
        let lines = text.lines().count();
        assert!(lines <= 400, "{} has {lines} lines: at most 400", path.display());
    }
}

/// The shared libraries that an ELF file needs (`DT_NEEDED`).
fn needed(path: &Path) -> Vec<String> {
    let bytes = fs::read(path).unwrap();
    assert_eq!(&bytes[..6], b"\x7fELF\x02\x01", "not a 64-bit little-endian ELF file");
    let number = |at: usize, size: usize| {
        let value =
            bytes[at..at + size].iter().rev().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        usize::try_from(value).unwrap()
    };
    let section = |index: usize| number(0x28, 8) + index * number(0x3a, 2);
    let range =
        |section: usize| number(section + 0x18, 8)..number(section + 0x18, 8) + number(section + 0x20, 8);
    let dynamic = (0..number(0x3c, 2)).map(section).find(|&section| number(section + 4, 4) == 6).unwrap();
    let names = range(section(number(dynamic + 0x28, 4))).start;
    let entries = range(dynamic).step_by(16).filter(|&entry| number(entry, 8) == 1);
    let name = |entry: usize| {
        let start = names + number(entry + 8, 8);
        let text = bytes[start..].iter().take_while(|&&byte| byte != 0);
        String::from_utf8(text.copied().collect()).unwrap()
    };
    entries.map(name).collect()
}

#[test]
fn the_engine_is_small_and_not_linked_with_libtorch() {
    let libraries = needed(Path::new(PCAMFLOW));
    assert!(libraries.iter().any(|name| name.starts_with("libc.so")), "{libraries:?}");
    let system = ["libc.", "libm.", "libgcc_s.", "libpthread.", "libdl.", "librt.", "ld-linux", "libstdc++."];
    for library in &libraries {
        assert!(system.iter().any(|name| library.starts_with(name)), "{libraries:?}");
    }
    // HTTP, TLS and S3 are a third of it, decoders of pictures a megabyte.
    let most = if cfg!(feature = "remote") { 25_400_000 } else { 18_600_000 };
    let size = fs::metadata(PCAMFLOW).unwrap().len();
    assert!(size < most, "{size} bytes");
}

#[cfg(feature = "torch")]
#[test]
fn the_worker_is_linked_with_libtorch_and_not_with_cuda() {
    let libraries = needed(&crate::sandbox::worker());
    assert!(libraries.iter().any(|name| name.starts_with("libtorch")), "{libraries:?}");
    assert!(!libraries.iter().any(|name| name.contains("cuda")), "{libraries:?}");
}
