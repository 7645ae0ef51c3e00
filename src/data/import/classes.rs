//! The class and the group (slide, patient) of each picture: from a table, or from its path.

use std::{collections::HashMap, fs::File};

use anyhow::{Context as _, Result, anyhow, ensure};
use regex_lite::Regex;

use crate::{data::Source, nearest::nearest};

/// How classes and groups are found.
pub struct Classes {
    /// The words for class 0 and class 1.
    pub words: [String; 2],
    /// The table of labels; otherwise folders name the classes.
    pub table: Option<Table>,
    /// Its first group is the group of a path.
    pub pattern: Option<Regex>,
}

/// The lines of a table by the name of their picture.
pub struct Table {
    source: Source,
    lines: HashMap<String, Line>,
}

/// A line of a table.
struct Line {
    number: u64,
    label: String,
    group: Option<String>,
}

/// What is known about a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) label: u8,
    pub(super) group: Option<String>,
}

impl Table {
    /// Reads a table with the columns of the picture, the class and, perhaps, the group.
    ///
    /// # Errors
    /// A file that is missing or not CSV, a missing column, a picture in two lines.
    pub fn read(source: &Source, id: &str, label: &str, group: Option<&str>) -> Result<Self> {
        source.size()?;
        let file = File::open(&source.path).with_context(|| format!("{source} cannot be read"))?;
        let mut table = csv::Reader::from_reader(file);
        let headers = table.headers().map_err(|error| anyhow!("{source}: {error}"))?.clone();
        let find = |column: &str| {
            let near = || nearest(column, headers.iter()).map(|name| format!(": did you mean `{name}`?"));
            let there = headers.iter().position(|name| name.trim() == column);
            there.with_context(|| format!("{source} has no column `{column}`{}", near().unwrap_or_default()))
        };
        let (id, label, group) = (find(id)?, find(label)?, group.map(find).transpose()?);
        let mut lines = HashMap::new();
        for record in table.records() {
            let record = record.map_err(|error| anyhow!("{source}: {error}"))?;
            let number = record.position().map_or(0, csv::Position::line);
            let cell = |at: usize| record.get(at).unwrap_or_default().trim().to_owned();
            let line = Line { number, label: cell(label), group: group.map(cell) };
            if let Some(before) = lines.insert(cell(id), line) {
                anyhow::bail!("{source}: `{}` is in line {} and in line {number}", cell(id), before.number);
            }
        }
        ensure!(!lines.is_empty(), "{source} has no line below its heading");
        Ok(Self { source: source.clone(), lines })
    }

    /// How many lines it has.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// The line of a picture: of its path, its file name, or its file name without extension.
    fn line(&self, path: &str) -> Option<&Line> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        [path, name, stem].into_iter().find_map(|id| self.lines.get(id))
    }
}

impl Classes {
    /// The class and the group of a picture.
    ///
    /// # Errors
    /// Why one of them is unknown.
    pub(super) fn of(&self, path: &str) -> Result<Known> {
        let line = self.table.as_ref().map(|table| {
            let missing = || format!("has no line in {}", table.source);
            table.line(path).with_context(missing)
        });
        let line = line.transpose()?;
        let label = match line {
            Some(line) => self.class(&line.label).with_context(|| self.not_a_word(&line.label))?,
            None => self.of_folder(path)?,
        };
        let group = match (&self.pattern, line) {
            (Some(pattern), _) => Some(group(pattern, path)?),
            (None, Some(Line { group: Some(group), .. })) => {
                ensure!(!group.is_empty(), "has no slide or patient in its line");
                Some(group.clone())
            }
            (None, _) => None,
        };
        Ok(Known { label, group })
    }

    fn class(&self, word: &str) -> Option<u8> {
        let [negative, positive] = &self.words;
        match word {
            word if word == negative => Some(0),
            word if word == positive => Some(1),
            _ => None,
        }
    }

    /// The class of the innermost folder that names one.
    fn of_folder(&self, path: &str) -> Result<u8> {
        let folders = path.rsplit('/').skip(1);
        let [negative, positive] = &self.words;
        folders.into_iter().find_map(|folder| self.class(folder)).with_context(|| {
            format!("is in no folder that names its class (`{negative}` or `{positive}`: `class-words`)")
        })
    }

    fn not_a_word(&self, label: &str) -> String {
        let [negative, positive] = &self.words;
        format!("has the label `{label}`, which is neither `{negative}` nor `{positive}` (`class-words`)")
    }
}

fn group(pattern: &Regex, path: &str) -> Result<String> {
    let found = pattern.captures(path).and_then(|found| found.get(1)).map(|group| group.as_str().to_owned());
    found.filter(|group| !group.is_empty()).context("has no slide or patient in its path (`group-pattern`)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(table: Option<Table>, pattern: Option<&str>) -> Classes {
        let pattern = pattern.map(|pattern| Regex::new(pattern).unwrap());
        Classes { words: ["normal", "tumour"].map(str::to_owned), table, pattern }
    }

    fn table(text: &str, group: Option<&str>) -> Result<Table> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.csv");
        std::fs::write(&path, text).unwrap();
        Table::read(&Source::new(path, "labels.csv"), "id", "label", group)
    }

    fn known(label: u8, group: Option<&str>) -> Known {
        Known { label, group: group.map(str::to_owned) }
    }

    fn wrong<T>(result: Result<T>) -> String {
        format!("{:#}", result.err().unwrap())
    }

    #[test]
    fn the_innermost_folder_that_names_a_class_does() {
        let classes = classes(None, Some("^([^/]+)/"));
        assert_eq!(classes.of("p1/tumour/a.png").unwrap(), known(1, Some("p1")));
        assert_eq!(classes.of("tumour/normal/b/c.png").unwrap(), known(0, Some("tumour")));
        assert!(wrong(classes.of("p1/other/tumour.png")).starts_with("is in no folder that names its class"));
        assert!(wrong(classes.of("normal.png")).contains("(`normal` or `tumour`"));
    }

    #[test]
    fn a_table_names_pictures_by_path_name_or_stem() {
        let text = "id,label,patient\nx,tumour,p1\ny.tif,normal,p2\nfolder/z.png,tumour,\nw,benign,p3\n";
        let classes = classes(Some(table(text, Some("patient")).unwrap()), None);
        assert_eq!(classes.of("a/x.png").unwrap(), known(1, Some("p1")));
        assert_eq!(classes.of("y.tif").unwrap(), known(0, Some("p2")));
        assert_eq!(wrong(classes.of("folder/z.png")), "has no slide or patient in its line");
        assert!(wrong(classes.of("w.png")).starts_with("has the label `benign`, which is neither"));
        assert!(wrong(classes.of("v.png")).starts_with("has no line in labels.csv"));
    }

    #[test]
    fn tables_with_mistakes_are_refused() {
        assert!(
            wrong(table("id,labels\na,1\n", None)).ends_with("no column `label`: did you mean `labels`?")
        );
        assert!(wrong(table("id,label\na,1\nb,0\na,0\n", None)).ends_with("`a` is in line 2 and in line 4"));
        assert!(wrong(table("id,label\n", None)).ends_with("has no line below its heading"));
    }
}
