//! The README and the pages of the guide: `pcamflow guide` prints the pages, their links lead somewhere, and their
//! pipelines and commands work.

use std::{
    fs,
    path::{Path, PathBuf},
};

use pcamflow::guide::{PAGES, Page};

use crate::{
    hdf5_files::{labels, unwritten_images},
    sandbox::{Sandbox, files},
};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The README and the pages, by path.
fn texts() -> Vec<(String, String)> {
    let pages = PAGES.iter().map(|page| format!("src/guide/{}.md", page.topic));
    pages.chain(["README.md".to_owned()]).map(|path| (path.clone(), read(&path))).collect()
}

/// The code blocks in a language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("{language}\n");
    let all = text.split("```").skip(1).step_by(2);
    all.filter_map(|block| block.strip_prefix(fence.as_str())).collect()
}

/// The text outside of code blocks.
fn prose(text: &str) -> String {
    text.split("```").step_by(2).collect()
}

/// The code in the text outside of code blocks.
fn inline_code(text: &str) -> Vec<String> {
    let prose = prose(text);
    let lines = prose.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    lines.map(str::to_owned).collect()
}

/// A project with all pipelines and the command example, and with small files in place of the official ones.
fn project() -> Sandbox {
    let mut project = Sandbox::new().file(".git/HEAD", "");
    for folder in ["pipelines", "examples/command"] {
        for path in files(&root().join(folder)) {
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            project = project.file(&name, fs::read(&path).unwrap());
        }
    }
    for part in ["train", "valid", "test"] {
        let file = |end| project.path(&format!("data/camelyonpatch_level_2_split_{part}_{end}.h5"));
        unwritten_images(&file("x"), 1204);
        labels(&file("y"), &[0_u8, 1].repeat(602));
    }
    project
}

#[test]
fn every_page_is_listed_and_every_file_is_a_page() {
    let list = Sandbox::new().pcamflow(&["guide"]).exit(0);
    for page in PAGES {
        let line = list.stdout.lines().find(|line| line.split_whitespace().next() == Some(page.topic));
        assert!(line.is_some_and(|line| line.ends_with(&page.sentence())), "{}", list.stdout);
    }
    let files = files(&root().join("src/guide"));
    let mut written: Vec<_> =
        files.iter().filter(|path| path.extension().is_some_and(|ending| ending == "md")).collect();
    written.retain(|path| Page::about(path.file_stem().unwrap().to_str().unwrap()).is_none());
    assert!(written.is_empty(), "pages that src/guide.rs does not include: {written:?}");
}

#[test]
fn a_page_is_printed_as_it_is_and_an_unknown_topic_gets_advice() {
    let project = Sandbox::new();
    for page in PAGES {
        assert_eq!(project.pcamflow(&["guide", page.topic]).exit(0).stdout, page.text);
    }
    let output = project.pcamflow(&["guide", "sweep"]).exit(2);
    let output = output.complains("there is no topic `sweep`: did you mean `sweeps`?\n");
    assert_eq!(output.complains("the topics: install, start, ").stdout, "");
    project.pcamflow(&["guide", "zzz"]).exit(2).complains("there is no topic `zzz`\n").never_says("did you");
}

#[test]
fn pipelines_in_the_pages_can_be_checked() {
    let project = Sandbox::new().file("mini.toml", read("pipelines/mini.toml"));
    let mut count = 0;
    for (path, text) in texts() {
        for block in blocks(&text, "toml") {
            // A part of a pipeline is checked together with the rest of one.
            let whole = block.contains("[pipeline]") || block.starts_with("extends");
            let rest = if whole { "" } else { "extends = \"mini.toml\"\n" };
            project.rewrite("p.toml", format!("{rest}{block}"));
            let output = project.pcamflow(&["check", "p.toml"]);
            if !output.status.success() {
                output.fail(&path);
            }
            count += 1;
        }
    }
    assert!(count >= 7, "{count}");
}

/// All commands of a text: in code blocks, and in sentences, there also without `pcamflow`.
fn commands(text: &str, verbs: &[String]) -> Vec<String> {
    let scripts = blocks(text, "sh").join("\n").replace("\\\n", " ");
    let sessions = blocks(text, "text").join("\n");
    let lines = scripts.lines().chain(sessions.lines()).map(|line| line.trim_start_matches("$ "));
    let lines = lines.filter(|line| line.starts_with("pcamflow ")).map(str::to_owned);
    let is_verb = |code: &String| {
        let words: Vec<&str> = code.split_whitespace().collect();
        // Not the name of a command or table alone, or a setting: `run = { ... }`.
        words.len() > 1 && words[1] != "=" && verbs.iter().any(|verb| verb == words[0])
    };
    let code = inline_code(text);
    let short = code.iter().filter(|code| is_verb(code)).map(|code| format!("pcamflow {code}"));
    let long = code.iter().filter(|code| code.starts_with("pcamflow ") && !code.contains(" COMMAND"));
    lines.chain(short).chain(long.cloned()).collect()
}

#[test]
fn commands_have_only_options_that_exist() {
    const SCRIPT: &str =
        "pcamflow() { \"$PCAMFLOW\" \"$@\" --help >/dev/null || { echo \"in: $*\" >&2; bad=1; }; }\n";
    let project = Sandbox::new();
    let help = project.pcamflow(&["--help"]).exit(0).stdout;
    let list = help.split("\nCommands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let named = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let verbs: Vec<String> =
        named.filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect();
    assert!(verbs.len() > 15, "{verbs:?}");
    let mut count = 0;
    for (path, text) in texts() {
        let commands = commands(&text, &verbs);
        count += commands.len();
        let output = project.shell(&format!("{SCRIPT}{}\nexit $bad", commands.join("\n")));
        if !output.status.success() {
            output.fail(&path);
        }
    }
    assert!(count > 60, "{count}");
}

/// Runs commands as they are written, but computes nothing: a run is only planned. What waits, or needs results, only
/// has its options checked. A stage without a result is no mistake, and neither is a machine without libtorch.
const REHEARSAL: &str = r#"
pcamflow() {
    case $1 in
        watch|compare|verify|report|push|pull) set -- "$@" --help ;;
        cache) case " $* " in *" --remote "*) set -- "$@" --help ;; esac ;;
        run|sweep) case " $* " in *" --frozen "*|*" --dry-run "*) ;; *) set -- "$@" --dry-run ;; esac ;;
    esac
    "$PCAMFLOW" "$@"
    local code=$?
    case $1:$code in
        *:0|show:1|log:1|export:1|doctor:3|run:4) ;;
        *) echo "exit code $code: $*" >&2; exit 9 ;;
    esac
}
"#;

#[test]
fn commands_work_in_the_order_of_the_page() {
    for (path, text) in texts() {
        let blocks = blocks(&text, "sh").join("\n").replace("\\\n", " ");
        let ours = |line: &&str| line.starts_with("pcamflow ") || line.starts_with("cd ");
        let lines: Vec<&str> = blocks.lines().filter(ours).collect();
        if lines.is_empty() {
            continue;
        }
        let output = project().shell(&format!("{REHEARSAL}{}", lines.join("\n")));
        if !output.status.success() {
            output.fail(&path);
        }
    }
}

#[test]
fn the_readme_is_short_and_names_every_page() {
    let readme = read("README.md");
    let lines = readme.lines().count();
    assert!(lines <= 200, "{lines} lines");
    for page in PAGES {
        assert!(readme.contains(&format!("(src/guide/{}.md)", page.topic)), "{}", page.topic);
    }
}

#[test]
fn links_lead_to_files() {
    for (path, text) in texts() {
        let folder = root().join(Path::new(&path).parent().unwrap());
        let prose = prose(&text);
        let in_line = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let at_end = prose.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: "));
        for target in in_line.chain(at_end.clone().map(|(_, target)| target)) {
            let there = target.starts_with("https://") || folder.join(target).is_file();
            assert!(there, "{path}: {target}");
        }
        // A page names other pages as [topic]; the links at its end are those and no others.
        let linked: Vec<&str> = at_end.map(|(topic, _)| topic).collect();
        for page in PAGES.iter().filter(|_| path.starts_with("src/guide/")) {
            let name = format!("[{}]", page.topic);
            let plain = prose.lines().filter(|line| !line.starts_with(&format!("{name}: ")));
            let mut named = plain.map(|line| line.split('`').step_by(2).collect::<String>());
            let is_named = named.any(|line| line.contains(&name));
            assert_eq!(is_named, linked.contains(&page.topic), "{path}: {name}");
        }
    }
}

#[test]
fn topics_that_messages_and_comments_name_exist() {
    let folders = ["src", "pipelines", "examples"];
    for path in folders.iter().flat_map(|folder| files(&root().join(folder))) {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for rest in text.split("pcamflow guide ").skip(1) {
            let topic: String = rest.chars().take_while(char::is_ascii_lowercase).collect();
            let known = topic.is_empty() || Page::about(&topic).is_some();
            assert!(known, "{}: `pcamflow guide {topic}`", path.display());
        }
    }
}
