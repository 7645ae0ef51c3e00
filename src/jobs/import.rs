//! Computes `import`, and warns of what is odd in the pictures.

use anyhow::{Context, Result};

use super::outcome::on_cpu;
use crate::{
    data::{
        Source,
        import::{Classes, ImportRequest, Table, import},
    },
    protocol::{Outcome, Task},
    serve::Reporter,
    side::Side,
    stages::import::{BadImages, Contradictions, Import, groups},
};

pub(super) fn run(stage: &Import, task: &Task, reporter: &dyn Reporter) -> Result<Outcome> {
    let source = |slot: &str| task.inputs.get(slot).map(|input| Source::new(&input.path, &input.name));
    let columns = &stage.columns;
    let table = source("labels")
        .map(|labels| Table::read(&labels, &columns.id, &columns.label, columns.group.as_deref()))
        .transpose()?;
    let pattern = stage.group_pattern.as_deref().map(groups).transpose().map_err(anyhow::Error::msg)?;
    let request = ImportRequest {
        images: source("images").context("the task has no images")?,
        classes: Classes { words: stage.class_words.clone(), table, pattern },
        side: stage.side.and_then(|side| Side::new(side as usize)),
        drop: stage.bad_images == BadImages::Drop,
        keep_contradictions: stage.contradictions == Contradictions::Keep,
        folder: task.staging.clone(),
    };
    let threads = rayon::ThreadPoolBuilder::new().num_threads(task.resources.threads).build()?;
    let progress = &mut |done, total| reporter.progress(done, total, "pictures", "");
    let report = threads.install(|| import(&request, progress))?;
    report.warnings.iter().for_each(|text| reporter.warn(text));
    Ok(on_cpu([
        ("patches", report.patches),
        ("positives", report.class_1),
        ("side", report.side),
        ("dropped", report.dropped.len() as u64),
        ("duplicates", report.duplicates),
    ]))
}
