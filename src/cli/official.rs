//! Finds the official files of PatchCamelyon by their names, and checks whether they can be used.
//!
//! The check is the one that a run makes of its sources, in a separate process.

use std::path::{Path, PathBuf};

use super::worker::programs;
use crate::{
    engine::exec::{Executor, Processes},
    fsx,
    protocol::{About, Answer, Holds, InputFile, PatchFiles, Question},
    stages::Runner,
};

/// The parts, and the files of each.
const PARTS: [&str; 3] = ["train", "valid", "test"];
const FILES: [(Holds, &str); 4] =
    [(Holds::Images, "x.h5"), (Holds::Labels, "y.h5"), (Holds::Masks, "mask.h5"), (Holds::Meta, "meta.csv")];

/// The official files in a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// The folder that was searched, or one in it.
    pub(super) folder: PathBuf,
    /// The names of the files.
    pub(super) files: Vec<String>,
    /// The names of files that are still packed.
    pub(super) packed: Vec<String>,
}

/// The result of checking the files.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// The files that can be used.
    pub(super) sound: Found,
    /// The number of patches in the training part.
    pub(super) patches: u64,
    /// The problems of the others.
    pub(super) wrong: Vec<String>,
}

/// The name of an official file: `name("train", "x.h5")`.
pub(super) fn name(part: &str, what: &str) -> String {
    format!("camelyonpatch_level_2_split_{part}_{what}")
}

/// The official files in a folder. If it has none, those in the first folder below with most of them.
pub(super) fn found(folder: &Path) -> Found {
    let here = in_folder(folder);
    if !here.files.is_empty() || !here.packed.is_empty() {
        return here;
    }
    let below = fsx::list(folder).unwrap_or_default();
    let below = below.iter().map(|name| in_folder(&folder.join(name)));
    below.rev().max_by_key(|below| below.files.len()).filter(|below| !below.files.is_empty()).unwrap_or(here)
}

fn in_folder(folder: &Path) -> Found {
    let names = || PARTS.iter().flat_map(|part| FILES.map(|(_, what)| name(part, what)));
    let is_file = |name: &String| folder.join(name).is_file();
    Found {
        folder: folder.to_owned(),
        files: names().filter(is_file).collect(),
        packed: names().map(|name| name + ".gz").filter(is_file).collect(),
    }
}

impl Found {
    /// Whether a file exists.
    pub(super) fn has(&self, part: &str, what: &str) -> bool {
        self.files.contains(&name(part, what))
    }

    /// Whether the images and labels of a part exist.
    pub(super) fn has_pair(&self, part: &str) -> bool {
        self.has(part, "x.h5") && self.has(part, "y.h5")
    }

    /// Opens the files to check them.
    pub(super) fn checked(self) -> Checked {
        let questions = PARTS.map(|part| self.question(part)).to_vec();
        match Processes::new(programs(), false).check(Runner::Engine, questions) {
            Ok(answers) => {
                let patches = answers.first().and_then(|train| train.patches).unwrap_or(0);
                let mut checked = Checked { sound: self, patches, wrong: Vec::new() };
                PARTS.iter().zip(&answers).for_each(|(part, answer)| checked.remove_wrong(part, answer));
                checked
            }
            Err(failure) => Checked { wrong: vec![failure.message], ..Checked::default() },
        }
    }

    fn question(&self, part: &str) -> Question {
        let file = |(holds, what): (Holds, &str)| {
            let path = self.folder.join(name(part, what));
            let name = path.display().to_string();
            self.has(part, what).then_some((holds, InputFile { path, name }))
        };
        Question::Patches(PatchFiles {
            files: FILES.into_iter().filter_map(file).collect(),
            ..PatchFiles::default()
        })
    }
}

impl Checked {
    /// Removes the files that have problems.
    fn remove_wrong(&mut self, part: &str, answer: &Answer) {
        self.wrong.extend(answer.errors().map(str::to_owned));
        for (holds, what) in FILES {
            if answer.findings.iter().any(|finding| finding.about == About::File(holds)) {
                self.sound.files.retain(|file| *file != name(part, what));
            }
        }
    }
}
