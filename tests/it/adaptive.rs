//! Integrated gradients with adaptive steps, through the built binaries.

use std::path::Path;

use serde_json::Value;

use crate::sandbox::Sandbox;

/// Takes seconds on two cores.
const PIPELINE: &str = "\
[pipeline]
name = 'adaptive'
[run]
threads = 2
device = 'cpu'
[synthesize.s]
patches = 64
slides = 4
[split.d]
images = 'synthesize.s/images'
labels = 'synthesize.s/labels'
sizes = { train = 40, validation = 12, test = 12 }
[train.t]
data = 'split.d'
architecture.class-cnn = { channels = [4, 4, 8, 8], hidden = 8 }
epochs = 4
batch-size = 8
[explain.ig]
model = 'train.t'
images = 'split.d/test'
take = 6
method.integrated-gradients = { steps = 'adaptive', baseline = 'white' }
[sanity.ig]
explanation = 'explain.ig'
take = 2
resamples = 100
";

fn read<T: hdf5::H5Type>(path: &Path, name: &str) -> Vec<T> {
    hdf5::File::open(path).unwrap().dataset(name).unwrap().read_raw().unwrap()
}

#[test]
fn every_image_has_the_steps_that_it_needs() {
    let project = Sandbox::new().pipeline(PIPELINE);
    let output = project.run(&[]).exit(0);
    let maps = project.path("out/adaptive/explain.ig/maps.h5");
    let steps = read::<i64>(&maps, "steps");
    println!("{steps:?}");
    // The tolerance has to be met twice, so no image ends with the first 8 nodes.
    assert!(steps.iter().all(|it| (15..=512).contains(it)), "{steps:?}");
    assert!(steps.iter().min() < steps.iter().max(), "{steps:?}");
    let file = hdf5::File::open(&maps).unwrap();
    let parameters: hdf5::types::VarLenUnicode = file.attr("parameters").unwrap().read_scalar().unwrap();
    assert_eq!(parameters.as_str(), r#"{"steps":"adaptive","baseline":"white","tolerance":0.01}"#);
    assert_eq!(file.attr("tolerance-failures").unwrap().read_scalar::<i64>().unwrap(), 0);
    let finished = output.events_of("finished");
    let explained = finished.iter().find(|event| event["stage"] == "explain.ig").unwrap();
    let numbers = explained["numbers"].as_array().unwrap();
    let largest = numbers.iter().find(|number| number["name"] == "largest-relative-delta").unwrap();
    assert!(largest["value"].as_f64().unwrap() <= 0.01, "{largest}");

    // The maps are made again with the settings in the file.
    let sanity = std::fs::read(project.path("out/adaptive/sanity.ig/sanity.json")).unwrap();
    let sanity: Value = serde_json::from_slice(&sanity).unwrap();
    let same = sanity["depths"][0]["spearman"]["mean"].as_f64().unwrap();
    assert!((same - 1.0).abs() < 1e-4, "{same}");

    project.run(&[]).cached_all();
    // The sums of all pixels are nearly the same with a fixed rule, the number of threads changes nothing.
    let (delta, map) = (read::<f32>(&maps, "delta"), read::<f32>(&maps, "map"));
    project.run(&["--force", "explain.ig", "--threads", "3"]).exit(0);
    assert!(read::<f32>(&maps, "map") == map && read::<f32>(&maps, "delta") == delta);
    project.run(&["--set", "explain.ig.method.integrated-gradients.steps=200"]).exit(0);
    let exact = (read::<f32>(&maps, "map"), read::<f32>(&maps, "delta"));
    for image in 0..6 {
        let sum = |map: &[f32]| map[image * 9216..][..9216].iter().map(|&it| f64::from(it)).sum::<f64>();
        let (sum, exact, off) = (sum(&map), sum(&exact.0), f64::from(delta[image] - exact.1[image]));
        assert!((sum - exact - off).abs() < 1e-4 * exact.abs().max(1.0), "{sum} {exact} {off}");
    }
}

#[test]
fn wrong_settings_are_reported_with_their_places() {
    let project = Sandbox::new().pipeline(PIPELINE);
    let told = |settings: &str, message: &str, place: &str| {
        project.rewrite("p.toml", PIPELINE.replace("steps = 'adaptive', baseline = 'white'", settings));
        let output = project.pcamflow(&["run", "p.toml", "--dry-run"]).exit(2).complains(message);
        assert!(output.stderr.contains(place), "{place:?} is not in\n{}", output.stderr);
        assert_eq!(output.stderr.matches("error:").count(), 1, "{}", output.stderr);
    };
    let forms = "the steps are a whole number from 2 to 10000, or \"adaptive\"";
    told("steps = 'adaptiv'", forms, "p.toml:22:41");
    told("steps = 2.5", forms, "p.toml:22:41");
    told("steps = 1", "`steps` must lie between 2 and 10000", "p.toml:22:41");
    let rule = "`steps = \"adaptive\"` puts the nodes where the path needs them";
    told("steps = 'adaptive', rule = 'midpoint'", rule, "p.toml:22:60");
    told("steps = 'adaptive', tolerance = 0", "`tolerance` must be a number above 0", "p.toml:22:65");
}
