//! `pcamflow sweep`: many trials of one pipeline as one run.

mod arguments;
mod record;
mod spec;

use super::{Exit, colour, complain, project::open_store, run::run_loaded};
use crate::pipeline::{self, Options, Pipeline, sweep::SweepSpec, swept};
use spec::{Said, said};

pub(super) use arguments::SweepArguments;
pub(super) use record::{Recorders, id_of};

/// Runs all trials, or shows what that would do.
pub(super) fn sweep(arguments: &SweepArguments) -> u8 {
    let run = &arguments.run;
    let said = match said(arguments) {
        Ok(said) => said,
        Err(wrong) => return refuse(&wrong),
    };
    let mut pipeline = match trials(arguments, said) {
        Ok(pipeline) => pipeline,
        Err(exit) => return exit.code(),
    };
    match open_store(&mut pipeline, run.store.as_ref()) {
        Ok(store) => run_loaded(run, &pipeline, &store),
        Err(exit) => exit.code(),
    }
}

/// The pipeline of all trials, or everything that is wrong with them.
fn trials(arguments: &SweepArguments, said: Said) -> Result<Pipeline, Exit> {
    let file = &arguments.run.pipeline.file;
    let options = Options { set: said.fixed.clone(), data: arguments.run.pipeline.data.clone() };
    let spec = match said.spec {
        Some(spec) => spec,
        None => of_file(arguments, &said.fixed_keys, &options)?,
    };
    swept(file, &spec, &options).map_err(|wrong| {
        let (text, count) = wrong.render(colour());
        complain(&text);
        complain(&format!("\n{}", super::check::told(count)));
        Exit::Usage
    })
}

/// What the file's `[sweep]` tries, with what the command line says of it.
fn of_file(arguments: &SweepArguments, fixed: &[String], options: &Options) -> Result<SweepSpec, Exit> {
    let loaded = pipeline::load(&arguments.run.pipeline.file, options);
    let pipeline = loaded.map_err(|invalid| {
        complain(&invalid.render(colour()));
        complain(&format!("\n{}", super::check::told(invalid.count())));
        Exit::Usage
    })?;
    let Some(mut spec) = pipeline.sweep else {
        let file = pipeline.file.display();
        let one = match fixed {
            [] => String::new(),
            keys => format!(": `{}` has one value", keys.join("`, `")),
        };
        refuse(&[format!(
            "there is nothing to try{one}: give values, as in --set train.base.epochs=4,8, or --from trials.csv, or write \
             a [sweep] table in {file}"
        )]);
        return Err(Exit::Usage);
    };
    spec.axes.retain(|axis| !fixed.contains(&axis.key));
    spec::override_trials(arguments, &mut spec).map_err(|wrong| {
        refuse(&[wrong]);
        Exit::Usage
    })?;
    Ok(spec)
}

fn refuse(wrong: &[String]) -> u8 {
    for wrong in wrong {
        complain(&format!("error: {wrong}"));
    }
    Exit::Usage.code()
}
