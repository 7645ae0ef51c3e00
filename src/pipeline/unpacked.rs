//! Packed files: a stage that reads `x.h5.gz` where `x.h5` is due reads an `unpack` stage, which is added here.
//!
//! Keys are made of the unpacked content, so they are those of the plain file.

use toml::{Spanned, de::DeTable};

use super::read::ReadStage;
use crate::stages::{AnyStage, Kind, Origin, SourceFile, StageName, unpack::Unpack};

/// Adds a stage for each packed file that a stage reads.
pub(super) fn add(stages: &mut Vec<ReadStage<'_>>) {
    for at in 0..stages.len() {
        let readers = stages[at].stage.iter().filter(|stage| reads_unpacked(stage.kind()));
        for input in readers.flat_map(AnyStage::inputs).collect::<Vec<_>>() {
            let Origin::File(file) = &input.from else { continue };
            let Some(unpack) = Unpack::of(file).filter(|_| find(stages, file).is_none()) else { continue };
            let name =
                StageName { kind: Kind::Unpack, name: free(stages, &unpack), repeat: None, trial: None };
            let table = Spanned::new(stages[at].place(&input), DeTable::new());
            let stage = Some(AnyStage::Unpack(Box::new(unpack)));
            stages.push(ReadStage { name, stage, table, seeds: None });
        }
    }
}

/// The stage that unpacks a file for a stage of some kind.
pub(super) fn stage_for(stages: &[ReadStage<'_>], reader: Kind, file: &SourceFile) -> Option<usize> {
    Unpack::of(file).filter(|_| reads_unpacked(reader)).and_then(|_| find(stages, file))
}

/// Whether a kind reads the formats that pcamflow knows. Programs, archives of pictures and `unpack` take a file as it is.
fn reads_unpacked(kind: Kind) -> bool {
    match kind {
        Kind::Command | Kind::Import | Kind::Fetch | Kind::Unpack => false,
        Kind::Synthesize
        | Kind::Split
        | Kind::Train
        | Kind::ResumeTrain
        | Kind::Evaluate
        | Kind::Explain
        | Kind::Metrics
        | Kind::Sanity
        | Kind::Preview => true,
    }
}

fn find(stages: &[ReadStage<'_>], file: &SourceFile) -> Option<usize> {
    stages.iter().position(|read| match &read.stage {
        Some(AnyStage::Unpack(unpack)) => unpack.file == *file,
        _ => false,
    })
}

/// A name that no other stage has: that of the file, as far as a stage can have it.
fn free(stages: &[ReadStage<'_>], unpack: &Unpack) -> String {
    let letter = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    let stem: String = unpack.stem().chars().map(|it| if letter(it) { it } else { '-' }).collect();
    let stem = if stem.is_empty() { "file".to_owned() } else { stem };
    let taken =
        |name: &String| stages.iter().any(|read| read.name.kind == Kind::Unpack && read.name.name == *name);
    let numbered = (2..).map(|number: usize| format!("{stem}-{number}"));
    std::iter::once(stem.clone()).chain(numbered).find(|name| !taken(name)).unwrap_or_default()
}
