//! `pcamflow watch`: runs, waits for a change of the pipeline or a source, and runs again.

mod changes;
mod snapshot;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::{
    Exit,
    args::RunArguments,
    check::told,
    colour, complain, page,
    project::open_store,
    run::{end_at_once, mode, run_until},
};
use crate::{
    pipeline::{self, Invalid, Pipeline, Source},
    ui,
};
use changes::wait;
use snapshot::Snapshot;

/// What to watch, and how to run it.
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

/// Runs again and again, until a signal ends it.
pub(super) fn watch(arguments: &WatchArguments) -> u8 {
    if let Err(exit) = page::is_writable(arguments.run.summary.as_deref()) {
        return exit.code();
    }
    let ended = Arc::new(Signalled::default());
    end_on_signals(&ended);
    let mut paths = BTreeSet::from([arguments.run.pipeline.file.clone()]);
    loop {
        let (before, mut loaded) = load(arguments, &mut paths);
        let before = run(arguments, &mut loaded, before, &paths, &ended);
        drop(loaded);
        if ended.is_set() {
            return Exit::Interrupted.code();
        }
        say_watching(arguments, &paths);
        match wait(&paths, &before, &|| ended.is_set()) {
            Some(now) => say_changed(arguments, &before.differences(&now), "running again"),
            None => return Exit::Interrupted.code(),
        }
    }
}

/// The pipeline, and how everything that it is made of stood just before it was loaded.
fn load(arguments: &WatchArguments, paths: &mut BTreeSet<PathBuf>) -> (Snapshot, Result<Pipeline, Invalid>) {
    let asked = &arguments.run.pipeline;
    let options = pipeline::Options { set: asked.set.clone(), data: asked.data.clone() };
    loop {
        let before = Snapshot::of(&*paths);
        let loaded = pipeline::load(&asked.file, &options);
        let mut made_of = made_of(&loaded);
        made_of.insert(asked.file.clone());
        if loaded.is_err() {
            // What is broken may still name what it named before.
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

/// Runs what was loaded, or says what is wrong with it. Returns what a change is to be compared with.
fn run(
    arguments: &WatchArguments,
    loaded: &mut Result<Pipeline, Invalid>,
    before: Snapshot,
    paths: &BTreeSet<PathBuf>,
    ended: &Signalled,
) -> Snapshot {
    let pipeline = match loaded {
        Ok(pipeline) => pipeline,
        Err(invalid) => {
            complain(&invalid.render(colour()));
            complain(&format!("\n{}", told(invalid.count())));
            return before;
        }
    };
    let Ok(store) = open_store(pipeline, arguments.run.store.as_ref()) else { return before };
    let stopped = ended.new_run();
    let (done, goes_on) = (AtomicBool::new(false), Arc::new(AtomicBool::new(false)));
    std::thread::scope(|threads| {
        if arguments.on_edit == OnEdit::Cancel {
            threads.spawn(|| {
                let over = || done.load(Ordering::SeqCst) || ended.is_set();
                if let Some(now) = wait(paths, &before, &over) {
                    goes_on.store(true, Ordering::SeqCst);
                    stopped.store(true, Ordering::SeqCst);
                    say_changed(arguments, &before.differences(&now), "this run is stopped");
                }
            });
        }
        let shown = ui::observer_going_on(mode(&arguments.run), Arc::clone(&goes_on));
        run_until(&arguments.run, pipeline, &store, &stopped, Some(Arc::clone(&goes_on)), shown);
        done.store(true, Ordering::SeqCst);
    });
    before
}

/// Whether a signal asked for the end, and the run that it has to stop.
#[derive(Default)]
struct Signalled {
    set: AtomicBool,
    run: std::sync::Mutex<Arc<AtomicBool>>,
}

impl Signalled {
    fn is_set(&self) -> bool {
        self.set.load(Ordering::SeqCst)
    }

    /// What stops the run that begins now.
    fn new_run(&self) -> Arc<AtomicBool> {
        let stopped = Arc::new(AtomicBool::new(self.is_set()));
        *self.run.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::clone(&stopped);
        // A signal between the two lines above stopped the run before.
        stopped.fetch_or(self.is_set(), Ordering::SeqCst);
        stopped
    }

    /// True if that was asked before.
    fn set(&self) -> bool {
        let before = self.set.swap(true, Ordering::SeqCst);
        self.run.lock().unwrap_or_else(std::sync::PoisonError::into_inner).store(true, Ordering::SeqCst);
        before
    }
}

/// Ctrl-C (and SIGTERM, SIGHUP) stop the run, if one is going on, and end the watch.
fn end_on_signals(ended: &Arc<Signalled>) {
    let ended = Arc::clone(ended);
    let set = ctrlc::set_handler(move || {
        if ended.set() {
            end_at_once();
        }
    });
    if let Err(error) = set {
        tracing::debug!("no signal handler: {error}");
    }
}

/// Messages about the watch itself.
#[derive(Serialize)]
struct Told<'a> {
    files: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    then: Option<&'a str>,
}

fn say_watching(arguments: &WatchArguments, paths: &BTreeSet<PathBuf>) {
    let count = match paths.len() {
        1 => "1 file".to_owned(),
        count => format!("{count} files"),
    };
    let files = paths.iter().map(|path| path.display().to_string()).collect();
    say(arguments, "watching", &Told { files, then: None }, &format!("watching {count}; Ctrl-C ends"));
}

fn say_changed(arguments: &WatchArguments, files: &[&Path], then: &str) {
    const FEW: usize = 3;
    let names: Vec<String> = files.iter().map(|path| ui::seen_from_here(path)).collect();
    let few = names.get(..FEW).unwrap_or(&names).join(", ");
    let more = names.len().saturating_sub(FEW);
    let text = if more > 0 { format!("{few} and {more} more") } else { few };
    let files = files.iter().map(|path| path.display().to_string()).collect();
    say(arguments, "changed", &Told { files, then: Some(then) }, &format!("{text} changed: {then}"));
}

/// With `--json` an object like the events of a run, else a line beside them; with `--quiet` nothing.
fn say(arguments: &WatchArguments, name: &str, told: &Told<'_>, text: &str) {
    match mode(&arguments.run) {
        ui::Mode::Json => ui::object(name, told),
        ui::Mode::Quiet => {}
        ui::Mode::Auto | ui::Mode::Plain => complain(text),
    }
}
