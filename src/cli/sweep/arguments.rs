//! The arguments of `pcamflow sweep`.

use std::path::PathBuf;

use clap::Args;

use crate::cli::args::RunArguments;

/// The trials to run.
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
pub(in crate::cli) struct SweepArguments {
    /// How to run them.
    #[command(flatten)]
    pub(super) run: RunArguments,
    /// Combine the first values of all lists, then the second ones, instead of trying every combination
    #[arg(long, conflicts_with_all = ["random", "from"])]
    pub(super) zip: bool,
    /// Draw N random trials instead of trying every combination
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "from")]
    pub(super) random: Option<u32>,
    /// The seed of --random [default: 42]
    #[arg(long, value_name = "SEED", requires = "random")]
    pub(super) seed: Option<u64>,
    /// A CSV file with one trial per row and the keys in its header
    #[arg(long, value_name = "FILE")]
    pub(super) from: Option<PathBuf>,
}
