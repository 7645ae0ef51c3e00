//! `pcamflow sweep`: runs many trials of a pipeline as one run.

mod arguments;
mod record;
mod spec;

use super::{
    Error, Outcome, colour,
    project::{load, open_store},
    run::run_loaded,
};
use crate::pipeline::{Options, sweep::SweepSpec, swept};
use spec::read;

pub(super) use arguments::SweepArguments;
pub(super) use record::{Recorders, id_of};

/// Runs all trials, or shows what that would do.
pub(super) fn sweep(arguments: &SweepArguments) -> Outcome {
    let project = &arguments.run.project;
    let given = read(arguments).map_err(|wrong| Error::usage(wrong.join("\n")))?;
    let spec = match given.spec {
        Some(spec) => spec,
        None => spec_of_file(arguments, &given.fixed, &given.fixed_keys)?,
    };
    let options = Options { set: given.fixed, ..project.pipeline.options() };
    let trials = swept(&project.pipeline.file, &spec, &options);
    let mut pipeline = trials.map_err(|wrong| Error::problems(wrong.render(colour())))?;
    let store = open_store(&mut pipeline, project.store.as_deref())?;
    run_loaded(&arguments.run, &pipeline, &store)
}

/// The sweep of the file, changed by the command line.
fn spec_of_file(arguments: &SweepArguments, fixed: &[String], keys: &[String]) -> Result<SweepSpec, Error> {
    let mut of = arguments.run.project.pipeline.clone();
    of.set = fixed.to_vec();
    let pipeline = load(&of)?;
    let Some(mut spec) = pipeline.sweep else {
        let one = match keys {
            [] => String::new(),
            keys => format!(": `{}` has one value", keys.join("`, `")),
        };
        return Err(Error::usage(format!(
            "there is nothing to try{one}: give values, as in --set train.base.epochs=4,8, or --from trials.csv, or \
             write a [sweep] table in {}",
            pipeline.file.display()
        )));
    };
    spec.axes.retain(|axis| !keys.contains(&axis.key));
    spec::override_trials(arguments, &mut spec).map_err(Error::usage)?;
    Ok(spec)
}
