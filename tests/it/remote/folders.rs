//! Remote stores without S3: a folder that is shared, and a web server that is only read; and mistakes in the settings.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Stdio},
};

use super::{ALL, PIPELINE};
use crate::sandbox::Sandbox;

/// A checkout whose remote is this URL.
fn checkout(url: &str) -> Sandbox {
    Sandbox::new().pipeline(PIPELINE).file("pcamflow.toml", format!("[remote]\nurl = '{url}'\n"))
}

/// Python's web server in a folder.
struct Web(Child, String);

impl Drop for Web {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Web {
    fn start(folder: &std::path::Path) -> Self {
        let words = ["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory"];
        let mut server = std::process::Command::new("python3")
            .args(words)
            .arg(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        // Serving HTTP on 127.0.0.1 port 41233 (http://127.0.0.1:41233/) ...
        let url = line.split(['(', ')']).nth(1).unwrap().trim_end_matches('/').to_owned();
        Self(server, url)
    }
}

#[test]
fn a_folder_is_a_remote_and_a_web_server_shows_it_to_others() {
    let shared = tempfile::tempdir().unwrap();
    fs::create_dir(shared.path().join("team")).unwrap();
    let url = format!("file://{}/team/pcam", shared.path().display());
    checkout(&url).run(&[]).ran(ALL);
    assert_eq!(checkout(&url).run(&[]).cached_all().warnings(), "");

    let web = Web::start(shared.path());
    let reader = checkout(&format!("{}/team/pcam", web.1));
    assert_eq!(reader.run(&[]).cached_all().warnings(), "");
    reader.rewrite("p.toml", PIPELINE.replace("columns = 4", "columns = 2"));
    assert_eq!(reader.run(&[]).ran(["preview.p"]).warnings(), "", "it reads, and pushes nothing");
    reader.pcamflow(&["push", "p.toml"]).exit(2).complains("only read");
}

#[test]
fn a_folder_that_is_gone_or_read_only_fails_no_run() {
    let project = checkout("file:///proc/no/such");
    let output = project.run(&[]).ran(ALL);
    assert_eq!(
        output.warnings().matches("file:///proc/no/such cannot be used").count(),
        1,
        "{}",
        output.warnings()
    );
}

#[test]
fn mistakes_in_the_settings_have_their_place_and_stop_nothing_else() {
    let said = |text: &str, arguments: &[&str]| {
        let project = Sandbox::new().pipeline(PIPELINE).file("pcamflow.toml", text);
        project.pcamflow(&[&["run", "p.toml"], arguments].concat()).exit(2).stderr
    };
    let unknown = said("[remote]\nurl = 's3://team'\npus = true\n", &[]);
    assert!(unknown.contains("pcamflow.toml:3: unknown field `pus`"), "{unknown}");
    assert!(unknown.contains("did you mean `push`?"), "{unknown}");
    let secret = said("", &["--remote", "https://me:hush@example.org/x"]);
    assert!(secret.contains("contains a user or a password") && !secret.contains("hush"), "{secret}");
    let project = Sandbox::new().pipeline(PIPELINE);
    let output = project.run(&["--remote", "ftp://example.org/x"]).ran(ALL);
    assert!(
        output.warnings().contains("`ftp://` is no kind of remote store: write s3://"),
        "{}",
        output.warnings()
    );
    project.pcamflow(&["push", "p.toml"]).exit(2).complains("the project has no remote store");
}

#[test]
fn no_remote_is_part_of_a_key_or_of_a_pipeline() {
    let shared = tempfile::tempdir().unwrap();
    let url = format!("file://{}", shared.path().display());
    let project = Sandbox::new().pipeline(PIPELINE);
    project.run(&[]).ran(ALL);
    project.run(&["--remote", &url]).cached_all();
    let project = project.env("PCAMFLOW_REMOTE", &url);
    project.pcamflow(&["push", "p.toml"]).exit(0);
    Sandbox::new().pipeline(PIPELINE).env("PCAMFLOW_REMOTE", &url).run(&[]).cached_all();
    let other = Sandbox::new().pipeline(PIPELINE).env("PCAMFLOW_REMOTE", &url);
    other.rewrite("pcamflow.toml", "[remote]\nurl = 's3://never/asked'\n");
    let other = other.env("PCAMFLOW_REMOTE_PUSH", "false");
    other.rewrite("p.toml", PIPELINE.replace("columns = 4", "columns = 2"));
    let before = fs::read_dir(shared.path().join("v1/records")).unwrap().count();
    other.run(&[]).ran(["preview.p"]);
    assert_eq!(fs::read_dir(shared.path().join("v1/records")).unwrap().count(), before, "nothing was pushed");
}
