//! Checks the imports between source files: no cycles, and parts of the engine import only lower parts.
//!
//! The rules:
//! - An import counts for the file that defines the name, even if the name comes from a re-export (`pub use`)
//!   or from the imports of the parent module (`super::Name`).
//! - A parent (`mod.rs`) that only declares and re-exports its children does not import them. If its own code
//!   uses a name of a child, it does, and then the child must not use names that the parent defines. Names
//!   that both need belong in a separate file.
//! - Paths with `$crate` in macros and code behind `#[cfg(test)]` are ignored.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use petgraph::{algo::tarjan_scc, graph::DiGraph};

use crate::sandbox::files;

/// The path of a module: `["crate", "engine", "plan"]`, or `["worker", "optim"]` for the worker.
type Module = Vec<String>;

/// The imports of one file.
#[derive(Debug, Default)]
struct File {
    /// The imported names, each with whether it is re-exported and its path.
    names: BTreeMap<String, (bool, Vec<String>)>,
    /// Paths in code, such as `super::words::plural`.
    paths: Vec<Vec<String>>,
    /// Identifiers in code.
    words: BTreeSet<String>,
    /// Child modules behind `#[cfg(test)]`.
    for_tests: Vec<String>,
}

/// The tokens of a source file, without comments and string literals.
fn tokens(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let is_of_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let (mut at, mut found) = (0, Vec::new());
    while at < letters.len() {
        let rest = &letters[at..];
        let length = match rest {
            ['/', '/', ..] => rest.iter().position(|letter| *letter == '\n').unwrap_or(rest.len()),
            ['/', '*', ..] => {
                rest.windows(2).position(|pair| pair == ['*', '/']).map_or(rest.len(), |end| end + 2)
            }
            ['r', '"', ..] | ['r', '#', '"', ..] => raw_text(rest),
            ['"', ..] => quoted(rest),
            // A character literal. Otherwise the quote starts a lifetime.
            ['\'', '\\', _, tail @ ..] => {
                3 + tail.iter().position(|letter| *letter == '\'').map_or(0, |end| end + 1)
            }
            ['\'', _, '\'', ..] => 3,
            [':', ':', ..] => {
                found.push("::".to_owned());
                2
            }
            [first, ..] if is_of_word(*first) => {
                let word: String = rest.iter().take_while(|letter| is_of_word(**letter)).collect();
                let length = word.chars().count();
                found.push(word);
                length
            }
            [sign, ..] => {
                if !sign.is_whitespace() {
                    found.push(sign.to_string());
                }
                1
            }
            [] => break,
        };
        at += length.max(1);
    }
    found
}

/// The length of a string literal.
fn quoted(letters: &[char]) -> usize {
    let mut at = 1;
    while at < letters.len() && letters[at] != '"' {
        at += if letters[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// The length of a raw string literal.
fn raw_text(letters: &[char]) -> usize {
    let marks = letters[1..].iter().take_while(|letter| **letter == '#').count();
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', marks)).collect();
    let from = marks + 2;
    let length = letters[from..].windows(end.len()).position(|window| *window == end[..]);
    length.map_or(letters.len(), |length| from + length + end.len())
}

/// The index after the item that begins at `at`.
fn behind_item(tokens: &[String], mut at: usize) -> usize {
    let mut depth = 0;
    while at < tokens.len() {
        match tokens[at].as_str() {
            ";" if depth == 0 => return at + 1,
            "{" | "(" | "[" => depth += 1,
            "}" if depth == 1 => return at + 1,
            "}" | ")" | "]" => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    at
}

/// Collects the leaves of a `use` tree: the imported name and the path of each.
fn leaves(tokens: &[String], at: &mut usize, prefix: &[String], found: &mut Vec<(String, Vec<String>)>) {
    let mut path = prefix.to_vec();
    while *at < tokens.len() {
        match tokens[*at].as_str() {
            "{" => {
                *at += 1;
                while tokens[*at] != "}" {
                    leaves(tokens, at, &path, found);
                    *at += usize::from(tokens[*at] == ",");
                }
                *at += 1;
                return;
            }
            "::" => *at += 1,
            "," | "}" | ";" => break,
            "as" => {
                found.push((tokens[*at + 1].clone(), path));
                *at += 2;
                return;
            }
            "self" if !path.is_empty() => *at += 1,
            word => {
                path.push(word.to_owned());
                *at += 1;
            }
        }
    }
    found.extend(path.last().cloned().map(|name| (name, path)));
}

impl File {
    fn read(text: &str) -> Self {
        const FOR_TESTS: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
        let tokens = tokens(text);
        let (mut file, mut at, mut handed_on) = (Self::default(), 0, false);
        while at < tokens.len() {
            let rest = &tokens[at..];
            if rest.len() > FOR_TESTS.len() && rest[..FOR_TESTS.len()] == FOR_TESTS {
                let end = behind_item(&tokens, at + FOR_TESTS.len());
                let item = &tokens[at..end];
                let module =
                    item.iter().position(|word| word == "mod").filter(|_| item.ends_with(&[";".to_owned()]));
                file.for_tests.extend(module.map(|place| item[place + 1].clone()));
                at = end;
                continue;
            }
            let next = rest.get(1).map(String::as_str);
            match (rest[0].as_str(), next) {
                ("pub", Some("(")) => {
                    at += rest.iter().position(|word| word == ")").unwrap_or(0) + 1;
                    handed_on = true;
                    continue;
                }
                ("pub", _) => handed_on = true,
                ("mod", _) => at += 1,
                // The captures of a type: `impl Trait + use<'a>`.
                ("use", Some("<")) => {}
                ("use", _) => {
                    let mut found = Vec::new();
                    at += 1;
                    leaves(&tokens, &mut at, &[], &mut found);
                    file.names.extend(found.into_iter().map(|(name, path)| (name, (handed_on, path))));
                    handed_on = false;
                }
                ("$", Some("crate")) => {
                    at += 2;
                    while tokens.get(at).is_some_and(|word| word == "::") {
                        at += 2;
                    }
                    continue;
                }
                (word, Some("::")) if word.starts_with(|letter: char| letter.is_lowercase()) => {
                    let mut path = vec![word.to_owned()];
                    while tokens.get(at + 1).is_some_and(|sign| sign == "::")
                        && tokens.get(at + 2).is_some_and(|word| word.starts_with(char::is_alphabetic))
                    {
                        path.push(tokens[at + 2].clone());
                        at += 2;
                    }
                    file.words.extend(path.first().cloned());
                    file.paths.push(path);
                    handed_on = false;
                }
                (word, _) => {
                    file.words.insert(word.to_owned());
                    handed_on = false;
                }
            }
            at += 1;
        }
        file
    }
}

/// All files of the library and the worker, with their imports.
struct Imports(BTreeMap<Module, File>);

impl Imports {
    fn of(sources: &[(Module, String)]) -> Self {
        let files: BTreeMap<Module, File> =
            sources.iter().map(|(module, text)| (module.clone(), File::read(text))).collect();
        let for_tests: Vec<Module> = files
            .iter()
            .flat_map(|(module, file)| {
                file.for_tests.iter().map(|child| [module.as_slice(), std::slice::from_ref(child)].concat())
            })
            .collect();
        let counts = |module: &Module| !for_tests.iter().any(|gated| module.starts_with(gated));
        Self(files.into_iter().filter(|(module, _)| counts(module)).collect())
    }

    /// Resolves a path in module `from` to a path from the crate root. `None` for other crates.
    fn absolute(&self, from: &Module, path: &[String]) -> Option<Vec<String>> {
        let supers = path.iter().take_while(|part| *part == "super").count();
        let base = match path[0].as_str() {
            "crate" => &from[..1],
            "pcamflow" => return Some([&["crate".to_owned()][..], &path[1..]].concat()),
            "self" => from.as_slice(),
            "super" => return Some([&from[..from.len().checked_sub(supers)?], &path[supers..]].concat()),
            child if self.0.contains_key(&[from.as_slice(), &[child.to_owned()]].concat()) => {
                return Some([from.as_slice(), path].concat());
            }
            _ => return None,
        };
        Some([base, &path[1..]].concat())
    }

    /// The file that defines the last name of a path. Re-exports are followed.
    fn definer(&self, from: &Module, path: &[String], depth: usize) -> Option<&Module> {
        let length = (1..=path.len()).rev().find(|length| self.0.contains_key(&path[..*length]))?;
        let (module, file) = self.0.get_key_value(&path[..length])?;
        if let Some(name) = path.get(length)
            && let Some((handed_on, origin)) = file.names.get(name)
            && (*handed_on || (from.starts_with(module) && from != module))
            && depth < 8
            && let Some(origin) = self.absolute(module, origin)
            && origin != path
        {
            return self.definer(from, &[origin.as_slice(), &path[length + 1..]].concat(), depth + 1);
        }
        Some(module)
    }

    /// The files that a file imports.
    fn by(&self, from: &Module) -> BTreeSet<&Module> {
        let file = &self.0[from];
        let used = |(name, (handed_on, path)): (&String, &(bool, Vec<String>))| {
            let path = self.absolute(from, path)?;
            let only_handed_on = *handed_on && path.starts_with(from) && !file.words.contains(name);
            (!only_handed_on).then_some(path)
        };
        let paths = file.paths.iter().filter_map(|path| self.absolute(from, path));
        let all = file.names.iter().filter_map(used).chain(paths);
        all.filter_map(|path| self.definer(from, &path, 0)).filter(|found| *found != from).collect()
    }

    /// Groups of files that import each other, directly or through other files.
    fn cycles(&self) -> Vec<Vec<String>> {
        let places: Vec<&Module> = self.0.keys().collect();
        let place = |module: &Module| u32::try_from(places.binary_search(&module).unwrap()).unwrap();
        let edges =
            places.iter().flat_map(|from| self.by(from).into_iter().map(move |to| (place(from), place(to))));
        let graph = DiGraph::<(), ()>::from_edges(edges.collect::<Vec<_>>());
        let circles = tarjan_scc(&graph).into_iter().filter(|circle| circle.len() > 1);
        circles
            .map(|circle| circle.into_iter().map(|node| places[node.index()].join("::")).collect())
            .collect()
    }
}

/// The sources of the project by module.
fn project() -> Imports {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let all = files(&source).into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "rs"));
    let read = |path: std::path::PathBuf| {
        let below = path.strip_prefix(&source).unwrap().with_extension("");
        let mut module: Module = below.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
        if module.last().is_some_and(|last| last == "mod") {
            module.pop();
        }
        let module = match module[0].as_str() {
            "main" | "lib" => vec![if module[0] == "lib" { "crate" } else { "program" }.to_owned()],
            "worker" => module.into_iter().filter(|part| part != "main").collect(),
            _ => [vec!["crate".to_owned()], module].concat(),
        };
        (module, fs::read_to_string(path).unwrap())
    };
    Imports::of(&all.map(read).collect::<Vec<_>>())
}

fn module(path: &str) -> Module {
    path.split("::").map(str::to_owned).collect()
}

#[test]
fn imports_and_cycles_are_found() {
    let files = |child: &str, parent: &str| {
        let texts = [
            ("crate", "pub mod a;"),
            ("crate::a", parent),
            ("crate::a::child", child),
            ("crate::a::data", "pub struct Data;"),
        ];
        Imports::of(&texts.map(|(path, text)| (module(path), text.to_owned())))
    };
    let parent =
        "mod child; mod data; pub use data::Data; use child::{work, Other as Same};\npub struct Own;";
    let beside = files("use super::Data; /* use super::Own; */ // use super::Own;\n", parent);
    assert_eq!(beside.by(&module("crate::a::child")), BTreeSet::from([&module("crate::a::data")]));
    assert_eq!(beside.by(&module("crate::a")), BTreeSet::from([&module("crate::a::child")]));
    assert!(beside.cycles().is_empty());
    for child in ["use super::Own;", "fn f(x: &crate::a::Own) {}", "pub(super) use super::{self as up, Own};"]
    {
        assert_eq!(files(child, parent).cycles().len(), 1, "{child}");
    }
    let text = "const A: &str = \"\\\n use super::Own;\"; const B: char = '\"'; #[cfg(test)]\nmod tests { use super::super::Own; }";
    assert!(files(text, parent).cycles().is_empty(), "string literals and tests must be ignored");
    let only_hands_on = files("use super::Own;", "mod child; mod data; pub use child::work; pub struct Own;");
    assert!(only_hands_on.cycles().is_empty());
    let uses = files(
        "use super::Own;",
        "mod child; mod data; pub use child::work; pub struct Own; fn f() { work() }",
    );
    assert_eq!(uses.cycles().len(), 1);
}

#[test]
fn there_are_no_import_cycles() {
    let imports = project();
    assert!(imports.0.len() > 350, "{}", imports.0.len());
    let cycles = imports.cycles();
    assert!(cycles.is_empty(), "move what these files share into a separate file:\n{cycles:#?}");
}

#[test]
fn the_parts_of_the_engine_import_only_lower_parts() {
    const MAY_IMPORT: [(&str, &[&str]); 6] = [
        ("tell", &[]),
        ("exec", &[]),
        ("plan", &["tell"]),
        ("compute", &["tell", "plan", "exec"]),
        ("batch", &["tell", "plan", "exec", "compute"]),
        ("run", &["tell", "plan", "exec", "compute", "batch"]),
    ];
    let imports = project();
    let room = |module: &Module| module.get(2).filter(|_| module[1] == "engine").cloned();
    let mut seen = BTreeSet::new();
    for (from, of) in imports.0.keys().filter_map(|module| Some((module, room(module)?))) {
        let (_, allowed) = MAY_IMPORT.iter().find(|(name, _)| *name == of).unwrap();
        for to in imports.by(from) {
            assert_ne!(to, &module("crate::engine"), "{from:?}");
            let Some(other) = room(to) else { continue };
            assert!(other == of || allowed.contains(&other.as_str()), "{from:?} imports {to:?}");
            seen.insert((of.clone(), other));
        }
    }
    assert!(seen.contains(&("run".to_owned(), "plan".to_owned())), "{seen:?}");
}
