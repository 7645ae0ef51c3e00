//! The frames of the patches on the page: the centre box of the pipeline.

use crate::{
    html::Frame,
    pipeline::Pipeline,
    side::Side,
    stages::{AnyStage, CentreBox},
};

/// The frame of patches of this side: that of the first stage that has a centre box. All inherit it from `[pipeline]`.
pub(super) fn frame(pipeline: &Pipeline, side: Side) -> Frame {
    let of_stage = pipeline.stages.iter().find_map(|node| centre_box(&node.stage));
    Frame { side: side.get(), centre_box: of_stage.unwrap_or_default().of(side) }
}

fn centre_box(stage: &AnyStage) -> Option<CentreBox> {
    match stage {
        AnyStage::Explain(stage) => Some(stage.centre_box),
        AnyStage::Metrics(stage) => Some(stage.centre_box),
        AnyStage::Sanity(stage) => Some(stage.centre_box),
        AnyStage::Preview(stage) => Some(stage.centre_box),
        AnyStage::Synthesize(_)
        | AnyStage::Unpack(_)
        | AnyStage::Fetch(_)
        | AnyStage::Import(_)
        | AnyStage::Split(_)
        | AnyStage::Train(_)
        | AnyStage::ResumeTrain(_)
        | AnyStage::Evaluate(_)
        | AnyStage::Command(_) => None,
    }
}
