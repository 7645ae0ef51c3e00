//! The files `repeats.csv` and `repeats.json`, beside the folders of the stages.
//!
//! They are written only if they change, each in one step, and removed if there are no repeats. Files with these
//! names that pcamflow did not write are left alone.

use std::path::Path;

use serde::Serialize;

use super::{Repeated, Spread};
use crate::fsx::{self, Durability};

/// The columns of the table, which mark it as ours.
const HEADER: &str = "stage,number,seeds,n,mean,sd,min,max\n";

/// Marks the JSON file as ours.
const NOTE: &str = "mean and spread over seeds, by pcamflow; replaced by the next run";

#[derive(Serialize)]
struct Document<'a> {
    note: &'a str,
    repeats: &'a [Repeated],
}

/// Writes or removes the files in a folder. Returns warnings.
pub(in crate::engine) fn show(folder: &Path, repeats: &[Repeated]) -> Vec<String> {
    let wanted = |text: String| (!repeats.is_empty()).then_some(text);
    let placed = [
        place(&folder.join("repeats.csv"), wanted(csv(repeats)), HEADER),
        place(&folder.join("repeats.json"), wanted(json(repeats)), NOTE),
    ];
    placed.into_iter().filter_map(|told| told.unwrap_or_else(|error| Some(error.to_string()))).collect()
}

/// Writes or removes one file, which has this mark if it is ours. May return a warning.
fn place(path: &Path, wanted: Option<String>, mark: &str) -> fsx::Result<Option<String>> {
    let is_ours = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(mark);
    let there = match fsx::read_if_there(path) {
        // It is not ours, and nothing is to be written there.
        Err(_) if wanted.is_none() => return Ok(None),
        there => there?,
    };
    match (there, wanted) {
        (None, None) => {}
        (Some(old), Some(new)) if old == new.as_bytes() => {}
        (Some(old), None) if !is_ours(&old) => {}
        (Some(old), Some(_)) if !is_ours(&old) => {
            let path = path.display();
            return Ok(Some(format!(
                "{path} was not written by pcamflow and is left as it is: move it away to get the table of the repeats"
            )));
        }
        (Some(_), None) => drop(fsx::remove_file(path)?),
        (_, Some(new)) => {
            fsx::create_folder(&fsx::parent(path))?;
            fsx::write_atomic(path, new.as_bytes(), Durability::Relaxed)?;
        }
    }
    Ok(None)
}

fn json(repeats: &[Repeated]) -> String {
    let text = serde_json::to_string_pretty(&Document { note: NOTE, repeats });
    text.expect("repeats are plain data with text keys") + "\n"
}

fn csv(repeats: &[Repeated]) -> String {
    let rows = repeats.iter().flat_map(|repeated| {
        repeated.numbers.iter().map(|number| row(&repeated.stage, &repeated.seeds, number))
    });
    HEADER.to_owned() + &rows.collect::<String>()
}

/// One line. Names must not contain commas or quotes. Stages' names do not, but numbers' names come from another
/// process.
fn row(stage: &str, seeds: &[u64], number: &Spread) -> String {
    let there = seeds.iter().zip(&number.values).filter(|(_, value)| value.is_some());
    let there: Vec<String> = there.map(|(seed, _)| seed.to_string()).collect();
    let cell = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    let [mean, sd, min, max] = [number.mean, number.sd, number.min, number.max].map(cell);
    let name = number.name.replace(['"', ',', '\n', '\r'], " ");
    format!("{stage},{name},{},{},{mean},{sd},{min},{max}\n", there.join(" "), number.n)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn repeated() -> Vec<Repeated> {
        let values = vec![Some(0.5), None, Some(0.25)];
        let (seeds, missing) = (vec![1, 2, 3], vec![2]);
        vec![Repeated {
            stage: "train.base".into(),
            seeds,
            missing,
            numbers: vec![Spread::of("loss", values)],
        }]
    }

    fn names(folder: &Path) -> Vec<String> {
        let names = fsx::list(folder).unwrap().into_iter().map(|name| name.to_string_lossy().into_owned());
        names.collect()
    }

    #[test]
    fn the_table_says_over_which_seeds() {
        let expected = "stage,number,seeds,n,mean,sd,min,max\n\
            train.base,loss,1 3,2,0.375,0.1767766952966369,0.25,0.5\n";
        assert_eq!(csv(&repeated()), expected);
        let json: serde_json::Value = serde_json::from_str(&json(&repeated())).unwrap();
        assert_eq!(json["repeats"][0]["missing"], serde_json::json!([2]));
        assert_eq!(json["repeats"][0]["numbers"][0]["values"], serde_json::json!([0.5, null, 0.25]));
    }

    #[test]
    fn files_come_stay_and_go() {
        let folder = tempfile::tempdir().unwrap();
        assert!(show(folder.path(), &[]).is_empty() && names(folder.path()).is_empty());
        assert!(show(folder.path(), &repeated()).is_empty());
        assert_eq!(names(folder.path()), ["repeats.csv", "repeats.json"]);
        let before = fsx::stat(&folder.path().join("repeats.json")).unwrap();
        assert!(show(folder.path(), &repeated()).is_empty());
        assert_eq!(
            fsx::stat(&folder.path().join("repeats.json")).unwrap(),
            before,
            "nothing new, nothing written"
        );
        assert!(show(folder.path(), &[]).is_empty() && names(folder.path()).is_empty());
    }

    #[test]
    fn a_folder_with_that_name_is_an_error_only_if_the_file_has_to_be_written() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("repeats.csv")).unwrap();
        assert!(show(folder.path(), &[]).is_empty());
        let told = show(folder.path(), &repeated());
        assert!(told.len() == 1 && told[0].contains("repeats.csv"), "{told:?}");
        assert!(folder.path().join("repeats.json").exists());
    }

    #[test]
    fn files_of_others_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["repeats.csv", "repeats.json"] {
            fs::write(folder.path().join(name), "mine").unwrap();
        }
        assert!(show(folder.path(), &[]).is_empty());
        let told = show(folder.path(), &repeated());
        assert!(told.len() == 2 && told[0].contains("repeats.csv was not written by pcamflow"), "{told:?}");
        for name in ["repeats.csv", "repeats.json"] {
            assert_eq!(fs::read_to_string(folder.path().join(name)).unwrap(), "mine");
        }
    }
}
