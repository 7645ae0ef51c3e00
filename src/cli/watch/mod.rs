//! `pcamflow watch`: runs a pipeline, waits for a change of its files or sources, and runs it again.

mod changes;
mod snapshot;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{
    Error, Exit, Outcome,
    args::RunArguments,
    complain, page,
    project::open_store,
    run::{mode, run_until},
    signals::on_signals,
};
use crate::{
    pipeline::{self, Invalid, Pipeline, Source},
    ui,
};
use changes::wait;
use snapshot::Snapshot;

/// The pipeline to watch, and how to run it.
#[derive(Debug, Args)]
#[command(after_help = "\
Runs the pipeline, and runs it again whenever its file, a file that it extends, or a source
changes. If a file has mistakes, they are reported, and `watch` waits for the next change. Only what
changed is computed. Ctrl-C ends it.")]
pub(super) struct WatchArguments {
    /// How to run it.
    #[command(flatten)]
    run: RunArguments,
    /// What to do when something changes during a run
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    on_edit: OnEdit,
}

/// What to do when something changes during a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum OnEdit {
    /// Finish the run, then run again. A stage whose source changes while it runs is computed again
    #[default]
    Finish,
    /// Stop the run, keep what it has finished, and run again
    Cancel,
}

/// Runs the pipeline again and again, until a signal ends it.
pub(super) fn watch(arguments: &WatchArguments) -> Outcome {
    page::check_writable(arguments.run.summary.as_deref())?;
    let signals = Arc::new(Signals::default());
    let handler = Arc::clone(&signals);
    on_signals(move || handler.stop());
    let mut paths = BTreeSet::from([arguments.run.project.pipeline.file.clone()]);
    while !signals.stopped() {
        let (before, loaded) = load(arguments, &mut paths);
        let outcome = match loaded {
            Ok(mut pipeline) => run(arguments, &mut pipeline, &before, &paths, &signals),
            Err(invalid) => Err(Error::from(&invalid)),
        };
        let _ = outcome.map_err(Error::report);
        if signals.stopped() {
            break;
        }
        say_watching(arguments, &paths);
        match wait(&paths, &before, &|| signals.stopped()) {
            Some(now) => say_changed(arguments, &before.differences(&now), "running again"),
            None => break,
        }
    }
    Ok(Exit::Interrupted)
}

/// Loads the pipeline. The snapshot of all its files and sources is from just before.
fn load(arguments: &WatchArguments, paths: &mut BTreeSet<PathBuf>) -> (Snapshot, Result<Pipeline, Invalid>) {
    let given = &arguments.run.project.pipeline;
    loop {
        let before = Snapshot::of(&*paths);
        let loaded = pipeline::load(&given.file, &given.options());
        let mut made_of = made_of(&loaded);
        made_of.insert(given.file.clone());
        if loaded.is_err() {
            // The sources of a broken pipeline are not known. They may be the same as before.
            made_of.extend(paths.iter().cloned());
        }
        let is_covered = made_of.is_subset(paths);
        *paths = made_of;
        if is_covered {
            return (before, loaded);
        }
    }
}

/// The files of a pipeline, and the sources that it reads.
fn made_of(loaded: &Result<Pipeline, Invalid>) -> BTreeSet<PathBuf> {
    let pipeline = match loaded {
        Ok(pipeline) => pipeline,
        Err(invalid) => return invalid.files().map(Path::to_owned).collect(),
    };
    let inputs = pipeline.stages.iter().flat_map(|node| &node.inputs);
    let sources = inputs.filter_map(|input| match &input.source {
        Source::File(user) => Some(user.path.clone()),
        Source::Artifact { .. } => None,
    });
    sources.chain(pipeline.files().map(Path::to_owned)).collect()
}

/// Runs a pipeline; with `--on-edit cancel`, until something changes.
fn run(
    arguments: &WatchArguments,
    pipeline: &mut Pipeline,
    before: &Snapshot,
    paths: &BTreeSet<PathBuf>,
    signals: &Signals,
) -> Outcome {
    let store = open_store(pipeline, arguments.run.project.store.as_deref())?;
    let stopped = signals.new_run();
    let (done, goes_on) = (AtomicBool::new(false), Arc::new(AtomicBool::new(false)));
    std::thread::scope(|threads| {
        if arguments.on_edit == OnEdit::Cancel {
            threads.spawn(|| {
                let over = || done.load(Ordering::SeqCst) || signals.stopped();
                if let Some(now) = wait(paths, before, &over) {
                    goes_on.store(true, Ordering::SeqCst);
                    stopped.store(true, Ordering::SeqCst);
                    say_changed(arguments, &before.differences(&now), "this run is stopped");
                }
            });
        }
        let shown = ui::observer_going_on(mode(&arguments.run), Arc::clone(&goes_on));
        let outcome =
            run_until(&arguments.run, pipeline, &store, &stopped, Some(Arc::clone(&goes_on)), shown);
        done.store(true, Ordering::SeqCst);
        outcome
    })
}

/// Whether a signal ended the watch, and the flag that stops the current run.
#[derive(Default)]
struct Signals {
    stopped: AtomicBool,
    run: Mutex<Arc<AtomicBool>>,
}

impl Signals {
    fn stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// The flag that stops the run that begins now.
    fn new_run(&self) -> Arc<AtomicBool> {
        let mut run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        *run = Arc::new(AtomicBool::new(self.stopped()));
        Arc::clone(&run)
    }

    /// Stops the current run and the watch. Returns whether that was asked before.
    fn stop(&self) -> bool {
        let before = self.stopped.swap(true, Ordering::SeqCst);
        self.run.lock().unwrap_or_else(PoisonError::into_inner).store(true, Ordering::SeqCst);
        before
    }
}

fn say_watching(arguments: &WatchArguments, paths: &BTreeSet<PathBuf>) {
    let text = format!("watching {}; Ctrl-C ends", ui::format::plural(paths.len(), "file"));
    let files: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
    say(arguments, "watching", &json!({ "files": files }), &text);
}

fn say_changed(arguments: &WatchArguments, files: &[&Path], then: &str) {
    const FEW: usize = 3;
    let names: Vec<String> = files.iter().map(|path| ui::seen_from_here(path)).collect();
    let few = names.get(..FEW).unwrap_or(&names).join(", ");
    let more = names.len().saturating_sub(FEW);
    let text = if more > 0 { format!("{few} and {more} more") } else { few };
    let files: Vec<_> = files.iter().map(|path| path.display().to_string()).collect();
    let text = format!("{text} changed: {then}");
    say(arguments, "changed", &json!({ "files": files, "then": then }), &text);
}

/// Writes a message about the watch itself: with `--json` as an object, with `--quiet` not at all.
fn say(arguments: &WatchArguments, name: &str, message: &Value, text: &str) {
    match mode(&arguments.run) {
        ui::Mode::Json => ui::object(name, message),
        ui::Mode::Quiet => {}
        ui::Mode::Auto | ui::Mode::Plain => complain(text),
    }
}
