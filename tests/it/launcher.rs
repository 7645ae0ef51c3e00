//! `run.launcher`: the worker in a container-like place and on another machine (a real ssh server on this one), and
//! launchers that are wrong. Through the built binaries.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    sandbox::{Output, Sandbox},
    training::{checkpoints, expected, model, project, survives_a_kill, until, workers},
};

/// A namespace of users and mounts of its own, as rootless containers have it.
const UNSHARE: [&str; 3] = ["unshare", "--map-root-user", "--mount"];

/// `run.launcher=[...]` for `--set`.
fn set<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("{word:?}")).collect();
    format!("run.launcher=[{}]", words.join(", "))
}

/// A launcher that is a script. `"$@"` are the worker's words.
fn script(text: &str) -> String {
    set(["sh", "-c", text, "sh"])
}

/// A script in a namespace of its own, which can mount.
fn mounting(text: &str) -> String {
    set(UNSHARE.into_iter().chain(["sh", "-c", text, "sh"]))
}

/// Whether this system lets programs have namespaces; else the test says that it skips.
fn has_namespaces() -> bool {
    let has = Command::new(UNSHARE[0]).args(&UNSHARE[1..]).arg("true").status().is_ok_and(|it| it.success());
    if !has {
        eprintln!("skipped: no user namespaces here");
    }
    has
}

fn trained(project: &Sandbox, launcher: &str) -> Output {
    project.run(&["train.t", "--set", launcher])
}

#[test]
fn results_are_those_of_a_local_run_and_the_key_is_the_same() {
    if !has_namespaces() {
        return;
    }
    let project = project();
    project.run(&["--set", &set(UNSHARE)]).exit(0);
    assert_eq!(model(&project), expected());
    project.run(&[]).cached_all();
    project.nothing_is_left_running();
}

#[test]
fn a_chroot_with_the_same_paths_will_do() {
    if !has_namespaces() {
        return;
    }
    let project = project();
    let root = project.path("root");
    fs::create_dir(&root).unwrap();
    let text = format!("mount --rbind / {0} && exec chroot {0} \"$@\"", root.display());
    trained(&project, &mounting(&text)).exit(0);
    assert_eq!(model(&project), expected());
}

#[test]
fn a_place_without_the_store_is_one_clear_error() {
    if !has_namespaces() {
        return;
    }
    let project = project();
    project.run(&["split.d"]).exit(0);
    let hide = format!("mount -t tmpfs none {} && exec \"$@\"", project.path(".pcamflow").display());
    let message = trained(&project, &mounting(&hide)).exit(3).failure();
    assert!(
        message.contains("of the store is not there where the launcher has started the worker"),
        "{message}"
    );
    assert!(message.contains("must have the same paths there"), "{message}");
    // Nothing is lost: without the launcher it runs.
    project.run(&["train.t"]).ran(["train.t"]);
}

#[test]
fn a_place_without_the_data_names_the_input() {
    if !has_namespaces() {
        return;
    }
    let project = project();
    project.run(&["split.d"]).exit(0);
    let hide = format!("mount -t tmpfs none {} && exec \"$@\"", project.path(".pcamflow/objects").display());
    let message = trained(&project, &mounting(&hide)).exit(3).failure();
    assert!(message.contains("split.d/train") && message.contains("is not there where"), "{message}");
}

#[test]
fn a_killed_engine_ends_what_it_launched_and_the_next_run_goes_on() {
    if has_namespaces() {
        survives_a_kill(expected(), &["train.t", "--set", &set(UNSHARE)]);
    }
}

#[test]
fn what_is_killed_inside_is_told_and_can_be_retried() {
    let project = project();
    project.run(&["split.d"]).exit(0);
    let launcher = script("\"$@\"; exit $?");
    let run = project.start(&["train.t", "--set", &launcher]);
    until("the first checkpoint", || checkpoints(&project) > 0);
    for id in workers(&project) {
        let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        // The shell's command line has the worker's words, too.
        if !line.starts_with(b"sh\0") {
            let _ = kill_process(Pid::from_raw(id).unwrap(), Signal::KILL);
        }
    }
    let output = run.finish().exit(1);
    let message = output.failure();
    assert!(message.contains("what it started was killed"), "{message}");
    assert_eq!(output.events_of("failed")[0]["class"], "process");
    trained(&project, &launcher).ran(["train.t"]);
    assert_eq!(model(&project), expected());
}

#[test]
fn an_interrupt_ends_what_was_launched() {
    let project = project();
    let run = project.start(&["train.t", "--set", &script("\"$@\"; exit $?")]);
    until("the first checkpoint", || checkpoints(&project) > 0);
    run.signal(Signal::INT);
    run.finish().exit(130);
    project.nothing_is_left_running();
}

#[test]
fn wrong_launchers_are_clear_errors() {
    let project = project();
    project.run(&["split.d"]).exit(0);
    let told = |launcher: &str, words: &[&str]| {
        let message = trained(&project, launcher).exit(3).failure();
        assert!(words.iter().all(|word| message.contains(word)), "{launcher}: {message}");
        project.nothing_is_left_running();
    };
    told(&set(["no-such-launcher"]), &["cannot start the launcher `no-such-launcher`"]);
    told(
        &script("echo no such host >&2; exit 255"),
        &["started no worker", "exit status: 255", "no such host"],
    );
    told(&script("exec \"$@\" </dev/null"), &["started no worker", "pass standard input on"]);
    told(&script("echo Welcome; exec \"$@\""), &["wrote \"Welcome\" to standard output", "make it silent"]);
    told(
        "run.launcher={ command = ['sh', '-c', 'exec \"$@\"', 'sh'], worker = '/no/worker' }",
        &["started no worker", "/no/worker"],
    );
}

#[test]
fn a_worker_with_another_path_is_named() {
    let worker = crate::sandbox::worker();
    let project = project().env("PCAMFLOW_WORKER", "/no/worker");
    let launcher = format!(
        "run.launcher={{ command = ['sh', '-c', 'exec \"$@\"', 'sh'], worker = {:?} }}",
        worker.display().to_string()
    );
    trained(&project, &launcher).exit(0);
    assert_eq!(model(&project), expected());
}

#[test]
fn a_stage_without_a_worker_has_no_launcher_of_its_own() {
    let project = Sandbox::new()
        .pipeline("[synthesize.s]\npatches = 64\nslides = 4\nrun = { launcher = ['ssh', 'host'] }\n");
    let output = project.pcamflow(&["run", "p.toml", "--dry-run"]).exit(2);
    output.complains("`launcher` starts the worker, and this stage needs none").complains("p.toml:4:20");
    // In [run] it is for the stages that have a worker.
    let project = Sandbox::new()
        .pipeline("[run]\nlauncher = ['no-such-launcher']\n[synthesize.s]\npatches = 64\nslides = 4\n");
    project.run(&[]).exit(0);
}

#[test]
fn doctor_starts_the_worker_through_each_launcher() {
    let text = |launcher: &str| {
        format!(
            "{}[explain.h]\nmodel = 'train.t'\nimages = 'split.d/test'\nmethod.saliency = {{}}\nrun = {{ launcher = {launcher} }}\n",
            crate::training::PIPELINE
        )
    };
    let found = |launcher: &str, code: i32| {
        let project = Sandbox::new().pipeline(&text(launcher));
        let output = project.pcamflow(&["doctor", "p.toml"]).exit(code);
        project.nothing_is_left_running();
        output.stdout.lines().filter(|line| line.contains(" launcher ")).collect::<Vec<_>>().join("\n")
    };
    let sound = found("['sh', '-c', 'exec \"$@\"', 'sh']", 0);
    assert!(sound.contains("the worker is ready on ") && sound.contains("libtorch 2.11"), "{sound}");
    let wrong = found("['no-such-launcher']", 3);
    assert!(wrong.contains("cannot start the launcher `no-such-launcher`"), "{wrong}");
    assert_eq!(found("[]", 0), "");
}

/// What is needed for a real ssh server on this machine.
struct Ssh {
    words: Vec<String>,
}

impl Ssh {
    /// `None` if there is no server, which the test says.
    fn new(folder: &Path) -> Option<Self> {
        let server = PathBuf::from("/usr/sbin/sshd");
        if !server.exists() {
            eprintln!("skipped: no ssh server here (Debian: openssh-server)");
            return None;
        }
        fs::create_dir(folder).unwrap();
        for name in ["host", "user"] {
            let make = format!("ssh-keygen -q -t ed25519 -N '' -f {}", folder.join(name).display());
            assert!(Command::new("sh").args(["-c", &make]).status().unwrap().success(), "{make}");
        }
        let folder = folder.display();
        let config = format!(
            "HostKey {folder}/host\nAuthorizedKeysFile {folder}/user.pub\nStrictModes no\nUsePAM no\n\
             PermitRootLogin yes\nAcceptEnv PCAMFLOW_SANDBOX\n"
        );
        fs::write(format!("{folder}/config"), config).unwrap();
        // It needs this folder if it is started by root. Without the rights to make it, it does not need it.
        let _ = fs::create_dir_all("/run/sshd");
        // The server talks to the client through a pipe, so that no port is taken.
        let proxy = format!("ProxyCommand={} -i -f {folder}/config", server.display());
        let options = [
            "BatchMode=yes",
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "LogLevel=ERROR",
            "SendEnv=PCAMFLOW_SANDBOX",
            &proxy,
        ];
        let mut words: Vec<String> = ["ssh", "-F", "none", "-T", "-i"].map(str::to_owned).to_vec();
        words.push(format!("{folder}/user"));
        words.extend(options.into_iter().flat_map(|option| ["-o".to_owned(), option.to_owned()]));
        words.push("localhost".to_owned());
        Some(Self { words })
    }

    fn set(&self) -> String {
        set(self.words.iter().map(String::as_str))
    }
}

#[test]
fn a_worker_behind_a_real_ssh_server_computes_the_same() {
    let project = project();
    let Some(ssh) = Ssh::new(&project.path("ssh")) else { return };
    project.run(&["--set", &ssh.set()]).exit(0);
    assert_eq!(model(&project), expected());
    let shown = project.pcamflow(&["show", "p.toml", "train.t", "--json"]).exit(0);
    assert!(shown.stdout.contains("\"host\""), "{}", shown.stdout);
    project.run(&[]).cached_all();
    project.nothing_is_left_running();
}

#[test]
fn over_ssh_too_a_killed_engine_leaves_nothing_and_the_next_run_goes_on() {
    let project = project();
    let Some(ssh) = Ssh::new(&project.path("ssh")) else { return };
    survives_a_kill(expected(), &["train.t", "--set", &ssh.set()]);
}
