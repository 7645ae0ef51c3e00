//! How long a stage may take: as long as the last time, in proportion to the epochs that it trains.
//!
//! Knows which kinds have epochs; knows no clock.

use crate::{stages::AnyStage, store::ActionRecord};

/// The seconds that a stage may take, by the record of its last result.
pub(in crate::engine) fn expected(stage: &AnyStage, last: &ActionRecord) -> f64 {
    let before = last.lines.get("parameter epochs").and_then(|epochs| epochs.parse::<u32>().ok());
    last.made.seconds * share(epochs(stage), before)
}

/// How much longer the stage trains than the last time; 1 if that is not known.
fn share(now: Option<u32>, before: Option<u32>) -> f64 {
    match (now, before) {
        (Some(now), Some(before)) if before > 0 => f64::from(now) / f64::from(before),
        _ => 1.0,
    }
}

fn epochs(stage: &AnyStage) -> Option<u32> {
    match stage {
        AnyStage::Train(stage) => Some(stage.epochs),
        AnyStage::ResumeTrain(stage) => Some(stage.epochs),
        AnyStage::Synthesize(_)
        | AnyStage::Split(_)
        | AnyStage::Evaluate(_)
        | AnyStage::Explain(_)
        | AnyStage::Metrics(_)
        | AnyStage::Sanity(_)
        | AnyStage::Preview(_)
        | AnyStage::Command(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twice_the_epochs_take_twice_as_long() {
        assert!((share(Some(8), Some(4)) - 2.0).abs() < 1e-12);
        for (now, before) in [(None, Some(4)), (Some(8), None), (Some(8), Some(0))] {
            assert!((share(now, before) - 1.0).abs() < 1e-12);
        }
    }
}
