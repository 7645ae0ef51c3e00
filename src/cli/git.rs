//! The state of a project in git: the commit, and whether files differ from it.
//!
//! The commit takes three small reads, so every run records it. Whether files differ takes a `git diff`, which may
//! be slow in large trees. Only runs that compute something start it, and it runs beside them. No error here fails a
//! run.

use std::{
    cell::{OnceCell, RefCell},
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use crate::store::Git;

/// How long a finished run waits for git's answer.
const PATIENCE: Duration = Duration::from_millis(500);

/// The commit that is checked out at or above a folder; `None` outside of git projects.
pub(super) fn git(folder: &Path) -> Option<Git> {
    let marker = folder.ancestors().map(|folder| folder.join(".git")).find(|git| git.exists())?;
    let folder = git_folder(&marker)?;
    let shared = shared_folder(&folder);
    commit(&folder, &shared).map(|commit| Git { commit, dirty: None })
}

/// The folder `.git`, or the folder that the file `.git` of a work tree names.
fn git_folder(marker: &Path) -> Option<PathBuf> {
    if marker.is_dir() {
        return Some(marker.to_owned());
    }
    let text = fs::read_to_string(marker).ok()?;
    Some(marker.parent()?.join(text.trim().strip_prefix("gitdir:")?.trim()))
}

/// The folder with the branches of a work tree.
fn shared_folder(folder: &Path) -> PathBuf {
    let named = fs::read_to_string(folder.join("commondir"));
    named.map_or_else(|_| folder.to_owned(), |text| folder.join(text.trim()))
}

fn commit(folder: &Path, shared: &Path) -> Option<String> {
    let head = fs::read_to_string(folder.join("HEAD")).ok()?;
    let Some(branch) = head.trim().strip_prefix("ref:").map(str::trim) else { return digits(&head) };
    let loose = fs::read_to_string(folder.join(branch)).or_else(|_| fs::read_to_string(shared.join(branch)));
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

/// Whether files differ from the commit, as git reports it. Several recorders of one run share it.
#[derive(Debug)]
pub(super) struct Dirty {
    folder: PathBuf,
    child: RefCell<Option<Child>>,
    answer: OnceCell<Option<bool>>,
}

impl Dirty {
    /// Starts nothing yet.
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), child: RefCell::default(), answer: OnceCell::new() }
    }

    /// Starts git, unless it is running; does not wait.
    pub(super) fn ask(&self) {
        let mut child = self.child.borrow_mut();
        if child.is_none() {
            let mut git = Command::new("git");
            git.arg("-C").arg(&self.folder);
            git.args(["--no-optional-locks", "diff", "--quiet", "--no-ext-diff", "HEAD", "--"]);
            *child = git.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok();
        }
    }

    /// The answer; `None` if git was not asked, is not installed, fails or takes too long.
    pub(super) fn answer(&self) -> Option<bool> {
        *self.answer.get_or_init(|| wait(self.child.borrow_mut().as_mut()?))
    }
}

fn wait(child: &mut Child) -> Option<bool> {
    let until = Instant::now() + PATIENCE;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.code().filter(|code| *code <= 1).map(|code| code == 1),
            Ok(None) if Instant::now() < until => sleep(Duration::from_millis(1)),
            Ok(None) | Err(_) => return None,
        }
    }
}

impl Drop for Dirty {
    /// Ends git, so that no process outlives the run.
    fn drop(&mut self) {
        if let Some(child) = self.child.get_mut() {
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

    fn dirty(folder: &Path) -> Option<bool> {
        let dirty = Dirty::new(folder);
        dirty.ask();
        dirty.answer()
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
        assert_eq!(dirty(root), Some(false));
        assert!(run(root, &["pack-refs", "--all"]));
        assert_eq!(git(root), expected, "packed");
        assert!(run(root, &["worktree", "add", "-b", "other", "tree"]));
        assert_eq!(git(&root.join("tree")), expected, "a work tree");
        assert!(run(root, &["checkout", "--detach"]));
        assert_eq!(git(root), expected, "detached");
        fs::write(root.join("inner/p.toml"), "b").unwrap();
        assert_eq!(dirty(&root.join("inner")), Some(true));
        fs::write(root.join(".git/HEAD"), "ref: refs/heads/none\n").unwrap();
        assert_eq!(git(root), None);
        assert_eq!(dirty(root), None);
    }

    #[test]
    fn a_folder_without_git_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".git"), "not what it should be").unwrap();
        assert_eq!(git(folder.path()), None);
        assert_eq!(dirty(folder.path()), None);
    }
}
