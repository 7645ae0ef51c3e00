//! Benchmarks of the engine: `make bench` or `cargo bench --no-default-features`. Arguments select the cases
//! whose names contain one of them (`cargo bench --no-default-features -- no-op ninja`).
//!
//! Every case runs the real binary in a temporary folder. After a warm-up run, it reports the median of at
//! least ten runs, the fastest run, the 10th and 90th percentile, CPU time and peak memory. Peers that are
//! installed run the same graph for comparison.

mod machine;
mod measure;
mod peers;
mod project;

use std::{fs, io::Write, path::Path, process::Command};

use measure::{Timing, once, timed};
use project::{Graph, Project};

/// One line of the table.
struct Line {
    name: String,
    timing: Timing,
    note: String,
}

/// A case: its name and its function.
type Case = (&'static str, fn() -> Vec<Line>);

const CASES: [Case; 13] = [
    ("start: --help, --version", start),
    ("no-op of 12 stages, 7 GB of sources", no_op_of_12),
    ("no-op of 1,000 stages", || no_op("no-op of 1,000 stages", Graph { layers: 25, width: 40 })),
    ("no-op of 10,000 stages", || no_op("no-op of 10,000 stages", Graph { layers: 250, width: 40 })),
    ("first hash of 2 GiB, and after a touch", first_hash),
    ("no-op with a folder of 20,000 files", folder),
    ("1,000 stages executed", executed),
    ("parallel chains", chains),
    ("gc and verify of 100,000 objects", housekeeping),
    ("peers: 1,000 stages for ninja", || peers::lines("ninja")),
    ("peers: 1,000 stages for n2", || peers::lines("n2")),
    ("peers: 1,000 stages for snakemake", || peers::lines("snakemake")),
    (SLOW, || peers::lines("dvc")),
];

/// This case runs only if requested by name, because its first run takes half an hour.
const SLOW: &str = "dvc";

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    println!("{}\n", machine::machine());
    println!("| | median ms | fastest | p10 | p90 | cpu ms | peak MB | |");
    println!("|---|---|---|---|---|---|---|---|");
    let asked_for = |name: &str| words.iter().any(|word| name.contains(word.as_str()));
    let wanted = |name: &str| (words.is_empty() && name != SLOW) || asked_for(name);
    for (name, case) in CASES.into_iter().filter(|(name, _)| wanted(name)) {
        let lines = case();
        if lines.is_empty() {
            println!("| {name} | | | | | | | not measured: nothing to compare with is installed |");
        }
        for Line { name, timing, note } in lines {
            println!("| {name} | {timing} | {note} |");
        }
    }
}

fn line(name: &str, timing: Timing, note: impl Into<String>) -> Line {
    Line { name: name.to_owned(), timing, note: note.into() }
}

fn start() -> Vec<Line> {
    let of = |argument: &str| {
        let run = || {
            let mut command = Command::new(project::PCAMFLOW);
            command.arg(argument);
            command
        };
        line(argument, timed(50, run), "goal 5 ms")
    };
    vec![of("--help"), of("--version")]
}

fn no_op_of_12() -> Vec<Line> {
    let project = Project::new();
    // The sources are sparse files: they take no space, but hashing them takes the full time.
    project.graph(Graph { layers: 3, width: 4 }, Some(7_000_000_000 / 4));
    project.run();
    vec![line("no-op of 12 stages, 7 GB of sources", timed(30, || project.command("run")), "goal 10 ms")]
}

fn no_op(name: &str, graph: Graph) -> Vec<Line> {
    let project = Project::new();
    project.graph(graph, None);
    project.run();
    vec![line(name, timed(15, || project.command("run")), "goals 30 ms, 300 ms, 50 MB")]
}

fn first_hash() -> Vec<Line> {
    let project = Project::new();
    project.graph(Graph { layers: 1, width: 1 }, None);
    let source = project.source(0);
    // The file is not sparse, so that reading it is measured too (from the page cache, not the disk).
    let block: Vec<u8> =
        (0..1 << 20).map(|at: u32| at.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    // Write in blocks: memory of this process would count towards the peak of its children.
    let mut file = fs::File::create(&source).expect("the source can be written");
    (0..2048).for_each(|_| file.write_all(&block).expect("2 GiB fit on the disk"));
    let hashed = timed(10, || {
        let now = fs::File::options()
            .append(true)
            .open(&source)
            .and_then(|file| file.set_modified(std::time::SystemTime::now()));
        now.expect("the source can be touched");
        // Otherwise the engine would wait until the file is old enough that a later edit changes its time.
        std::thread::sleep(std::time::Duration::from_millis(60));
        project.command("plan")
    });
    let mut lines = vec![line("hash of a touched source of 2 GiB", hashed, "goal 1.3x b3sum")];
    if let Some(b3sum) = measure::on_the_path("b3sum") {
        let sum = || {
            let mut command = Command::new(&b3sum);
            command.arg(&source);
            command
        };
        lines.push(line("b3sum of it", timed(10, sum), ""));
    }
    lines
}

fn folder() -> Vec<Line> {
    let project = Project::new();
    project.many_files(20_000);
    project.run();
    let note = "a source and an artifact; goal 100 ms";
    vec![line("no-op with folders of 20,000 files", timed(15, || project.command("run")), note)]
}

fn executed() -> Vec<Line> {
    let project = Project::new();
    project.graph(Graph { layers: 25, width: 40 }, None);
    let run = timed(10, || {
        project.forget();
        project.command("run")
    });
    let bare = timed(10, || project.bare(1000));
    let each = (run.median - bare.median) / 1000.0;
    let note = format!("{each:.2} ms a stage beside the bare processes; goal 3 ms");
    vec![line("1,000 stages executed", run, note), line("their bare processes, on all cores", bare, "")]
}

fn chains() -> Vec<Line> {
    let cores = machine::cores();
    let project = Project::new();
    project.busy_chains(cores, 20);
    let run = timed(10, || {
        project.forget();
        project.command("run")
    });
    let busy = run.cpu / run.median;
    vec![line("a chain of busy stages for each core", run, format!("{busy:.2} of {cores} cores busy"))]
}

fn housekeeping() -> Vec<Line> {
    let project = Project::new();
    project.many_objects(100, 1000);
    project.run();
    let mut verify = || project.cache(&["cache", "verify"]);
    let verified = timed(10, &mut verify);
    let listed = timed(10, || project.cache(&["cache", "gc", "--dry-run"]));
    once(&mut project.cache(&["cache", "clear", "p.toml", "command.*"]));
    let gone = Timing::of(&[once(&mut project.cache(&["cache", "gc"]))]);
    vec![
        line("cache verify of 100,000 objects", verified, ""),
        line("cache gc that finds nothing", listed, ""),
        line("cache gc of what nobody needs", gone, "once"),
    ]
}

/// Whether a file that a peer needs exists.
fn is_there(path: &Path) -> bool {
    path.exists()
}
