//! How fast the engine is: `cargo bench --no-default-features` or `make bench`, all cases or those whose names
//! hold one of the words given (`cargo bench --no-default-features -- no-op ninja`).
//!
//! Every case lays out its work in a temporary folder, with the real binary, and times the real binary:
//! after a run to warm up, the median of at least ten, the fastest, the 10th and 90th percentile, processor
//! time and peak memory. Where a peer is installed it does the same work beside it.

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

/// A case: its name, and what it takes.
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

/// Only where somebody asks for it by name: its first run, which has to be made before, takes half an hour.
const SLOW: &str = "dvc";

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    println!("{}\n", measure::machine());
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
    // Nothing is stored for a file that is only made long; hashing it takes as long as if there were.
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
    // Not sparse: what is measured is reading, too. (From the page cache: the disk is the machine's.)
    let block: Vec<u8> =
        (0..1 << 20).map(|at: u32| at.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    // Block by block: what this process holds would count as its children's peak.
    let mut file = fs::File::create(&source).expect("it can be written");
    (0..2048).for_each(|_| file.write_all(&block).expect("2 GiB fit on the disk"));
    let hashed = timed(10, || {
        let now = fs::File::options()
            .append(true)
            .open(&source)
            .and_then(|file| file.set_modified(std::time::SystemTime::now()));
        now.expect("the source can be touched");
        // Else the engine waits until a later edit would show.
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
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
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

/// Whether a path is there, for peers that need files of their own.
fn is_there(path: &Path) -> bool {
    path.exists()
}
