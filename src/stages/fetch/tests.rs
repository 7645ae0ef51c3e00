//! Tests of the table of a `fetch` stage.

use super::*;
use crate::stages::{AnyStage, Kind, Lines};

const MD5: &str = "900150983cd24fb0d6963f7d28e17f72";
const SHA: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn read(text: &str) -> Result<Fetch, Vec<String>> {
    let table = toml::de::DeTable::parse(text).unwrap();
    match Kind::Fetch.read(&table) {
        Ok(AnyStage::Fetch(fetch)) => Ok(*fetch),
        Ok(_) => panic!("another kind"),
        Err(problems) => Err(problems.into_iter().map(|problem| problem.message).collect()),
    }
}

#[track_caller]
fn wrong(text: &str, expected: &str) {
    let problems = read(text).expect_err(text);
    assert!(problems.iter().any(|problem| problem.contains(expected)), "{expected:?} not in {problems:?}");
}

fn lines(text: &str) -> Lines {
    AnyStage::Fetch(Box::new(read(text).unwrap())).semantic()
}

fn one(fields: &str) -> String {
    format!("files.images = {{ {fields} }}")
}

#[test]
fn the_official_files_have_the_official_names() {
    let all = read("dataset = 'pcam'").unwrap().wanted();
    let names: Vec<&str> = all.iter().map(|file| &*file.artifact).collect();
    let parts = ["train", "validation", "test"];
    assert_eq!(names, parts.map(|part| ["x", "y", "meta"].map(|what| format!("{part}-{what}"))).concat());
    let valid = &all[3];
    assert_eq!(valid.file, "camelyonpatch_level_2_split_valid_x.h5");
    assert_eq!(valid.packed_name(), "camelyonpatch_level_2_split_valid_x.h5.gz");
    let zenodo = "https://zenodo.org/records/2546921/files/camelyonpatch_level_2_split_valid_x.h5.gz";
    assert_eq!(valid.urls[0].whole(), zenodo);
    assert!(valid.urls[1].whole().ends_with("&id=1hgshYGWK8V-eGRy8LToWJJgDU_rXWVJ3"));
    assert_eq!(all[8].packed_name(), "camelyonpatch_level_2_split_test_meta.csv");
    let holds = [ArtifactType::Images, ArtifactType::Labels, ArtifactType::Meta];
    assert!(all.iter().zip(holds.iter().cycle()).all(|(file, holds)| file.holds == *holds));
}

/// A change of a digest changes results: it needs a new `VERSION`, because the key has only the name of the data set.
#[test]
fn the_digests_of_the_official_files_are_stable() {
    let all = read("dataset = 'pcam'").unwrap().wanted();
    let digests: Vec<String> = all.iter().map(|file| format!("{} {}", file.file, file.checksum)).collect();
    let short = crate::digest::Digest::of(digests.join("\n").as_bytes()).short();
    assert_eq!((short.as_str(), Fetch::VERSION), ("20e07e6b24", 1));
}

#[test]
fn mirrors_come_first_and_parts_choose() {
    let fetch = read("dataset = 'pcam'\nparts = ['test']\nmirrors = ['http://here:8000/pcam/']").unwrap();
    let all = fetch.wanted();
    assert_eq!(all.len(), 3);
    assert_eq!(all[0].urls[0].whole(), "http://here:8000/pcam/camelyonpatch_level_2_split_test_x.h5.gz");
    assert_eq!(all[0].urls.len(), 3);
}

#[test]
fn a_file_that_moves_keeps_its_key() {
    let at = |url: &str, more: &str| one(&format!("url = '{url}', sha256 = '{SHA}', holds = 'images'{more}"));
    let key = lines(&at("https://a.org/x.h5.gz", ""));
    assert_eq!(key, lines(&at("http://b.org/y.h5.gz?token=1", "")));
    assert_eq!(
        key,
        lines(&at("https://c.org/download?id=3", ", unpack = true, mirrors = ['https://d.org/x']"))
    );
    assert_ne!(key, lines(&at("https://a.org/x.h5.gz", ", unpack = false")), "other bytes");
    let upper = at("https://a.org/x.h5.gz", "").replace(SHA, &SHA.to_uppercase());
    assert_eq!(key, lines(&upper));
    let pcam = lines("dataset = 'pcam'");
    assert_eq!(pcam, lines("dataset = 'pcam'\nmirrors = ['https://a.org']"));
    assert_eq!(pcam, lines("dataset = 'pcam'\nparts = ['train', 'validation', 'test']"));
    assert_ne!(pcam, lines("dataset = 'pcam'\nparts = ['train']"));
}

#[test]
fn names_and_types_follow_from_the_table() {
    let text = format!(
        "files.a = {{ url = 'https://x.org/f.csv.gz', md5 = '{MD5}' }}\n\
         files.b = {{ url = 'https://x.org/f', md5 = '{MD5}', holds = 'meta' }}\n\
         files.c = {{ url = 'https://x.org/f', md5 = '{MD5}', file = 'y.txt' }}\n\
         files.'d.h5' = {{ url = 'https://x.org/f', blake3 = '{SHA}', holds = 'images' }}"
    );
    let all: Vec<(String, bool, ArtifactType)> = read(&text)
        .unwrap()
        .wanted()
        .into_iter()
        .map(|file| (file.packed_name(), file.unpack, file.holds))
        .collect();
    let expected = [
        ("a.gz", true, ArtifactType::Anything),
        ("b.csv", false, ArtifactType::Meta),
        ("y.txt", false, ArtifactType::Anything),
        ("d.h5", false, ArtifactType::Images),
    ];
    assert_eq!(all, expected.map(|(name, unpack, holds)| (name.to_owned(), unpack, holds)));
}

#[test]
fn it_is_sent_to_the_process_unchanged() {
    let own = one(&format!("url = 'https://x.org/f?secret=1', md5 = '{MD5}', mirrors = ['http://y.org/f']"));
    for text in ["dataset = 'pcam'\nparts = ['test']", &own] {
        let fetch = read(text).unwrap();
        let sent = serde_json::to_string(&fetch).unwrap();
        assert_eq!(serde_json::from_str::<Fetch>(&sent).unwrap(), fetch);
    }
}

#[test]
fn every_mistake_is_reported() {
    let url = "url = 'https://x.org/f'";
    wrong("", "nothing to fetch");
    wrong(&format!("dataset = 'pcam'\n{}", one(&format!("{url}, md5 = '{MD5}'"))), "cannot both be given");
    wrong("dataset = 'mnist'", "unknown value `mnist`");
    wrong("dataset = 'pcam'\nparts = ['valid']", "unknown value `valid`");
    wrong("dataset = 'pcam'\nparts = []", "at least one part");
    wrong("dataset = 'pcam'\nparts = ['test', 'test']", "`test` is named twice");
    wrong("dataset = 'pcam'\nmirrors = ['https://x.org/?dir=a']", "a mirror is a folder");
    let own = one(&format!("{url}, md5 = '{MD5}'"));
    wrong(&format!("parts = ['test']\n{own}"), "`dataset`, which is missing");
    wrong(&format!("mirrors = ['https://x.org']\n{own}"), "a file has its own `mirrors`");
    wrong(&one(url), "the digest is missing");
    wrong(&one(&format!("{url}, md5 = '{MD5}', sha256 = '{SHA}'")), "only one of `md5`");
    wrong(&one(&format!("{url}, md5 = '{SHA}'")), "an MD5 digest has 32 hexadecimal digits");
    wrong(&one(&format!("{url}, sha256 = 'sha256:12'")), "a SHA-256 digest has 64 hexadecimal digits");
    wrong(&one(&format!("{url}, blake3 = 'x'")), "64 hexadecimal digits");
    wrong(&one(&format!("{url}, sha1 = '{MD5}'")), "unknown key `sha1`");
    for file in ["a/b", "", "..", "log.txt", "x/"] {
        wrong(&one(&format!("{url}, md5 = '{MD5}', file = '{file}'")), "cannot be the name of a file");
    }
    let twice = format!("files.a = {{ {url}, md5 = '{MD5}', file = 'images.h5' }}\n");
    let two = twice + &one(&format!("{url}, md5 = '{MD5}', holds = 'images'"));
    wrong(&two, "the files of `a` and `images` are both `images.h5`");
}

#[test]
fn urls_are_those_of_web_servers_without_passwords() {
    for (url, expected) in [
        ("x.h5", "this is no URL"),
        ("s3://bucket/x.h5", "from web servers only"),
        ("file:///x.h5", "from web servers only"),
        ("https:///x.h5", "names no server"),
        ("https://x.org/a b", "write %20 for a space"),
        ("https://me:secret@x.org/f", "must not contain a user's name or password"),
    ] {
        let problems = read(&one(&format!("url = '{url}', md5 = '{MD5}'"))).unwrap_err();
        assert!(problems[0].contains(expected) && !problems[0].contains("secret"), "{problems:?}");
    }
    let url: Url = "https://x.org/f?token=secret#part".parse().unwrap();
    assert_eq!(url.shown(), "https://x.org/f");
}
