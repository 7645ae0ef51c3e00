//! Benchmark of training and explaining beside PyTorch and Captum: `make bench`, or
//! `cargo bench --bench throughput`. Arguments select the lines whose names contain one of them, and
//! `--repeats=N` is the number of repeats (3): `cargo bench --bench throughput -- --repeats=5 saliency`. With
//! `--precision=bf16`, pcamflow computes in that precision, and the peers in float32.
//!
//! Runs both sides alternately and prints a table of medians. Knows neither pipelines nor how a peer computes.

#[path = "../machine.rs"]
mod machine;

mod lines;
mod ours;
mod peers;
mod rows;

use lines::{LINES, Line};
use ours::Project;
use peers::{Ceiling, Malloc, Peer, Peers};

const HEAD: &str =
    "| work | ours | PyTorch as is | tuned | ratio as is | ratio tuned | ceiling | share of ceiling |";

/// The repeats of one line. What could not be measured is not in the lists.
#[derive(Default)]
struct Samples {
    ours: Vec<f64>,
    as_is: Vec<Peer>,
    tuned: Vec<Peer>,
    ceilings: Vec<f64>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| arguments.iter().find_map(|one| one.strip_prefix(name));
    let repeats = option("--repeats=").and_then(|count| count.parse().ok()).unwrap_or(3);
    let precision = option("--precision=").unwrap_or("float32");
    let words: Vec<&String> = arguments.iter().filter(|one| !one.starts_with('-')).collect();
    let wanted = |line: &&Line| words.is_empty() || words.iter().any(|word| line.name.contains(*word));
    println!(
        "{}; medians of {repeats} alternating repeats, full-width network, {precision} beside float32\n",
        machine::machine()
    );
    let peers = Peers::find();
    println!("{HEAD}\n|---|---|---|---|---|---|---|---|");
    let project = Project::new(precision);
    let mut ceilings = Vec::new();
    for line in LINES.iter().filter(wanted) {
        match sample(line, repeats, &project, peers.as_ref(), &mut ceilings) {
            Some(samples) => println!("{}", row(line, &samples)),
            None => println!("| {} | not measured: `pcamflow` refuses the setting | | | | | | |", line.name),
        }
    }
    if !ceilings.is_empty() {
        let flops = median(ceilings.iter().map(|one| one.flops).collect()) / 1e9;
        let bytes = median(ceilings.iter().map(|one| one.bytes).collect()) / 1e9;
        println!("\nThe machine: float32 convolutions {flops:.0} GFLOP/s, copies {bytes:.1} GB/s.");
    }
}

/// Measures both sides and the machine in turn. `None` if `pcamflow` refuses the line's pipeline.
fn sample(
    line: &Line,
    repeats: usize,
    project: &Project,
    peers: Option<&Peers>,
    ceilings: &mut Vec<Ceiling>,
) -> Option<Samples> {
    let data = project.prepare(&line.work)?;
    let mut samples = Samples::default();
    for _ in 0..repeats {
        samples.ours.push(project.rate(&line.work));
        let Some(peers) = peers else { continue };
        samples.as_is.extend(peers.rate(line.peer, &data, Malloc::AsIs));
        samples.tuned.extend(peers.rate(line.peer, &data, Malloc::Tuned));
        let Some(ceiling) = peers.ceiling(&data) else { continue };
        samples.ceilings.extend(line.cost.ceiling(ceiling));
        ceilings.push(ceiling);
    }
    Some(samples)
}

fn row(line: &Line, samples: &Samples) -> String {
    let ours = median(samples.ours.clone());
    let of = |peers: &[Peer]| median(peers.iter().map(|peer| peer.rate).collect());
    let (as_is, tuned, ceiling) = (of(&samples.as_is), of(&samples.tuned), median(samples.ceilings.clone()));
    format!(
        "| {}, {} | {} | {} | {} | {} | {} | {} | {} |",
        line.name,
        line.unit,
        number(ours),
        number(as_is) + &choice(&samples.as_is),
        number(tuned) + &choice(&samples.tuned),
        number(ours / as_is),
        number(ours / tuned),
        number(ceiling),
        if ceiling.is_nan() { String::new() } else { format!("{:.0} %", 100.0 * ours / ceiling) },
    )
}

/// What a peer was fastest with, as the last repeat says.
fn choice(peers: &[Peer]) -> String {
    let choice = peers.last().map(|peer| peer.choice.as_str()).filter(|choice| !choice.is_empty());
    choice.map(|choice| format!(" ({choice})")).unwrap_or_default()
}

/// NaN of nothing.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Three digits; nothing for NaN.
fn number(value: f64) -> String {
    match value {
        _ if value.is_nan() => String::new(),
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
