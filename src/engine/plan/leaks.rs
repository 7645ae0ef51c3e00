//! Patches that a stage reads where they were learnt from, and files that do not belong together.
//!
//! Goes by what is known before anything is computed: digests of source files, which parts of which split are
//! read, names of files. Decides nothing else, and opens nothing.

use crate::{
    digest::Digest,
    engine::plan::known::Known,
    pipeline::{FileOfUser, Pipeline, Source, StageNode},
    stages::Kind,
};

/// Something that a stage reads and should not.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::engine) enum Leak {
    /// This is surely a mistake.
    Error(String),
    /// The stage, and what its user should know.
    Warning(String, String),
}

/// How two sets of patches stand to each other.
#[derive(Debug, PartialEq, Eq)]
enum Relation {
    Apart,
    Same,
    /// One is drawn from the other, or both from the same, independently.
    Overlap,
}

/// Where bytes come from.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Identity<'a> {
    File(Digest),
    Artifact(usize, &'a str),
}

struct Leaks<'a> {
    pipeline: &'a Pipeline,
    known: &'a Known,
    found: Vec<Leak>,
}

/// Looks through the stages in scope; tells each leak once, also of stages that are repeated.
pub(in crate::engine) fn leaks(pipeline: &Pipeline, order: &[usize], known: &Known) -> Vec<Leak> {
    let mut leaks = Leaks { pipeline, known, found: Vec::new() };
    for &stage in order {
        let node = &pipeline.stages[stage];
        match node.name.kind {
            Kind::Train | Kind::ResumeTrain => leaks.of_training(stage, node),
            Kind::Evaluate => leaks.of_evaluation(stage, node),
            Kind::Split
            | Kind::Explain
            | Kind::Metrics
            | Kind::Sanity
            | Kind::Preview
            | Kind::Synthesize
            | Kind::Command => {}
        }
        leaks.mixed_parts(node);
    }
    leaks.found
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
        self.learnt_from(stage, node, "validation patches", validation);
    }

    fn of_evaluation(&mut self, stage: usize, node: &'a StageNode) {
        let Some(asked) = images(node, "images") else { return };
        self.learnt_from(stage, node, "`images`", asked);
        let Some(validation) = images(node, "validation") else { return };
        match self.relation(asked, validation) {
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
            Relation::Apart => self.learnt_from(stage, node, "`validation`", validation),
        }
    }

    /// Warns if patches are among those that the model behind a stage learnt from.
    fn learnt_from(&mut self, stage: usize, node: &'a StageNode, what: &str, asked: &'a Source) {
        let mut teachers = Vec::new();
        self.teachers(stage, &mut teachers);
        for teacher in teachers.into_iter().filter(|teacher| *teacher != stage) {
            let maker = &self.pipeline.stages[teacher];
            let Some(learnt) = images(maker, "data.train") else { continue };
            let name = maker.name.written();
            match self.relation(asked, learnt) {
                Relation::Apart => {}
                Relation::Same => self.warn(
                    node,
                    format!(
                        "{what}: `{name}` was trained on these patches: the numbers say what it \
                         remembers, not how well it judges others"
                    ),
                ),
                Relation::Overlap => self.warn(
                    node,
                    format!(
                        "{what}: `{name}` was probably trained on some of these patches, because \
                         both come from the same file: take another part of the same split"
                    ),
                ),
            }
        }
    }

    /// The trainings behind the model that a stage reads, the last one first.
    fn teachers(&self, stage: usize, found: &mut Vec<usize>) {
        for input in &self.pipeline.stages[stage].inputs {
            if let ("model" | "weights" | "from", Source::Artifact { stage: maker, .. }) =
                (input.slot.as_str(), &input.source)
                && !found.contains(maker)
            {
                found.push(*maker);
                self.teachers(*maker, found);
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
            (Some((one, part)), Some((other, of))) if self.same_split(one, other) => {
                if part == of {
                    Relation::Same
                } else {
                    Relation::Apart
                }
            }
            _ => Relation::Overlap,
        }
    }

    /// The split that a source is a part of, and which part.
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

    /// What a source is drawn from: of a part of a split the images that were split.
    fn pool(&self, source: &'a Source) -> Option<Identity<'a>> {
        let split = self.part(source).and_then(|(split, _)| images(&self.pipeline.stages[split], "images"));
        self.identity(split.unwrap_or(source))
    }

    fn identity(&self, source: &'a Source) -> Option<Identity<'a>> {
        match source {
            Source::Artifact { stage, artifact } => Some(Identity::Artifact(*stage, artifact)),
            Source::File(user) => {
                user.file.blake3.or_else(|| self.known.digest(&user.path)).map(Identity::File)
            }
        }
    }

    /// Warns of files that stand side by side although their names say that they are of different parts.
    fn mixed_parts(&mut self, node: &'a StageNode) {
        let files = |group: &str| {
            let named = node.inputs.iter().filter(move |input| match group {
                "" => ["images", "labels", "images.x", "images.y", "masks", "meta"]
                    .contains(&input.slot.as_str()),
                group => input.slot.strip_prefix(group).is_some_and(|rest| [".x", ".y"].contains(&rest)),
            });
            let files = named.filter_map(|input| match &input.source {
                Source::File(user) => Some(&**user),
                Source::Artifact { .. } => None,
            });
            files.collect::<Vec<&FileOfUser>>()
        };
        if node.inputs.iter().filter(|input| matches!(input.source, Source::File(_))).count() < 2 {
            return;
        }
        for group in ["", "data.train", "data.validation", "validation"] {
            let files = files(group);
            let parts = files.iter().filter_map(|file| Some((file, part(&file.file.path)?)));
            let parts: Vec<_> = parts.collect();
            if let Some((first, of)) = parts.first()
                && let Some((other, _)) = parts.iter().find(|(_, other)| other != of)
            {
                let text = format!(
                    "{} and {} stand side by side ({}), but their names say that they are of different parts",
                    first.file.path, other.file.path, other.place
                );
                // Stages that inherit the files have nothing of their own to say.
                let is_told = |leak: &Leak| matches!(leak, Leak::Warning(_, told) if *told == text);
                if !self.found.iter().any(is_told) {
                    self.warn(node, text);
                }
            }
        }
    }

    fn error(&mut self, node: &StageNode, source: &Source, what: &str) {
        let place = match source {
            Source::File(user) => user.place.clone(),
            Source::Artifact { .. } => node.name.written().to_string(),
        };
        self.add(Leak::Error(format!("{place}: {what}")));
    }

    fn warn(&mut self, node: &StageNode, text: String) {
        self.add(Leak::Warning(node.name.written().to_string(), text));
    }

    fn add(&mut self, leak: Leak) {
        if !self.found.contains(&leak) {
            self.found.push(leak);
        }
    }
}

/// The patches under a slot: a part of a split, or the images of a pair.
fn images<'a>(node: &'a StageNode, slot: &str) -> Option<&'a Source> {
    let pair = format!("{slot}.x");
    let found = node.inputs.iter().find(|input| input.slot == slot || input.slot == pair);
    found.map(|input| &input.source)
}

/// The part that the name of a file speaks of, as the official ones do: `..._split_test_x.h5`.
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
    fn a_name_speaks_of_one_part_or_of_none() {
        assert_eq!(part("data/camelyonpatch_level_2_split_valid_y.h5"), Some("valid"));
        assert_eq!(part("Test.h5"), Some("test"));
        assert_eq!((part("latest_x.h5"), part("train_test_x.h5"), part("train/x.h5")), (None, None, None));
    }
}
