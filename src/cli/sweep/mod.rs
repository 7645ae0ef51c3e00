//! `pcamflow sweep`: many trials of one pipeline as one run.

mod record;
mod spec;

use std::path::PathBuf;

use clap::Args;

use super::{Exit, args::RunArguments, colour, complain, project::open_store, run::run_loaded};
use crate::pipeline::{self, Options, Pipeline, sweep::SweepSpec, swept};
use spec::{Said, said};

pub(super) use record::{Recorders, id_of};

/// What to try.
#[derive(Debug, Args)]
#[command(
    mut_arg("set", |set| set.value_name("KEY=VALUES").help(
        "Try these values: kind.name.key=1e-4,3e-4,1e-3 (several --set are combined). A single value is \
         set in all trials. With --random, ranges work too: key=1..8, key=log:1e-5..1e-2"
    )),
    mut_arg("stages", |stages| stages.help(
        "Only these stages of each trial and what they need (`kind.name`; `*` matches any text)"
    )),
    after_help = "\
Give the values on the command line, in a CSV file, or in the pipeline file as [sweep]:
  pcamflow sweep p.toml --set train.base.batch-size=64,128 --set train.base.epochs=4,8
  pcamflow sweep p.toml --set train.base.batch-size=64,128 --set train.base.epochs=8,4 --zip
  pcamflow sweep p.toml --set train.base.optimizer.adam.learning-rate=log:1e-5..1e-2 --random 20
  pcamflow sweep p.toml --from trials.csv
The CSV file has one trial per row. Its header has the keys, and a column `name` names the trials.

Commas outside brackets, braces and quotes separate values. Each value is written as for
`run --set`: key=[8,16] is one value (a list), and key=[8,16],[16,32] is two.

A stage that is the same in several trials runs once. A failed trial does not stop the others. If
you stop a sweep and start it again, it continues where it was.
Results are in out/<pipeline>/trials/<trial>/."
)]
pub(super) struct SweepArguments {
    /// How to run it.
    #[command(flatten)]
    run: RunArguments,
    /// Combine the first values of all lists, then the second ones, instead of trying every combination
    #[arg(long, conflicts_with_all = ["random", "from"])]
    zip: bool,
    /// Draw N random trials instead of trying every combination
    #[arg(long, value_name = "N", value_parser = super::args::at_least_one, conflicts_with = "from")]
    random: Option<u32>,
    /// The seed of --random [default: 42]
    #[arg(long, value_name = "SEED", conflicts_with = "from")]
    seed: Option<u64>,
    /// A CSV file with one trial per row and the keys in its header
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
}

/// Runs all trials, or shows what that would do.
pub(super) fn sweep(arguments: &SweepArguments) -> u8 {
    let run = &arguments.run;
    let said = match said(arguments) {
        Ok(said) => said,
        Err(wrong) => return refuse(&wrong),
    };
    let pipeline = match trials(arguments, said) {
        Ok(pipeline) => pipeline,
        Err(exit) => return exit.code(),
    };
    match open_store(&pipeline, run.store.as_ref()) {
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
