//! Input from outside the project: sizes are limited, secrets are not printed, `--offline` blocks local
//! sockets.

use crate::sandbox::{Output, Sandbox};

const STAGE: &str = "[synthesize.s]\npatches = 12\nslides = 2\n";

fn check(project: &Sandbox) -> Output {
    // The limit is below the memory that unchecked parameters would need.
    project.shell("ulimit -v 2000000; $PCAMFLOW check p.toml; exit $?")
}

/// A chain of `[params]`: each one uses the previous one.
fn chain(length: usize, link: impl Fn(&str) -> String) -> String {
    let links = (1..length).map(|at| format!("p{at} = {}\n", link(&format!("${{params.p{}}}", at - 1))));
    format!(
        "[params]\np0 = 'xxxxxxxxxx'\n{}{STAGE}seed = \"${{params.p{}}}\"\n",
        links.collect::<String>(),
        length - 1
    )
}

#[test]
fn exponentially_growing_parameters_are_refused_with_their_place() {
    for link in [
        |one: &str| {
            format!(
                "['{one}', '{one}', '{one}', '{one}', '{one}', '{one}', '{one}', '{one}', '{one}', '{one}']"
            )
        },
        |one: &str| format!("'{}'", one.repeat(10)),
        |one: &str| format!("{{ a = '{one}', b = '{one}', c = '{one}', d = '{one}', e = '{one}' }}"),
    ] {
        let output = check(&Sandbox::new().pipeline(&chain(14, link))).exit(2);
        let output = output.complains("parameters add more than 64 MiB").complains("p.toml:");
        assert!(output.stderr.len() < 20_000, "{} bytes", output.stderr.len());
    }
    // One parameter used by many stages is not counted as growth.
    let many: String =
        (0..3000).map(|at| format!("[synthesize.s{at}]\nseed = \"${{params.seed}}\"\n")).collect();
    check(&Sandbox::new().pipeline(&format!("[params]\nseed = 7\n{many}"))).exit(0);
}

#[test]
fn long_chains_and_deep_values_are_refused_with_their_place() {
    let output = check(&Sandbox::new().pipeline(&chain(8000, |one| format!("'{one}'")))).exit(2);
    output.complains("nested more than 100 deep").complains("p.toml:");
    let deep = |one: &str| format!("{}'{one}'{}", "[".repeat(60), "]".repeat(60));
    let output = check(&Sandbox::new().pipeline(&chain(50, deep))).exit(2);
    output.complains("nested more than 100 deep").complains("p.toml:");
    check(&Sandbox::new().pipeline(&chain(90, |one| format!("'{one}'")).replace("'xxxxxxxxxx'", "7")))
        .exit(0);
    let mut project = Sandbox::new().pipeline("extends = 'f1.toml'\n");
    for at in 1..200 {
        project = project.file(&format!("f{at}.toml"), format!("extends = 'f{}.toml'\n", at + 1));
    }
    check(&project.file("f200.toml", STAGE)).exit(2).complains("at most 100 files").complains("f99.toml:1");
}

#[test]
fn the_text_of_an_extended_file_that_is_not_a_pipeline_is_not_shown() {
    for (name, text) in [
        ("shadow", "root:$6$SECRET:19000:0:99999:7:::\n"),
        ("key", "-----BEGIN PRIVATE KEY-----\nSECRET\n"),
        ("credentials.toml", "[registry]\ntoken = 'SECRET'\n"),
        ("plain.toml", "password = 'SECRET'\n"),
        ("binary", "\u{0}\u{1}SECRET\u{1b}]0;x\n"),
    ] {
        let project = Sandbox::new().pipeline(&format!("extends = '{name}'\n{STAGE}")).file(name, text);
        let output = check(&project).exit(2).never_says("SECRET").never_says("registry");
        output.complains(name).complains("p.toml:1:11");
    }
    // Mistakes in a real pipeline are still quoted.
    let project =
        Sandbox::new().pipeline("extends = 'q.toml'\n").file("q.toml", "[synthesize.s]\npatchez = 8\n");
    check(&project).exit(2).complains("q.toml:2:1").complains("patchez = 8");
}

#[test]
fn the_format_of_a_store_is_quoted_in_part() {
    for text in ["x".repeat(3 << 20), format!("pcamflow store 9\n{}", "y".repeat(3 << 20))] {
        let project = Sandbox::new().pipeline(STAGE).file("st/format", text);
        let output = project.run(&["--store", "st"]).exit(3);
        assert!(output.stderr.len() < 2000 && output.stdout.len() < 2000, "{}", output.stderr.len());
    }
}

#[test]
fn offline_programs_do_not_reach_the_sockets_of_services() {
    let connect = "socket(my $s, PF_UNIX, SOCK_STREAM, 0) or die; \
                   connect($s, pack_sockaddr_un(shift)) or die \"refused: $!\"; print \"reached\"";
    let script = format!("perl -MSocket -le '{connect}' \"$SERVICE\" > made 2>&1 || true; cat made");
    let project = Sandbox::new();
    let socket = project.path("service.sock");
    let _service = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let more = "artifacts = { made = 'made' }\npass-environment = ['SERVICE']";
    let text = format!("[command.one]\nshell = \"\"\"{script}\"\"\"\n{more}");
    let project = project.pipeline(&text).env("SERVICE", socket.to_str().unwrap());
    let log = || std::fs::read_to_string(project.path("out/p/command.one/log.txt")).unwrap();
    project.run(&[]).ran(["command.one"]);
    assert_eq!(log(), "reached\n");
    let output = project.run(&["--offline", "--force", "command.one"]).ran(["command.one"]);
    let closed = log().starts_with("refused: ");
    assert!(closed || output.warnings().contains("could reach them"), "{}{}", log(), output.warnings());
    assert!(std::os::unix::net::UnixStream::connect(&socket).is_ok(), "other processes can still connect");
}
