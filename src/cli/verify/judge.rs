//! Checks that a recomputed result is as its kind promises.

use std::path::PathBuf;

use anyhow::Result;

use crate::{
    engine::run::again::{Again, Conditions, Pair},
    inspect::compare::{Comparison, Nature, compare},
    stages::Equality,
    ui::verify::{JudgedArtifact, JudgedStage, Promise, Verdict},
};

/// Compares every artifact and checks it against the promise.
pub(super) fn judge(again: &Again, tolerance: f64, kept: Option<PathBuf>) -> Result<JudgedStage> {
    let [then, now] = &again.conditions;
    let promise = promise(again.equality, then, now);
    let one = |pair: &Pair| -> Result<JudgedArtifact> {
        let comparison =
            if pair.identical { None } else { Some(compare(&pair.stored, &pair.again, &pair.file)?) };
        let verdict =
            comparison.as_ref().map_or(Verdict::Identical, |found| verdict(promise, found, tolerance));
        Ok(JudgedArtifact { artifact: pair.name.clone(), file: pair.file.to_string(), verdict, comparison })
    };
    let artifacts = again.artifacts.iter().map(one).collect::<Result<Vec<_>>>()?;
    Ok(JudgedStage {
        stage: again.stage.clone(),
        as_promised: artifacts.iter().all(|artifact| artifact.verdict != Verdict::NotAsPromised),
        promise,
        tolerance,
        conditions: again.conditions.clone(),
        seconds: again.seconds,
        artifacts,
        kept: kept.map(|folder| folder.display().to_string()),
    })
}

/// What a kind promises about two results.
fn promise(equality: Equality, then: &Conditions, now: &Conditions) -> Promise {
    match equality {
        Equality::Bitwise => Promise::SameBytes,
        Equality::Realisation if then == now => Promise::SameBytes,
        Equality::Realisation => Promise::OneRealisation,
        Equality::Tolerance => Promise::WithinTolerance,
    }
}

fn verdict(promise: Promise, found: &Comparison, tolerance: f64) -> Verdict {
    match (promise, found.nature) {
        (Promise::SameBytes, _) => Verdict::NotAsPromised,
        (Promise::OneRealisation, _) | (Promise::WithinTolerance, Nature::Picture) => Verdict::MayDiffer,
        (Promise::WithinTolerance, Nature::Bytes) => Verdict::NotAsPromised,
        (Promise::WithinTolerance, Nature::Data) => {
            let near = found.parts.iter().all(|part| part.absolute <= tolerance * part.scale);
            if near && found.otherwise.is_empty() { Verdict::WithinTolerance } else { Verdict::NotAsPromised }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions(host: &str, threads: usize) -> Conditions {
        Conditions { host: host.to_owned(), device: "cpu".to_owned(), threads, versions: Default::default() }
    }

    fn found(name: &str, old: &str, new: &str) -> Comparison {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["old", "new"].map(|part| folder.path().join(part));
        std::fs::write(&paths[0], old).unwrap();
        std::fs::write(&paths[1], new).unwrap();
        compare(&paths[0], &paths[1], name).unwrap()
    }

    #[test]
    fn a_training_has_the_same_bytes_only_under_the_same_conditions() {
        let (here, there, other) = (conditions("a", 2), conditions("b", 2), conditions("a", 4));
        for (equality, now, expected) in [
            (Equality::Bitwise, &other, Promise::SameBytes),
            (Equality::Realisation, &here, Promise::SameBytes),
            (Equality::Realisation, &there, Promise::OneRealisation),
            (Equality::Realisation, &other, Promise::OneRealisation),
            (Equality::Tolerance, &here, Promise::WithinTolerance),
        ] {
            assert_eq!(promise(equality, &here, now), expected);
        }
    }

    #[test]
    fn numbers_are_compared_with_the_largest_and_texts_are_not_judged() {
        let near = found("a.json", "[100.0, 0.0]", "[100.0, 0.009]");
        let far = found("a.json", "[100.0, 0.0]", "[100.0, 0.011]");
        let other = found("a.json", "[1.0, \"a\"]", "[1.0, \"b\"]");
        let picture = found("a.txt", "0.5", "0.9");
        let bytes = found("a.bin", "a", "b");
        let judged = |found| verdict(Promise::WithinTolerance, found, 1e-4);
        assert_eq!(judged(&near), Verdict::WithinTolerance);
        assert_eq!(judged(&far), Verdict::NotAsPromised);
        assert_eq!(judged(&other), Verdict::NotAsPromised);
        assert_eq!(judged(&picture), Verdict::MayDiffer);
        assert_eq!(judged(&bytes), Verdict::NotAsPromised);
        assert_eq!(verdict(Promise::SameBytes, &near, 1e-4), Verdict::NotAsPromised);
        assert_eq!(verdict(Promise::OneRealisation, &far, 1e-4), Verdict::MayDiffer);
    }
}
