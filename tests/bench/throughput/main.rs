//! Benchmark of training and explaining beside PyTorch and Captum: `make bench`, or
//! `cargo bench --bench throughput`. Arguments select the lines whose names contain one of them, and
//! `--repeats=N` is the number of repeats (3): `cargo bench --bench throughput -- --repeats=5 saliency`.
//!
//! Runs both sides alternately and prints a table of medians: pcamflow in float32, and in bf16 if the CPU has it; the
//! peers in float32. Knows neither pipelines nor how a peer computes.

#[path = "../machine.rs"]
mod machine;

mod lines;
mod ours;
mod peers;
mod rows;

use lines::{LINES, Line};
use ours::Project;
use peers::{Ceiling, Malloc, Peer, Peers};

const HEAD: &str = "| work | ours | PyTorch as is | tuned | ratio as is | ratio tuned | ceiling | share of ceiling | \
                    ours in bf16 | ratio as is | ratio tuned |\n|---|---|---|---|---|---|---|---|---|---|---|";

/// The repeats of one line. What could not be measured is not in the lists.
#[derive(Default)]
struct Samples {
    ours: Vec<f64>,
    ours_in_bf16: Vec<f64>,
    as_is: Vec<Peer>,
    tuned: Vec<Peer>,
    ceilings: Vec<f64>,
}

/// Projects whose stages compute in float32, and in bf16 if this CPU has it.
struct Projects {
    exact: Project,
    rounded: Option<Project>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let repeats = arguments.iter().find_map(|one| one.strip_prefix("--repeats=")?.parse().ok()).unwrap_or(3);
    let words: Vec<&String> = arguments.iter().filter(|one| !one.starts_with('-')).collect();
    let wanted = |line: &&Line| words.is_empty() || words.iter().any(|word| line.name.contains(*word));
    println!("{}; medians of {repeats} alternating repeats, full-width network\n", machine::machine());
    let peers = Peers::find();
    println!("{HEAD}");
    let projects = Projects {
        exact: Project::new("float32"),
        rounded: pcamflow::cpu::has_bf16().then(|| Project::new("bf16")),
    };
    let mut ceilings = Vec::new();
    for line in LINES.iter().filter(wanted) {
        match sample(line, repeats, &projects, peers.as_ref(), &mut ceilings) {
            Some(samples) => println!("{}", row(line, &samples)),
            None => println!("| {} | not measured: `pcamflow` refuses the setting |", line.name),
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
    projects: &Projects,
    peers: Option<&Peers>,
    ceilings: &mut Vec<Ceiling>,
) -> Option<Samples> {
    let data = projects.exact.prepare(&line.work)?;
    let rounded = projects.rounded.as_ref().filter(|_| line.has_bf16());
    if let Some(rounded) = rounded {
        rounded.prepare(&line.work)?;
    }
    let mut samples = Samples::default();
    for _ in 0..repeats {
        samples.ours.push(projects.exact.rate(&line.work));
        samples.ours_in_bf16.extend(rounded.map(|rounded| rounded.rate(&line.work)));
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
    let (ours, in_bf16) = (median(samples.ours.clone()), median(samples.ours_in_bf16.clone()));
    let of = |peers: &[Peer]| median(peers.iter().map(|peer| peer.rate).collect());
    let (as_is, tuned, ceiling) = (of(&samples.as_is), of(&samples.tuned), median(samples.ceilings.clone()));
    format!(
        "| {}, {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
        line.name,
        line.unit,
        number(ours),
        number(as_is) + &choice(&samples.as_is),
        number(tuned) + &choice(&samples.tuned),
        number(ours / as_is),
        number(ours / tuned),
        number(ceiling),
        if ceiling.is_nan() { String::new() } else { format!("{:.0} %", 100.0 * ours / ceiling) },
        number(in_bf16),
        number(in_bf16 / as_is),
        number(in_bf16 / tuned),
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
