//! The `fetch` stage against a real web server that breaks in every way: what counts is the digest.

use std::{
    fs,
    io::Write,
    time::{Duration, Instant},
};

use flate2::{Compression, write::GzEncoder};
use rustix::process::Signal;
use sha2::{Digest, Sha256};

use crate::sandbox::{Sandbox, files};

mod server;

use server::{End, Page, Server};

/// Bytes that do not compress.
fn bytes(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(b"fetch").finalize_xof().fill(&mut bytes);
    bytes
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A pipeline that fetches one file, from the first URL that has it.
fn pipeline(urls: &[String], digest: &str) -> String {
    let (first, mirrors) = urls.split_first().unwrap();
    format!("[fetch.f]\nfiles.data = {{ url = '{first}', sha256 = '{digest}', mirrors = {mirrors:?} }}\n")
}

fn project(server: &Server, path: &str, digest: &str) -> Sandbox {
    Sandbox::new().pipeline(&pipeline(&[server.url(path)], digest))
}

fn shown(project: &Sandbox) -> Vec<u8> {
    fs::read(project.path("out/p/fetch.f/data")).unwrap()
}

/// Nothing of a failed stage is in the store.
fn nothing_is_stored(project: &Sandbox) {
    assert!(files(&project.path(".pcamflow/objects")).is_empty(), "{}", project.listing());
    assert!(!project.path("out/p/fetch.f").exists());
}

#[test]
fn a_file_is_downloaded_once_unpacked_and_read_by_other_stages() {
    let made = "[synthesize.s]\npatches = 24\nslides = 2\n";
    let source = Sandbox::new().pipeline(made);
    source.run(&[]).exit(0);
    let file = |name: &str| fs::read(source.path(&format!("out/p/synthesize.s/{name}"))).unwrap();
    let (images, labels) = (file("images.h5"), file("labels.h5"));
    let (server, packed) = (Server::start(), packed(&images));
    server.put("/x.h5.gz", Page::new(packed.clone()));
    server.put("/y.h5", Page::new(labels.clone()));
    let blake3 = pcamflow::digest::Digest::of(&labels);
    let text = format!(
        "[fetch.f]\nfiles.x = {{ url = '{}', sha256 = '{}', holds = 'images' }}\n\
         files.y = {{ url = '{}', blake3 = '{blake3}', holds = 'labels' }}\n\
         [split.d]\nimages = 'fetch.f/x'\nlabels = 'fetch.f/y'\nsizes = {{ train = 16, validation = 4, test = 4 }}\n",
        server.url("/x.h5.gz"),
        sha256(&packed),
        server.url("/y.h5"),
    );
    let project = Sandbox::new().pipeline(&text);
    project.run(&[]).ran(["fetch.f", "split.d"]);
    assert_eq!(server.requests(), ["/x.h5.gz", "/y.h5"]);
    assert!(fs::read(project.path("out/p/fetch.f/x.h5")).unwrap() == images);
    assert!(fs::read(project.path("out/p/fetch.f/y.h5")).unwrap() == labels);
    assert!(!files(&project.path(".pcamflow")).iter().any(|path| path.to_string_lossy().ends_with(".part")));
    project.rewrite("p.toml", text.replace("/x.h5.gz", "/elsewhere.h5.gz"));
    project.run(&[]).cached_all();
    project.run(&["--offline"]).cached_all();
    assert!(server.requests().is_empty(), "a file that moved is the same file");
}

#[test]
fn every_way_of_serving_gives_the_same_bytes() {
    let (server, bytes) = (Server::start(), bytes(300_000));
    let other = Server::start();
    other.put("/real", Page::new(bytes.clone()));
    let page = || Page::new(bytes.clone());
    let pages = [
        ("/length", page()),
        ("/chunks", Page { end: End::Chunks, ..page() }),
        ("/close", Page { end: End::Close, ..page() }),
        ("/moved", Page { moved_to: Some(other.url("/real")), ..page() }),
        ("/busy", Page { statuses: vec![503, 429, 500], ..page() }),
        ("/cut", Page { cuts: vec![100_000, 0, 50_000], ..page() }),
        ("/cut-chunks", Page { cuts: vec![100_000], end: End::Chunks, ..page() }),
        ("/cut-close", Page { cuts: vec![100_000], end: End::Close, ..page() }),
        ("/cut-whole", Page { cuts: vec![200_000, 100_000], ranges: false, ..page() }),
    ];
    for (path, page) in pages {
        server.put(path, page);
        let project = project(&server, path, &sha256(&bytes));
        project.run(&[]).exit(0);
        assert!(shown(&project) == bytes, "{path}");
    }
    let requests = server.requests();
    let of = |path: &str| -> Vec<&str> {
        requests
            .iter()
            .filter_map(|seen| seen.strip_prefix(path))
            .filter(|rest| !rest.starts_with('-'))
            .collect()
    };
    assert_eq!(of("/busy").len(), 4);
    assert_eq!(of("/cut"), ["", " from 100000", " from 100000", " from 150000"]);
    assert_eq!(of("/cut-close"), ["", " from 100000"]);
    assert_eq!(of("/cut-whole"), ["", " from 200000", " from 200000"]);
}

#[test]
fn after_a_kill_only_the_rest_is_asked_for() {
    let (server, content) = (Server::start(), bytes(3 << 20));
    let packed = packed(&content);
    server.put("/x.gz", Page { stalls: true, ..Page::new(packed.clone()) });
    let project = project(&server, "/x.gz", &sha256(&packed));
    let running = project.start(&[]);
    let deadline = Instant::now() + Duration::from_secs(30);
    let part = || -> u64 {
        let all = files(&project.path(".pcamflow/work"));
        let part = all.iter().find(|path| path.extension().is_some_and(|ending| ending == "part"));
        part.map_or(0, |path| path.metadata().map_or(0, |metadata| metadata.len()))
    };
    while part() < packed.len() as u64 / 2 {
        assert!(Instant::now() < deadline, "nothing arrives");
        std::thread::sleep(Duration::from_millis(10));
    }
    running.signal(Signal::KILL);
    running.finish();
    project.nothing_is_left_running();
    nothing_is_stored(&project);
    server.put("/x.gz", Page::new(packed.clone()));
    server.requests();
    let output = project.run(&[]).exit(0);
    assert_eq!(server.requests(), [format!("/x.gz from {}", packed.len() / 2)]);
    assert!(shown(&project) == content);
    let resumed = format!("{} bytes of data.gz", packed.len() / 2);
    assert!(output.stdout.contains(&resumed), "{}", output.stdout);
}

#[test]
fn a_damaged_part_is_thrown_away() {
    let (server, content) = (Server::start(), bytes(400_000));
    server.put("/x", Page { statuses: vec![404], ..Page::new(content.clone()) });
    let project = project(&server, "/x", &sha256(&content));
    project.run(&[]).exit(1);
    let work = files(&project.path(".pcamflow/work"));
    let part = work.iter().find(|path| path.extension().is_some_and(|ending| ending == "part")).unwrap();
    for (wrong, requests) in [
        (vec![7; 1000], vec!["/x from 1000", "/x"]),
        (vec![7; 500_000], vec!["/x from 500000", "/x"]),
        (content.clone(), vec![]),
    ] {
        fs::create_dir_all(part.parent().unwrap()).unwrap();
        fs::write(part, wrong).unwrap();
        server.requests();
        project.run(&["--force", "fetch.f"]).exit(0);
        assert_eq!(server.requests(), requests);
        assert!(shown(&project) == content);
    }
}

#[test]
fn other_bytes_are_never_stored() {
    let (server, right) = (Server::start(), bytes(50_000));
    for (path, wrong) in
        [("/x", b"<html>busy</html>".to_vec()), ("/x.gz", bytes(60_000)), ("/empty", Vec::new())]
    {
        server.put(path, Page::new(wrong.clone()));
        let project = project(&server, path, &sha256(&right));
        let failure = project.run(&[]).exit(1).failure();
        let said = format!(
            "{}: it sent {} bytes with the digest sha256:{}, expected sha256:{}",
            server.url(path),
            wrong.len(),
            sha256(&wrong),
            sha256(&right)
        );
        assert!(failure.contains(&said), "{failure}");
        assert!(!failure.contains("run again to go on"), "{failure}");
        nothing_is_stored(&project);
        assert_eq!(server.requests().len(), 1);
        project.run(&[]).exit(1);
        assert_eq!(server.requests().len(), 1, "a failure is not cached");
    }
    server.put("/close", Page { end: End::Close, ..Page::new("other") });
    let failure = project(&server, "/close", &sha256(&right)).run(&[]).exit(1).failure();
    assert!(failure.contains("it sent 5 bytes with the digest"), "{failure}");
    server.put("/not.gz", Page::new(right.clone()));
    let failure = project(&server, "/not.gz", &sha256(&right)).run(&[]).exit(1).failure();
    assert!(failure.contains("it cannot be unpacked") && failure.contains("`unpack = false`"), "{failure}");
    let cut = packed(&right)[..40_000].to_vec();
    server.put("/cut.gz", Page::new(cut.clone()));
    let failure = project(&server, "/cut.gz", &sha256(&cut)).run(&[]).exit(1).failure();
    assert!(failure.contains("it cannot be unpacked"), "{failure}");
}

#[test]
fn mirrors_are_asked_in_order_and_all_failures_are_told() {
    let (server, right) = (Server::start(), bytes(80_000));
    let nowhere = "http://127.0.0.1:1/x?token=secret".to_owned();
    server.put("/wrong", Page::new("other"));
    server.put(
        "/half",
        Page { cuts: vec![30_000; 9], end: End::Length, ranges: false, ..Page::new(right.clone()) },
    );
    server.put("/login", Page { ranges: false, ..Page::new("<html>log in</html>") });
    server.put("/right", Page::new(right.clone()));
    let urls = |last: &[&str]| -> Vec<String> {
        let some = ["/none", "/wrong", "/half", "/login"].iter().chain(last).map(|path| server.url(path));
        some.chain([nowhere.clone()]).collect()
    };
    let good = Sandbox::new().pipeline(&pipeline(&urls(&["/right"]), &sha256(&right)));
    let output = good.run(&[]).exit(0);
    assert!(shown(&good) == right);
    let requests = server.requests();
    assert_eq!(requests[..3], ["/none", "/wrong", "/half"]);
    assert_eq!(requests.last().unwrap(), "/right from 30000");
    let warnings = output.warnings();
    assert!(warnings.contains("it answers 404 Not Found; the next address is asked"), "{warnings}");

    server.put("/half", Page { cuts: vec![30_000; 9], ranges: false, ..Page::new(right.clone()) });
    let bad = Sandbox::new().pipeline(&pipeline(&urls(&[]), &sha256(&right)));
    let output = bad.run(&[]).exit(1).never_says("secret");
    let failure = output.failure();
    for said in [
        "data could not be downloaded; what has arrived is kept, so run again to go on:",
        "/none: it answers 404 Not Found",
        "/wrong: it sent 5 bytes with the digest",
        "/half: the connection broke",
        "/login: it sends 19 bytes, but 30000 of the file have arrived before",
        "http://127.0.0.1:1/x: it cannot be reached",
    ] {
        assert!(failure.contains(said), "{said:?} not in {failure}");
    }
    nothing_is_stored(&bad);
    // The record of the run has the text of the pipeline.
    let records = bad.path(".pcamflow/runs");
    for file in files(&bad.path(".pcamflow")).into_iter().filter(|file| !file.starts_with(&records)) {
        assert!(!String::from_utf8_lossy(&fs::read(&file).unwrap()).contains("secret"), "{}", file.display());
    }
}

#[test]
fn a_server_that_cannot_be_reached_is_a_fault_of_the_machine() {
    let text = pipeline(&["http://127.0.0.1:1/x".to_owned()], &sha256(b""));
    let failure = Sandbox::new().pipeline(&text).run(&[]).exit(3).failure();
    assert!(failure.contains("it cannot be reached"), "{failure}");
}

#[test]
fn a_file_in_the_data_folder_is_not_downloaded() {
    let (server, content) = (Server::start(), bytes(90_000));
    let packed = packed(&content);
    server.put("/x.gz", Page::new(packed.clone()));
    let with = |bytes: &[u8]| project(&server, "/x.gz", &sha256(&packed)).file("data/data.gz", bytes);
    let project = with(&packed);
    project.run(&["--offline"]).exit(0);
    assert!(shown(&project) == content && server.requests().is_empty());
    let project = with(b"another file");
    let warnings = project.run(&[]).exit(0).warnings();
    assert!(warnings.contains("data.gz is another file: its digest is sha256:"), "{warnings}");
    assert_eq!(server.requests(), ["/x.gz"]);
    assert!(shown(&project) == content);
    let failure = with(b"another file").run(&["--offline"]).exit(3).failure();
    assert!(failure.contains("a file is missing, and the run is offline"), "{failure}");
}

#[test]
fn an_offline_run_says_what_is_missing_before_anything_is_computed() {
    let server = Server::start();
    let text = "[synthesize.s]\npatches = 24\nslides = 2\n[fetch.f]\ndataset = 'pcam'\nparts = ['test']\n";
    let project = Sandbox::new().pipeline(text);
    project.rewrite("data/camelyonpatch_level_2_split_test_meta.csv", "here, with another content");
    let output = project.run(&["--offline"]).exit(2);
    assert!(output.events_of("started").is_empty());
    let zenodo = "https://zenodo.org/records/2546921/files";
    for said in [
        "error: p.toml:5: files are missing, and the run is offline: run it without `--offline`, or put them into",
        &format!(
            "camelyonpatch_level_2_split_test_x.h5.gz from {zenodo}/camelyonpatch_level_2_split_test_x.h5.gz"
        ),
        "  camelyonpatch_level_2_split_test_y.h5.gz from",
    ] {
        assert!(output.stderr.contains(said), "{said:?} not in {}", output.stderr);
    }
    assert!(!output.stderr.contains("test_meta.csv"), "{}", output.stderr);
    assert!(server.requests().is_empty());
}

#[test]
fn progress_is_told_in_bytes() {
    let (server, content) = (Server::start(), bytes(8 << 20));
    server.put("/x", Page::new(content.clone()));
    let output = project(&server, "/x", &sha256(&content)).run(&[]).exit(0);
    let progress = output.events_of("progress");
    let last = progress.last().unwrap_or_else(|| output.fail("no progress"));
    assert!(last.to_string().contains("\"bytes\"") && last.to_string().contains("data (1 of 1)"), "{last}");
}
