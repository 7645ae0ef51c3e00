//! Embeds the engine: runs a pipeline twice on the scripted executor, which computes nothing,
//! and prints the events of each run.
//!
//!     cargo run --release --example scripted_engine

use std::{path::Path, sync::atomic::AtomicBool};

use pcamflow::{
    engine::{
        Engine, Options,
        exec::fake::Fake,
        tell::event::{Event, Observer},
    },
    pipeline,
    store::{self, Store},
};

const PIPELINE: &str = r#"
[synthesize.patches]
patches = 100

[split.patches]
images = "synthesize.patches/images"
labels = "synthesize.patches/labels"
sizes = { train = 60, validation = 20, test = 20 }

[train.narrow]
data = "split.patches"
epochs = 2
"#;

/// Prints the start and the end of every stage.
struct Printer;

impl Observer for Printer {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Started { stage, why } => println!("  {stage} runs: {why}"),
            Event::Finished(done) if done.cached => println!("  {} is cached", done.stage),
            _ => {}
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let pipeline =
        pipeline::parse(Path::new("example.toml"), PIPELINE.to_owned(), &pipeline::Options::default())?;
    let store = Store::open(&folder.path().join("store"), store::Options::default())?;
    let engine = Engine::new(&pipeline, &store, Options::default())?;
    for run in ["first run", "second run"] {
        println!("{run}");
        engine.run(&folder.path().join("out"), &Fake::echo(), &AtomicBool::new(false), &mut Printer)?;
    }
    Ok(())
}
