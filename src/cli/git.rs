//! The state of a project in git: which commit, and whether files differ from it.
//!
//! The commit costs three small reads, so that it is told of every run. Whether files differ takes a `git diff`,
//! and that may be slow in large trees: it is asked only by runs that compute something, while they compute,
//! and not waited for. Nothing here ever fails a run: what cannot be found out is left open.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use crate::store::Git;

/// How long a run that has ended waits for git's answer.
const PATIENCE: Duration = Duration::from_millis(500);

/// What is checked out at or above a folder; `None` where that is no git project.
pub(super) fn git(folder: &Path) -> Option<Git> {
    let marker = folder.ancestors().map(|folder| folder.join(".git")).find(|git| git.exists())?;
    let own = own_folder(&marker)?;
    let shared = shared_folder(&own);
    commit(&own, &shared).map(|commit| Git { commit, dirty: None })
}

/// The folder `.git`, or the one that a file `.git` of a work tree names.
fn own_folder(marker: &Path) -> Option<PathBuf> {
    if marker.is_dir() {
        return Some(marker.to_owned());
    }
    let text = fs::read_to_string(marker).ok()?;
    Some(marker.parent()?.join(text.trim().strip_prefix("gitdir:")?.trim()))
}

/// Where a work tree's branches are.
fn shared_folder(own: &Path) -> PathBuf {
    let named = fs::read_to_string(own.join("commondir"));
    named.map_or_else(|_| own.to_owned(), |text| own.join(text.trim()))
}

fn commit(own: &Path, shared: &Path) -> Option<String> {
    let head = fs::read_to_string(own.join("HEAD")).ok()?;
    let Some(branch) = head.trim().strip_prefix("ref:").map(str::trim) else { return digits(&head) };
    let loose = fs::read_to_string(own.join(branch)).or_else(|_| fs::read_to_string(shared.join(branch)));
    if let Ok(text) = loose {
        return digits(&text);
    }
    let packed = fs::read_to_string(shared.join("packed-refs")).ok()?;
    let line = packed.lines().find(|line| line.split_once(' ').is_some_and(|(_, name)| name == branch))?;
    digits(line.split_once(' ')?.0)
}

/// A commit's name, if it looks like one.
fn digits(text: &str) -> Option<String> {
    let text = text.trim();
    (text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| text.to_owned())
}

/// A question to git that is being answered.
#[derive(Debug)]
pub(super) struct Dirty(Option<Child>);

impl Dirty {
    /// Asks whether files that git knows differ from the commit; does not wait.
    pub(super) fn ask(folder: &Path) -> Self {
        let mut git = Command::new("git");
        git.arg("-C").arg(folder).args([
            "--no-optional-locks",
            "diff",
            "--quiet",
            "--no-ext-diff",
            "HEAD",
            "--",
        ]);
        Self(git.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok())
    }

    /// The answer; `None` where git is not installed, has no answer, or takes too long.
    pub(super) fn answer(mut self) -> Option<bool> {
        let child = self.0.as_mut()?;
        let until = Instant::now() + PATIENCE;
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return status.code().filter(|code| *code <= 1).map(|code| code == 1),
                Ok(None) if Instant::now() < until => sleep(Duration::from_millis(1)),
                Ok(None) | Err(_) => return None,
            }
        }
    }
}

impl Drop for Dirty {
    /// Nothing that a run started goes on after it.
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `git`, where it is installed.
    fn run(folder: &Path, arguments: &[&str]) -> bool {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"];
        let mut git = Command::new("git");
        git.arg("-C").arg(folder).args(identity).args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        git.status().is_ok_and(|status| status.success())
    }

    fn said(folder: &Path) -> String {
        let output = Command::new("git").arg("-C").arg(folder).args(["rev-parse", "HEAD"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    #[test]
    fn the_commit_is_found_in_every_kind_of_tree_and_edits_are_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        if !run(root, &["init"]) {
            eprintln!("skipped: no git here");
            return;
        }
        assert_eq!(git(root), None, "nothing is committed yet");
        fs::create_dir(root.join("inner")).unwrap();
        fs::write(root.join("inner/p.toml"), "a").unwrap();
        assert!(run(root, &["add", "."]) && run(root, &["commit", "-m", "one"]));
        let expected = Some(Git { commit: said(root), dirty: None });
        assert_eq!(git(&root.join("inner")), expected);
        assert_eq!(Dirty::ask(root).answer(), Some(false));
        assert!(run(root, &["pack-refs", "--all"]));
        assert_eq!(git(root), expected, "packed");
        assert!(run(root, &["worktree", "add", "-b", "other", "tree"]));
        assert_eq!(git(&root.join("tree")), expected, "a work tree");
        assert!(run(root, &["checkout", "--detach"]));
        assert_eq!(git(root), expected, "detached");
        fs::write(root.join("inner/p.toml"), "b").unwrap();
        assert_eq!(Dirty::ask(&root.join("inner")).answer(), Some(true));
        fs::write(root.join(".git/HEAD"), "ref: refs/heads/none\n").unwrap();
        assert_eq!(git(root), None);
        assert_eq!(Dirty::ask(root).answer(), None);
    }

    #[test]
    fn a_folder_without_git_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".git"), "not what it should be").unwrap();
        assert_eq!(git(folder.path()), None);
        drop(Dirty::ask(folder.path()));
    }
}
