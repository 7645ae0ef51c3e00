//! Finds patches that a model is both trained and measured on, and files that do not belong together.
//!
//! Uses what is known before anything is computed: digests of source files, the parts of splits that are read, names
//! of files. Opens nothing.

use std::collections::BTreeMap;

use crate::{
    engine::plan::{known::Known, remarks::Remarks, why::source},
    pipeline::{FileOfUser, Pipeline, Source, StageNode},
    stages::Kind,
};

/// How two sets of patches are related.
#[derive(Debug, PartialEq, Eq)]
enum Relation {
    Apart,
    Same,
    /// One is drawn from the other, or both are drawn from the same file, independently.
    Overlap,
}

struct Leaks<'a> {
    pipeline: &'a Pipeline,
    known: &'a Known,
    remarks: Remarks,
}

/// Looks through the stages in scope.
pub(in crate::engine) fn leaks(pipeline: &Pipeline, order: &[usize], known: &Known) -> Remarks {
    let mut leaks = Leaks { pipeline, known, remarks: Remarks::default() };
    // Stages that inherit files repeat what their makers were warned of.
    let mut mixed = Vec::new();
    for &stage in order {
        let node = &pipeline.stages[stage];
        if matches!(node.name.kind, Kind::Train | Kind::ResumeTrain) {
            leaks.of_training(stage, node);
        } else if node.name.kind == Kind::Evaluate {
            leaks.of_evaluation(stage, node);
        }
        for text in mixed_parts(node) {
            if !mixed.contains(&text) {
                leaks.warn(node, text.clone());
                mixed.push(text);
            }
        }
    }
    leaks.remarks
}

impl<'a> Leaks<'a> {
    fn of_training(&mut self, stage: usize, node: &'a StageNode) {
        let Some(validation) = images(node, "data.validation") else { return };
        if let Some(train) = images(node, "data.train")
            && self.relation(train, validation) == Relation::Same
        {
            let what = "`data`: training and validation patches are the same file: the best epoch would be the \
                        one that remembers most; name other patches for `validation`";
            return self.error(node, train, what);
        }
        self.trained_on(stage, node, "validation patches", validation);
    }

    fn of_evaluation(&mut self, stage: usize, node: &'a StageNode) {
        let Some(measured) = images(node, "images") else { return };
        self.trained_on(stage, node, "`images`", measured);
        let Some(validation) = images(node, "validation") else { return };
        match self.relation(measured, validation) {
            Relation::Same => self.error(
                node,
                validation,
                "`validation` must be other patches than `images`: a threshold is not measured on the patches \
                 that it was chosen on",
            ),
            Relation::Overlap => {
                let shared = "`images` and `validation` are drawn from the same file: patches may be in both";
                self.warn(node, shared.to_owned());
            }
            Relation::Apart => self.trained_on(stage, node, "`validation`", validation),
        }
    }

    /// Warns if patches are among those that the model of a stage was trained on.
    fn trained_on(&mut self, stage: usize, node: &'a StageNode, what: &str, measured: &'a Source) {
        let mut trainings = Vec::new();
        self.trainings(stage, &mut trainings);
        for training in trainings.into_iter().filter(|training| *training != stage) {
            let maker = &self.pipeline.stages[training];
            let Some(learnt) = images(maker, "data.train") else { continue };
            let name = maker.name.written();
            let text = match self.relation(measured, learnt) {
                Relation::Apart => continue,
                Relation::Same => format!(
                    "{what}: `{name}` was trained on these patches: the numbers say what it remembers, not how \
                     well it judges others"
                ),
                Relation::Overlap => format!(
                    "{what}: `{name}` was probably trained on some of these patches, because both come from the \
                     same file: take another part of the same split"
                ),
            };
            self.warn(node, text);
        }
    }

    /// The trainings of the model that a stage reads, the last one first.
    fn trainings(&self, stage: usize, found: &mut Vec<usize>) {
        for input in &self.pipeline.stages[stage].inputs {
            if let ("model" | "weights" | "from", Source::Artifact { stage: maker, .. }) =
                (input.slot.as_str(), &input.source)
                && !found.contains(maker)
            {
                found.push(*maker);
                self.trainings(*maker, found);
            }
        }
    }

    fn relation(&self, one: &'a Source, other: &'a Source) -> Relation {
        let (Some(of_one), Some(of_other)) = (self.identity(one), self.identity(other)) else {
            return Relation::Apart;
        };
        if of_one == of_other {
            return Relation::Same;
        }
        if self.pool(one) != self.pool(other) {
            return Relation::Apart;
        }
        match (self.part(one), self.part(other)) {
            (Some((one, part)), Some((other, of_other))) if self.same_split(one, other) => {
                if part == of_other { Relation::Same } else { Relation::Apart }
            }
            _ => Relation::Overlap,
        }
    }

    /// The split that a source is a part of, and which part it is.
    fn part(&self, source: &'a Source) -> Option<(usize, &'a str)> {
        match source {
            Source::Artifact { stage, artifact } if self.pipeline.stages[*stage].name.kind == Kind::Split => {
                Some((*stage, artifact))
            }
            Source::Artifact { .. } | Source::File(_) => None,
        }
    }

    /// Whether two splits draw the same rows.
    fn same_split(&self, one: usize, other: usize) -> bool {
        let semantic = |stage: usize| self.pipeline.stages[stage].stage.semantic();
        one == other || semantic(one) == semantic(other)
    }

    /// What a source is drawn from: for a part of a split, the images that were split.
    fn pool(&self, source: &'a Source) -> Option<String> {
        let split = self.part(source).and_then(|(split, _)| images(&self.pipeline.stages[split], "images"));
        self.identity(split.unwrap_or(source))
    }

    /// The name of an artifact, or the digest of a file.
    fn identity(&self, from: &Source) -> Option<String> {
        match from {
            Source::Artifact { .. } => Some(source(self.pipeline, from)),
            Source::File(user) => {
                user.file.blake3.or_else(|| self.known.digest(&user.path)).map(|digest| digest.hex())
            }
        }
    }

    fn error(&mut self, node: &StageNode, source: &Source, what: &str) {
        let place = match source {
            Source::File(user) => user.place.clone(),
            Source::Artifact { .. } => node.name.written().to_string(),
        };
        self.remarks.error(format!("{place}: {what}"));
    }

    fn warn(&mut self, node: &StageNode, text: String) {
        self.remarks.warn(node.name.written().to_string(), text);
    }
}

/// Warnings about files that are used together although they belong to different parts, as their names say.
fn mixed_parts(node: &StageNode) -> Vec<String> {
    let mut groups: BTreeMap<&str, Vec<(&FileOfUser, &str)>> = BTreeMap::new();
    for input in &node.inputs {
        if let Source::File(user) = &input.source
            && let Some(group) = group(&input.slot)
            && let Some(part) = part(&user.file.path)
        {
            groups.entry(group).or_default().push((user, part));
        }
    }
    let mixed = groups.values().filter_map(|files| {
        let (first, part) = files.first()?;
        let (other, _) = files.iter().find(|(_, other)| other != part)?;
        Some(format!(
            "{} and {} stand side by side ({}), but their names say that they are of different parts",
            first.file.path, other.file.path, other.place
        ))
    });
    mixed.collect()
}

/// The patches that a slot belongs to.
fn group(slot: &str) -> Option<&str> {
    match slot.strip_suffix(".x").or_else(|| slot.strip_suffix(".y")).unwrap_or(slot) {
        "images" | "labels" | "masks" | "meta" => Some("images"),
        group @ ("data.train" | "data.validation" | "validation") => Some(group),
        _ => None,
    }
}

/// The patches in a slot: a part of a split, or the images of a pair.
fn images<'a>(node: &'a StageNode, slot: &str) -> Option<&'a Source> {
    let pair = format!("{slot}.x");
    let found = node.inputs.iter().find(|input| input.slot == slot || input.slot == pair);
    found.map(|input| &input.source)
}

/// The part that a file holds according to its name, as in the official files: `..._split_test_x.h5`.
fn part(path: &str) -> Option<&'static str> {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let mut words =
        name.split(|letter: char| !letter.is_ascii_alphanumeric()).filter_map(|word| match word {
            "train" | "training" => Some("train"),
            "valid" | "val" | "validation" => Some("valid"),
            "test" => Some("test"),
            _ => None,
        });
    words.next().filter(|first| words.all(|other| other == *first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_of_a_file_is_read_from_its_name() {
        assert_eq!(part("data/camelyonpatch_level_2_split_valid_y.h5"), Some("valid"));
        assert_eq!(part("Test.h5"), Some("test"));
        assert_eq!((part("latest_x.h5"), part("train_test_x.h5"), part("train/x.h5")), (None, None, None));
    }
}
