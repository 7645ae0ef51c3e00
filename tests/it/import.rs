//! `import`: pictures in folders and archives become a data set. Through the built binaries.

use std::{fs, io::Write as _, path::Path};

use image::{ImageFormat, Rgb, RgbImage};

use crate::sandbox::Sandbox;

const PIPELINE: &str = "\
[pipeline]
name = 'import'
[import.i]
images = 'pictures/'
";

/// A picture that differs from those of other numbers.
fn picture(number: usize, side: u32) -> RgbImage {
    RgbImage::from_fn(side, side, |x, y| {
        let value = (number as u32 * 31 + x * 7 + y * 13) % 251;
        Rgb([value as u8, (number % 256) as u8, (number / 256) as u8])
    })
}

fn save(path: &Path, picture: &RgbImage) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let format = ImageFormat::from_path(path).unwrap();
    picture.save_with_format(path, format).unwrap();
}

/// Six pictures of two patients in folders that name their class.
fn small(pipeline: &str) -> Sandbox {
    let project = Sandbox::new().pipeline(pipeline);
    for number in 0..6 {
        let (patient, class) = (number / 3, number % 2);
        let extension = ["png", "tif", "bmp"][number % 3];
        let name = format!("data/pictures/p{patient}/{class}/{number}.{extension}");
        save(&project.path(&name), &picture(number, 48));
    }
    project
}

fn array(project: &Sandbox, file: &str, name: &str) -> (Vec<usize>, Vec<u8>) {
    let file = hdf5::File::open(project.path(&format!("out/import/import.i/{file}"))).unwrap();
    let dataset = file.dataset(name).unwrap();
    (dataset.shape(), dataset.read_raw().unwrap())
}

fn report(project: &Sandbox) -> serde_json::Value {
    let text = fs::read_to_string(project.path("out/import/import.i/import.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn meta(project: &Sandbox) -> String {
    fs::read_to_string(project.path("out/import/import.i/meta.csv")).unwrap()
}

/// What a stage says that refuses its pictures.
fn refused(project: &Sandbox, set: &[&str]) -> String {
    let set: Vec<&str> = set.iter().flat_map(|set| ["--set", *set]).collect();
    project.run(&set).exit(1).failure()
}

#[test]
fn folders_name_classes_and_patients() {
    let project = small(PIPELINE);
    project.run(&["--set", "import.i.group-pattern='^(p[0-9]+)/'"]).ran(["import.i"]);
    let (shape, pixels) = array(&project, "images.h5", "x");
    assert_eq!(shape, [6, 48, 48, 3]);
    // In the order of their paths: p0/0/0, p0/0/2, p0/1/1, ...
    let order = [0, 2, 1, 4, 3, 5];
    for (row, number) in order.into_iter().enumerate() {
        let bytes = 48 * 48 * 3;
        assert!(pixels[row * bytes..][..bytes] == *picture(number, 48).as_raw(), "row {row}");
    }
    assert_eq!(array(&project, "labels.h5", "y"), (vec![6, 1, 1, 1], vec![0, 0, 1, 0, 1, 1]));
    assert!(meta(&project).starts_with("file,label,wsi\np0/0/0.png,0,p0\n"), "{}", meta(&project));
    let report = report(&project);
    assert_eq!(
        (&report["patches"], &report["class-1"], &report["groups"]),
        (&6.into(), &3.into(), &2.into())
    );
    project.run(&["--set", "import.i.group-pattern='^(p[0-9]+)/'"]).cached_all();
}

/// The layout of the Kaggle competition "Histopathologic Cancer Detection", with smaller pictures.
#[test]
fn a_thousand_tiffs_with_a_table_are_split_by_patient() {
    let text = "\
[pipeline]
name = 'import'
[import.i]
images = 'train/'
labels = 'train_labels.csv'
columns = { group = 'patient' }
[split.s]
images = 'import.i/images'
labels = 'import.i/labels'
meta = 'import.i/meta'
group-by = 'wsi'
sizes = { train = 600, validation = 200, test = 200 }
";
    let project = Sandbox::new().pipeline(text);
    let mut table = "id,label,patient\n".to_owned();
    for number in (0..1000).rev() {
        let id = blake3::hash(&[(number / 256) as u8, (number % 256) as u8]).to_hex()[..40].to_owned();
        save(&project.path(&format!("data/train/{id}.tif")), &picture(number, 32));
        table += &format!("{id},{},patient {}\n", number % 2, number / 20);
    }
    let project = project.file("data/train_labels.csv", table);
    project.run(&[]).ran(["import.i", "split.s"]);
    let (shape, pixels) = array(&project, "images.h5", "x");
    let labels = array(&project, "labels.h5", "y").1;
    assert_eq!(shape, [1000, 32, 32, 3]);
    for (patch, label) in pixels.chunks(32 * 32 * 3).zip(labels) {
        // The second and third channel are the number.
        assert_eq!((usize::from(patch[1]) + 256 * usize::from(patch[2])) % 2, usize::from(label));
    }
    assert_eq!(
        (report(&project)["groups"].as_u64(), report(&project)["duplicates"].as_u64()),
        (Some(50), Some(0))
    );
    let split = fs::read_to_string(project.path("out/import/split.s/split.json")).unwrap();
    assert!(split.contains("\"groups\": 50"), "{split}");
}

#[test]
fn archives_give_the_same_bytes_as_their_folder() {
    let project = small(PIPELINE);
    project.run(&[]).exit(0);
    let digest = |project: &Sandbox| {
        ["images.h5", "labels.h5", "meta.csv"]
            .map(|file| fs::read(project.path(&format!("out/import/import.i/{file}"))).unwrap())
    };
    let from_folder = digest(&project);
    let mut tar = tar::Builder::new(Vec::new());
    // Not in the order of the paths, and with a file of the system.
    for number in [5, 0, 3, 1, 4, 2] {
        let extension = ["png", "tif", "bmp"][number % 3];
        let name = format!("p{}/{}/{number}.{extension}", number / 3, number % 2);
        tar.append_path_with_name(project.path(&format!("data/pictures/{name}")), name).unwrap();
    }
    tar.append_path_with_name(project.path("p.toml"), "p0/0/._0.png").unwrap();
    let tar = tar.into_inner().unwrap();
    let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zipped.write_all(&tar).unwrap();
    let project = project.file("data/p.tar", tar).file("data/p.tar.gz", zipped.finish().unwrap());
    for archive in ["import.i.images='p.tar'", "import.i.images='p.tar.gz'"] {
        project.run(&["--set", archive]).ran(["import.i"]);
        assert!(digest(&project) == from_folder, "{archive}");
    }
    assert_eq!(report(&project)["other-files"], 1);
    let whole = fs::read(project.path("data/p.tar")).unwrap();
    let project = project.file("data/half.tar", &whole[..whole.len() / 2 + 100]);
    let half = refused(&project, &["import.i.images='half.tar'"]);
    assert!(half.contains("is neither a folder nor a whole tar archive"), "{half}");
}

#[test]
fn every_bad_picture_is_named_or_left_out() {
    let project = small(PIPELINE);
    let whole = fs::read(project.path("data/pictures/p0/0/0.png")).unwrap();
    save(&project.path("data/pictures/p0/1/wide.png"), &RgbImage::new(48, 40));
    save(&project.path("data/pictures/p0/1/other.png"), &picture(9, 64));
    save(&project.path("data/pictures/nowhere.png"), &picture(8, 48));
    let project = project
        .file("data/pictures/p0/0/half.png", &whole[..whole.len() / 2])
        .file("data/pictures/p0/0/text.jpg", "no picture")
        .file("data/pictures/p0/0/empty.bmp", "")
        .file("data/pictures/readme.txt", "about these pictures");
    let output = refused(&project, &[]);
    for line in [
        "cannot be used; `bad-images = \"drop\"` leaves them out:",
        "nowhere.png is in no folder that names its class (`0` or `1`: `class-words`)",
        "p0/0/empty.bmp is empty (0 bytes)",
        "p0/0/half.png is damaged",
        "p0/0/text.jpg is neither PNG nor JPEG, TIFF or BMP",
        "p0/1/other.png has 64 x 64 pixels, but 48 x 48 are expected",
        "p0/1/wide.png has 48 x 40 pixels, but 48 x 48 are expected",
    ] {
        assert!(output.contains(line), "{line}\n{output}");
    }
    let output = project.run(&["--set", "import.i.bad-images='drop'"]).exit(0);
    assert!(output.warnings().contains("6 of 12 pictures of pictures/"), "{}", output.warnings());
    assert_eq!(array(&project, "images.h5", "x").0, [6, 48, 48, 3]);
    assert_eq!(report(&project)["dropped"].as_array().unwrap().len(), 6);
    assert_eq!(report(&project)["other-files"], 1);
}

#[test]
fn identical_pictures_are_counted_and_refused_across_classes() {
    let project = small(PIPELINE);
    save(&project.path("data/pictures/p1/0/again.png"), &picture(0, 48));
    project.run(&[]).exit(0);
    assert_eq!(report(&project)["duplicates"], 1);
    save(&project.path("data/pictures/p1/1/contrary.bmp"), &picture(0, 48));
    let output = refused(&project, &[]);
    assert!(output.contains("are identical to one of the other class, pixel for pixel"), "{output}");
    assert!(output.contains("p0/0/0.png and p1/1/contrary.bmp"), "{output}");
    let output = project.run(&["--set", "import.i.contradictions='keep'"]).exit(0);
    assert!(output.warnings().contains("identical to an earlier one of the other class"));
    assert_eq!(report(&project)["contradictions"], 1);
}

#[test]
fn mistakes_in_the_table_of_the_stage_have_their_line() {
    let project = small(PIPELINE);
    let wrong = |set: &str| project.run(&["--set", set]).exit(2);
    wrong("import.i.images='pictures'").complains("to read the folder, end the path with a slash");
    wrong("import.i.group-pattern='p[0-9]+'").complains("`group-pattern` needs a group in parentheses");
    wrong("import.i.group-pattern='('").complains("`group-pattern` cannot be read");
    wrong("import.i.side=16").complains("`side` must lie between 32 and 512");
    wrong("import.i.class-words=['a', 'a']").complains("must be two different words");
    wrong("import.i.columns={ id = 'name' }").complains("`columns` are those of `labels`");
    let other = refused(&project, &["import.i.side=50"]);
    assert!(other.contains("has 48 x 48 pixels, but 50 x 50 are expected"), "{other}");
}
