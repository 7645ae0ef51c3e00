//! `pcamflow compare`: the differences of recorded runs, and their numbers.

use std::fs;

use serde_json::Value;

use super::runs::*;
use crate::{
    hdf5_files::{images, labels},
    sandbox::Sandbox,
};

#[track_caller]
fn comparison(project: &Sandbox, arguments: &[&str]) -> Value {
    let output = project.pcamflow(&[&["compare", "--json"], arguments].concat()).exit(0);
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| output.fail(&error.to_string()))
}

#[test]
fn compare_shows_differences_and_numbers() {
    let project = small();
    project.run(&["--set", "split.d.sizes.train=6"]).exit(0);
    project.run(&["--set", "split.d.sizes.train=6"]).cached_all();
    project.run(&["--set", "split.d.sizes.train=2", "--set", "preview.p.columns=2"]).exit(0);
    let all = comparison(&project, &[]);
    let names: Vec<&str> =
        all["columns"].as_array().unwrap().iter().map(|column| column["name"].as_str().unwrap()).collect();
    assert_eq!(names[..2], ["preview.p.columns", "split.d.sizes.train"]);
    let runs = all["runs"].as_array().unwrap();
    let ids: Vec<u64> = runs.iter().map(|run| run["run"].as_u64().unwrap()).collect();
    assert_eq!(ids, [1, 3, 4], "runs with the same results are listed once, as the last one");
    let values: Vec<&str> =
        runs.iter().map(|run| run["values"]["split.d.sizes.train"].as_str().unwrap()).collect();
    assert_eq!(values, ["4", "6", "2"]);
    assert_eq!(runs[0]["values"]["preview.p.columns"], "4");

    let sorted = comparison(&project, &["p.toml", "--sort", "sizes.train"]);
    let ids: Vec<u64> =
        sorted["runs"].as_array().unwrap().iter().map(|run| run["run"].as_u64().unwrap()).collect();
    assert_eq!(ids, [4, 1, 3]);
    let some = comparison(&project, &["1", "3..4"]);
    assert_eq!(some["runs"].as_array().unwrap().len(), 3);
    let text = project.pcamflow(&["compare"]).exit(0);
    says(&text, &["run  columns", "sizes.train", "compute time"]);

    let csv = project.pcamflow(&["compare", "--csv"]).exit(0);
    let mut reader = csv::Reader::from_reader(csv.stdout.as_bytes());
    let header = reader.headers().unwrap().clone();
    let at = |name: &str| header.iter().position(|field| field == name).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let values: Vec<&str> = rows.iter().map(|row| &row[at("split.d.sizes.train")]).collect();
    assert_eq!(values, ["4", "6", "2"]);
    for row in &rows {
        assert!(row[at("compute-seconds")].parse::<f64>().unwrap() > 0.0);
        assert!(humantime::parse_rfc3339(&row[at("started")]).is_ok());
    }
    project.pcamflow(&["compare", "--sort", "nothing"]).exit(2).complains("there is no column `nothing`");
    let by =
        project.pcamflow(&["compare", "small", "--by", "compute-seconds", "--sort", "s.patches"]).exit(0);
    says(&by, &["patches", "12"]);
    project.pcamflow(&["compare", "nope.toml"]).exit(2).complains("there is no file `nope.toml`");
    project.pcamflow(&["compare", "17"]).exit(2).complains("there is no run `17`");
    project.pcamflow(&["compare", "--sweep", "x"]).exit(2).complains("there is no sweep `x`");
    project.pcamflow(&["compare", "--sweep", "latest"]).exit(2).complains("no run to compare");
}

#[test]
fn plots_are_reproducible() {
    let project = small();
    project.run(&["--set", "split.d.sizes.train=6"]).exit(0);
    for name in ["a.svg", "b.svg", "c.png"] {
        let drawn = project.pcamflow(&["compare", "--by", "split.d.train", "--plot", name]).exit(0);
        drawn.complains(&format!("wrote {name}: split.d.train over sizes.train"));
    }
    let svg = fs::read_to_string(project.path("a.svg")).unwrap();
    assert!(svg.contains("split.d.sizes.train") && svg.contains("2 runs of small"), "{svg}");
    assert_eq!(fs::read_to_string(project.path("b.svg")).unwrap(), svg);
    assert_eq!(fs::read(project.path("c.png")).unwrap()[..4], *b"\x89PNG");
}

#[test]
fn compare_shows_changed_sources() {
    let pipeline = "\
[split.d]
images = 'x.h5'
labels = 'y.h5'
sizes = { train = 4, validation = 2, test = 2 }
";
    let project = Sandbox::new().pipeline(pipeline).with(|root| {
        images(&root.join("data/x.h5"), 12);
        labels(&root.join("data/y.h5"), &[0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
    });
    project.run(&[]).ran(["split.d"]);
    labels(&project.path("data/y.h5"), &[1, 1, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1]);
    project.run(&[]).ran(["split.d"]);
    assert_eq!(runs(&project)[0]["changed"], serde_json::json!(["split.d.labels changed"]));
    let all = comparison(&project, &[]);
    assert_eq!(all["columns"][0]["name"], "split.d.labels");
    let value = |run: usize| all["runs"][run]["values"]["split.d.labels"].as_str().unwrap().to_owned();
    assert!(value(0).starts_with("y.h5 ") && value(0) != value(1), "{all}");
}
