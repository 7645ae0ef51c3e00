//! A store shared by a group: all members can use it, whatever their umask.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
};

use crate::sandbox::{Output, Sandbox};

/// The group, and a member of it.
const GROUP: u32 = 54321;
const MEMBER: u32 = 12345;

const PIPELINE: &str = "\
[synthesize.s]
patches = 12
slides = 2
[split.d]
images = 'synthesize.s/images'
labels = 'synthesize.s/labels'
sizes = { train = 4, validation = 2, test = 2 }
[command.c]
shell = 'mkdir -p {artifacts.d}/deep; echo x > {artifacts.d}/deep/x'
artifacts = { d = 'd/' }
";

/// A project with a group store in `st`.
fn shared() -> Sandbox {
    Sandbox::new().pipeline(PIPELINE).with(|root| {
        fs::create_dir(root.join("st")).unwrap();
        if rustix::process::geteuid().is_root() {
            chown(root.join("st"), None, Some(GROUP)).unwrap();
        }
        fs::set_permissions(root.join("st"), fs::Permissions::from_mode(0o2775)).unwrap();
        fs::set_permissions(root.parent().unwrap(), fs::Permissions::from_mode(0o755)).unwrap();
    })
}

/// Runs a script as another member of the group.
fn by_member(project: &Sandbox, script: &str) -> Option<Output> {
    let user = format!("setpriv --reuid={MEMBER} --regid={GROUP} --clear-groups");
    if !project.shell(&format!("{user} test -x $PCAMFLOW")).status.success() {
        eprintln!("skipped: only root can run something as another user");
        return None;
    }
    Some(project.shell(&format!("{user} bash -c '{script}'; exit $?")))
}

#[test]
fn everything_in_a_shared_store_is_accessible_to_the_group() {
    for umask in ["022", "077"] {
        let project = shared();
        project.shell(&format!("umask {umask}; $PCAMFLOW run p.toml --json --store st; exit $?")).exit(0);
        let wrong = project
            .shell(
                "find st -type d ! -perm -2770; find st -type f ! -perm -060 ! -path \"st/objects/*\"; \
            find st/objects -type f ! -perm -040",
            )
            .exit(0);
        assert_eq!(wrong.stdout, "", "under the umask {umask}");
    }
    // A store of a single user keeps the permissions of the umask.
    let project = Sandbox::new().pipeline(PIPELINE);
    project.shell("umask 022; $PCAMFLOW run p.toml --json --store st; exit $?").exit(0);
    assert_eq!(project.shell("find st -perm /020 -o -perm /2000").stdout, "");
}

#[test]
fn another_member_can_use_and_collect_it() {
    let project = shared();
    project.shell("umask 022; $PCAMFLOW run p.toml --json --store st; exit $?").exit(0);
    let Some(output) = by_member(
        &project,
        "umask 022; mkdir -p /tmp/of-$PPID; cd /tmp/of-$PPID; cp $OLDPWD/p.toml .; \
        run=\"$PCAMFLOW run p.toml --json --store $OLDPWD/st\"; $run >one; echo $?; grep -c cached..true one; \
        $run --force \"synthesize.s\" >two; echo $?; $PCAMFLOW cache gc --older-than 0s --even-latest --store $OLDPWD/st \
        --out none >three; echo $?; cat three; cd /; rm -r /tmp/of-$PPID",
    ) else {
        return;
    };
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert_eq!(lines[..4], ["0", "4", "0", "0"], "{}{}", output.stdout, output.stderr);
    assert!(lines[4].contains("; 0 results in 0 objects left") && lines.len() == 5, "{}", output.stdout);
    project.run(&["--store", "st"]).ran(["command.c", "split.d", "synthesize.s"]);
}

#[test]
fn a_collection_skips_and_reports_files_that_it_may_not_remove() {
    let project = shared();
    project.shell("umask 022; $PCAMFLOW run p.toml --json --store st; exit $?").exit(0);
    // The folder of one record belongs to a user who gives the group no write access.
    let script = "record=$(ls st/actions | head -1); chmod 755 st/actions/$record; ls st/actions | wc -l";
    let records: usize = project.shell(script).stdout.trim().parse().unwrap();
    let gc = "$PCAMFLOW cache gc --older-than 0s --even-latest --store st --out none";
    let Some(output) = by_member(&project, gc) else { return };
    let output = output.exit(0);
    assert!(output.stdout.contains("1 file could not be removed: "), "{}", output.stdout);
    assert!(output.stdout.contains(&format!("removed {} result", records - 1)), "{}", output.stdout);
    project.pcamflow(&["cache", "verify", "--store", "st"]).exit(0);
    project.run(&["--store", "st"]).exit(0);
}
