//! A real browser for the tests of the report: opens a page from disk, acts on it, and returns what it finds.
//!
//! Uses Chromium without a window. Where there is none, tests skip, and say so.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

/// The names under which systems install it.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

fn program() -> Option<&'static str> {
    NAMES
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok_and(|it| it.status.success()))
}

/// Opens a page in a window of this size, runs a script that leaves its findings in `found`, and returns them. The page
/// must write nothing to the console and ask for no other file. `None` without a browser.
pub(crate) fn found(page: &Path, [width, height]: [u32; 2], script: &str) -> Option<Value> {
    let Some(program) = program() else {
        println!("skipped: there is no Chromium to open the report with");
        return None;
    };
    let text = fs::read_to_string(page).unwrap();
    let act = format!(
        "<script>{{ const found = {{}}; {script}
        found.requests = performance.getEntriesByType('resource').filter((it) => !it.name.startsWith('data:')).map((it) => it.name);
        document.title = 'found:' + JSON.stringify(found); }}</script></body>"
    );
    let acting = page.with_file_name(format!("acting-{width}.html"));
    fs::write(&acting, text.replace("</body>", &act)).unwrap();
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(program)
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom"])
        .args(["--virtual-time-budget=10000", "--enable-logging=stderr", "--no-first-run"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--window-size={width},{height}"))
        .arg(format!("file://{}", acting.display()))
        .output()
        .unwrap();
    let (dom, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let console: Vec<&str> = log.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(console.is_empty(), "{console:?}");
    let title = dom.split("<title>found:").nth(1).and_then(|rest| rest.split("</title>").next());
    let title = title.unwrap_or_else(|| panic!("the script did not end: {log}"));
    let plain = title.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let found: Value = serde_json::from_str(&plain).unwrap();
    assert_eq!(found["requests"], serde_json::json!([]));
    Some(found)
}
