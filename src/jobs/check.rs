//! Checks source files of patches before a run, with the code that reads them later.
//!
//! Runs in a child process of the engine, so that a file that crashes the HDF5 library does not end the run.

use anyhow::{Result, anyhow};

use super::fetch;
use crate::{
    data::{
        Source,
        h5::{H5File, Length, Rows, read_labels},
        meta, patch_set,
    },
    protocol::{About, Answer, Finding, Holds, InputFile, PatchFiles, Question, Severity},
};

/// Answers questions about files of patches.
#[must_use]
pub fn check(questions: &[Question]) -> Vec<Answer> {
    let answer = |question: &Question| match question {
        Question::Patches(files) => patches(files),
        Question::Downloads(downloads) => fetch::check(downloads),
        // The worker checks weights.
        Question::Weights(_) => Answer { patches: None, findings: Vec::new() },
    };
    questions.iter().map(answer).collect()
}

/// The results so far.
#[derive(Default)]
struct Found {
    labels: Option<Vec<u8>>,
    rows: Option<usize>,
    findings: Vec<Finding>,
}

fn patches(asked: &PatchFiles) -> Answer {
    let mut found = Found::default();
    for (&holds, file) in &asked.files {
        let source = Source::new(&file.path, &file.name);
        let result = match holds {
            Holds::Images => images(&source).map(|rows| found.rows = Some(rows)),
            Holds::Labels => found.read_labels(asked, &source),
            Holds::Masks => {
                masks(&source).and_then(|masks| found.check_length(asked, &source, masks, "masks"))
            }
            Holds::Meta => found.table(asked, &source),
        };
        let about =
            if holds == Holds::Meta && asked.column.is_some() { About::Column } else { About::File(holds) };
        found.findings.extend(result.err().map(|error| wrong(about, format!("{error:#}"))));
    }
    found.check_classes(asked);
    found.check_count(asked);
    Answer { patches: found.rows.map(|rows| rows as u64), findings: found.findings }
}

impl Found {
    fn read_labels(&mut self, asked: &PatchFiles, source: &Source) -> Result<()> {
        let labels = read_labels(&H5File::open(source)?, "y", Length::Any)?;
        self.check_length(asked, source, labels.len(), "labels")?;
        self.labels = Some(labels);
        Ok(())
    }

    /// Checks that a file has as many entries as the images.
    fn check_length(&self, asked: &PatchFiles, source: &Source, count: usize, unit: &str) -> Result<()> {
        match (self.rows, asked.files.get(&Holds::Images)) {
            (Some(rows), Some(images)) if rows != count => Err(anyhow!(patch_set::differ(
                &Source::new(&images.path, &images.name),
                rows,
                source,
                count,
                unit
            ))),
            _ => Ok(()),
        }
    }

    /// Reads the whole table if the labels are known, which is fast; else only its header.
    fn table(&self, asked: &PatchFiles, source: &Source) -> Result<()> {
        match (&asked.column, &self.labels) {
            (Some(column), Some(labels)) => meta::read_groups(source, column, labels).map(drop),
            (Some(column), None) => meta::require_column(source, column),
            (None, _) => meta::has_column(source, meta::SLIDE_COLUMN).map(drop),
        }
    }

    fn check_classes(&mut self, asked: &PatchFiles) {
        let (Some(severity), Some(labels)) = (asked.one_class, &self.labels) else { return };
        if let Some((file, class)) = asked.files.get(&Holds::Labels).zip(patch_set::only_class(labels)) {
            let message = format!("{}: all {} labels are {class}: {ONE_CLASS}", file.name, labels.len());
            self.findings.push(Finding { about: About::File(Holds::Labels), severity, message });
        }
    }

    fn check_count(&mut self, asked: &PatchFiles) {
        let images = asked.files.get(&Holds::Images).or_else(|| asked.files.get(&Holds::Labels));
        let count = self.rows.or(self.labels.as_ref().map(Vec::len));
        if let (Some(InputFile { name, .. }), Some(rows)) = (images, count)
            && asked.patches > rows as u64
        {
            let message = format!("{} patches are asked for, but {name} has only {rows}", asked.patches);
            self.findings.push(wrong(About::Count, message));
        }
    }
}

/// Why patches of one class are not enough.
const ONE_CLASS: &str = "patches of both classes are needed to learn, or measure, a difference";

fn images(source: &Source) -> Result<usize> {
    Ok(Rows::patches(&H5File::open(source)?)?.len())
}

fn masks(source: &Source) -> Result<usize> {
    Ok(Rows::masks(&H5File::open(source)?, Length::Any)?.len())
}

fn wrong(about: About, message: String) -> Finding {
    Finding { about, severity: Severity::Error, message }
}
