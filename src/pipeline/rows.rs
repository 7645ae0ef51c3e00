//! Trials from a CSV file with the keys in its header and a trial in each row.
//!
//! A column `name` names the trials. For an empty cell, the pipeline's value stays.

use std::path::Path;

use super::trials::Draft;

/// The column with the names of the trials.
const NAME: &str = "name";

/// The trials of a table.
pub(super) fn rows(file: &Path) -> Result<Vec<Draft>, Vec<String>> {
    let shown = file.display();
    let bytes = std::fs::read(file)
        .map_err(|error| vec![format!("the table of trials {shown} cannot be read: {error}")])?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).comment(Some(b'#')).from_reader(bytes);
    let header = reader.headers().map_err(|error| vec![format!("{shown}: {error}")])?.clone();
    let keys: Vec<&str> = header.iter().collect();
    let mut problems = wrong_keys(&keys);
    let mut drafts = Vec::new();
    for row in reader.records() {
        match row {
            Ok(row) => drafts.push(draft(&keys, &row, &format!("{shown}:{}", line(bytes, &row)))),
            Err(error) => problems.push(format!(
                "{error} (put a value with commas in double quotes, without a space before the quotes)"
            )),
        }
    }
    if drafts.is_empty() && problems.is_empty() {
        problems.push("there is no row below the header".to_owned());
    }
    if problems.is_empty() {
        return Ok(drafts);
    }
    Err(problems.into_iter().map(|problem| format!("{shown}: {problem}")).collect())
}

fn wrong_keys(keys: &[&str]) -> Vec<String> {
    let again = keys.iter().enumerate().filter(|(index, key)| keys[..*index].contains(key));
    let mut problems: Vec<String> =
        again.map(|(_, key)| format!("the column `{key}` appears twice")).collect();
    if keys.contains(&"") {
        problems.push("a column has no key in the header".to_owned());
    }
    if keys.iter().all(|key| *key == NAME || key.is_empty()) {
        problems.push("the header has no key to set, such as train.base.batch-size".to_owned());
    }
    problems
}

/// The line of a row. The position from the reader is before the comments and empty lines in front of it.
fn line(bytes: &[u8], row: &csv::StringRecord) -> usize {
    let Some(position) = row.position() else { return 1 };
    let rest = usize::try_from(position.byte()).ok().and_then(|start| bytes.get(start..)).unwrap_or(&[]);
    let skipped = rest.split(|byte| *byte == b'\n').take_while(|line| {
        let line = line.trim_ascii_start();
        line.is_empty() || line.starts_with(b"#")
    });
    usize::try_from(position.line()).unwrap_or(1) + skipped.count()
}

/// The trial of a row at a place.
fn draft(keys: &[&str], row: &csv::StringRecord, place: &str) -> Draft {
    let mut draft = Draft::default();
    for (key, cell) in keys.iter().zip(row).filter(|(_, cell)| !cell.is_empty()) {
        match *key {
            NAME => draft.name = Some(cell.to_owned()),
            key => {
                draft.values.push((key.to_owned(), cell.to_owned()));
                draft.places.push(place.to_owned());
            }
        }
    }
    draft
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Draft>, Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("t.csv");
        std::fs::write(&file, text).unwrap();
        rows(&file)
    }

    #[test]
    fn a_row_is_a_trial() {
        let trials = read(
            "name, train.base.epochs, train.base.architecture.class-cnn.channels\n\
             # a comment\nsmall, 3,\"[8, 16, 32, 64]\"\n, 4,\n",
        )
        .unwrap();
        let value = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(trials[0].name.as_deref(), Some("small"));
        assert_eq!(
            trials[0].values,
            [
                value("train.base.epochs", "3"),
                value("train.base.architecture.class-cnn.channels", "[8, 16, 32, 64]")
            ]
        );
        assert_eq!((&trials[1].name, &trials[1].values), (&None, &vec![value("train.base.epochs", "4")]));
        let line = |trial: &Draft| trial.places[0].rsplit_once(':').unwrap().1.to_owned();
        assert_eq!((line(&trials[0]), line(&trials[1])), ("3".to_owned(), "4".to_owned()));
    }

    #[test]
    fn problems_of_a_table_are_reported() {
        let wrong = |text: &str| read(text).unwrap_err().join("\n");
        assert!(wrong("a,a\n1,2\n").contains("`a` appears twice"));
        assert!(wrong("name\nx\n").contains("no key to set"));
        assert!(wrong("a,b\n").contains("no row below the header"));
        assert!(wrong("a,b\n1,2\n3\n").contains("line: 3"));
        assert!(rows(Path::new("no/such.csv")).unwrap_err()[0].contains("cannot be read"));
    }
}
