//! The `preview` stage through the binary: the drawing, its table, and errors in its inputs.

use std::fs;

use pcamflow::testing::shared;

use crate::sandbox::{Output, Sandbox};

const SYNTHESIZE: &str = "\
[pipeline]
name = 'look'
[synthesize.s]
patches = 40
slides = 4
";

const META: &str = "meta = 'synthesize.s/meta'\n";
const IMAGES: &str = "images = { x = 'synthesize.s/images', y = 'synthesize.s/labels' }\n";
const UNLABELLED: &str = "images = { x = 'synthesize.s/images' }\n";
const MASKS: &str = "masks = 'synthesize.s/masks'\n";

fn project(preview: &str) -> Sandbox {
    Sandbox::new().pipeline(&format!("{SYNTHESIZE}[preview.p]\n{preview}"))
}

fn text(project: &Sandbox, file: &str) -> String {
    fs::read_to_string(project.path(&format!("out/look/preview.p/{file}"))).unwrap()
}

/// The cells of `rows.csv`, line by line.
fn rows(project: &Sandbox) -> Vec<Vec<String>> {
    let text = text(project, "rows.csv");
    let mut lines = text.lines();
    let header = "row,label,wsi,coord_x,coord_y,tumor_patch,center_tumor_patch";
    assert_eq!(lines.next(), Some(header));
    lines.map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

fn failure(project: &Sandbox) -> String {
    project.run(&[]).exit(1).never_says("panicked").failure()
}

fn refused(output: Output, parts: &[&str]) {
    let output = output.exit(2);
    for part in parts {
        assert!(output.stderr.contains(part), "{part:?} in {}", output.stderr);
    }
}

#[test]
fn a_balanced_grid_shows_the_meta_table() {
    let project = project(&format!("{IMAGES}{META}{MASKS}rows = 2\ncolumns = 3\n"));
    project.run(&[]).ran(["preview.p", "synthesize.s"]);
    let meta = fs::read_to_string(project.path("out/look/synthesize.s/meta.csv")).unwrap();
    let meta: Vec<Vec<&str>> = meta.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let drawn = rows(&project);
    let svg = text(&project, "grid.svg");
    assert_eq!(drawn.iter().map(|row| row[1].as_str()).filter(|&label| label == "1").count(), 3);
    for row in &drawn {
        let line = &meta[row[0].parse::<usize>().unwrap()];
        let [_, y, x, tumor, centre, slide] = line[..] else { panic!("{line:?}") };
        let label = if centre == "True" { "1" } else { "0" };
        assert_eq!(row[1..], [label, slide, x, y, tumor, centre]);
        for text in [format!("row {}", row[0]), slide.to_owned(), format!("x {x}, y {y}")] {
            assert!(svg.contains(&text), "{text}");
        }
    }
    assert!(svg.contains("6 of 40 patches (balanced, seed 42): 3 Non-cancerous, 3 Cancerous"));
    assert!(svg.contains("true tumour"));
    assert_eq!(svg.matches("<image").count(), 6, "the patches are embedded");
    let png = image::open(project.path("out/look/preview.p/grid.png")).unwrap();
    assert!(png.width() > 900 && png.height() > 700);
    project.run(&[]).cached_all();
}

#[test]
fn labels_from_the_meta_table_give_the_same_preview() {
    let labelled = project(&format!("{IMAGES}{META}"));
    labelled.run(&[]).exit(0);
    let unlabelled = project(&format!("{UNLABELLED}{META}"));
    unlabelled.run(&[]).exit(0);
    assert_eq!(rows(&labelled), rows(&unlabelled));
    assert_eq!(text(&labelled, "grid.svg"), text(&unlabelled, "grid.svg"));
}

#[test]
fn a_part_of_a_split_is_looked_up_by_its_source_rows() {
    let split = "[split.d]\nimages = 'synthesize.s/images'\nlabels = 'synthesize.s/labels'\n\
                 meta = 'synthesize.s/meta'\nmasks = 'synthesize.s/masks'\n\
                 sizes = { train = 20, validation = 10, test = 10 }\n";
    let preview = "images = 'split.d/test'\nrows = 2\ncolumns = 2\n";
    let with_meta = project(&format!("{preview}{META}{MASKS}{split}"));
    with_meta.run(&[]).exit(0);
    let without = project(&format!("{preview}{split}"));
    without.run(&[]).exit(0);
    // The part itself has slides and masks. Positions and flags are only in the table.
    let (all, some) = (rows(&with_meta), rows(&without));
    for (all, some) in all.iter().zip(&some) {
        assert_eq!(all[..3], some[..3]);
        assert!(!all[3].is_empty() && some[3].is_empty());
    }
    assert!(text(&without, "grid.svg").contains("true tumour"));
}

#[test]
fn contradictions_between_table_and_labels_are_counted() {
    let project = project(&format!("{IMAGES}meta = 'meta.csv'\n"));
    project.run(&["synthesize.s"]).exit(0);
    let meta = fs::read_to_string(project.path("out/look/synthesize.s/meta.csv")).unwrap();
    let mut lines: Vec<String> = meta.lines().map(str::to_owned).collect();
    for line in &mut lines[5..8] {
        let (kept, rest) = line.split_at(line.find('T').or(line.find('F')).unwrap());
        let flags: Vec<&str> = rest.split(',').collect();
        let flipped = if flags[1] == "True" { "False" } else { "True" };
        *line = format!("{kept}{},{flipped},{}", flags[0], flags[2]);
    }
    project.rewrite("data/meta.csv", lines.join("\n"));
    let warnings = project.run(&[]).exit(0).warnings();
    let told = "contradicts the label of 3 of 40 patches, first of row 4; the picture goes by the labels";
    assert!(warnings.contains(told), "{warnings}");
}

#[test]
fn wrong_inputs_are_reported() {
    let project = project(&format!("{IMAGES}rows = 7\ncolumns = 6\n"));
    let message = failure(&project);
    assert!(message.contains("room for 42 patches (7 rows, 6 columns)"), "{message}");
    assert!(message.contains("synthesize.s/images has only 40"), "{message}");
    let preview = |text: &str| project.rewrite("p.toml", format!("{SYNTHESIZE}[preview.p]\n{text}"));
    preview(&format!("{UNLABELLED}meta = 'meta.csv'\n"));
    project.rewrite("data/meta.csv", ",wsi\n".to_owned() + &"0,a\n".repeat(40));
    let message = failure(&project);
    assert!(message.contains("no `center_tumor_patch` for patch 0"), "{message}");
    project.rewrite("data/meta.csv", "patient\nx\n");
    assert!(failure(&project).contains("none of the columns `wsi`"));
    preview(&format!("{IMAGES}meta = 'meta.csv'\n"));
    project.rewrite("data/meta.csv", ",wsi\n".to_owned() + &"0,a\n".repeat(50));
    let message = failure(&project);
    assert!(message.contains("has 50 lines of patches, but synthesize.s/images has 40 patches"), "{message}");
}

#[test]
fn a_wrong_table_is_reported_before_anything_runs() {
    let refuse = |text: &str, parts: &[&str]| refused(project(text).run(&[]), parts);
    refuse(UNLABELLED, &["patches need labels", "center_tumor_patch"]);
    refuse(&format!("{IMAGES}rows = 0\ncolumns = 21\n"), &["`rows` must lie between 1 and 20", "`columns`"]);
    refuse("images = 'synthesize.s/images'\n", &["`synthesize.s/images` is images", "labelled patches"]);
    refuse("images = { x = 'a.h5', labels = 'b.h5' }\n", &["labels", "did you mean `y`?"]);
}

#[test]
fn real_patches_are_shown() {
    let Some(x) = shared("data/pcam-lossless10/camelyonpatch_level_2_split_test_x.h5") else { return };
    let y = x.with_file_name("camelyonpatch_level_2_split_test_y.h5");
    let images = format!("images = {{ x = '{}', y = '{}' }}\n", x.display(), y.display());
    let project = project(&format!("{images}rows = 2\ncolumns = 5\n"));
    project.run(&["preview.p"]).ran(["preview.p"]);
    let mut labels: Vec<(usize, String)> =
        rows(&project).into_iter().map(|row| (row[0].parse().unwrap(), row[1].clone())).collect();
    labels.sort();
    let expected = ["0", "1", "0", "1", "1", "0", "1", "1", "1", "0"];
    assert!(labels.iter().map(|(_, label)| label.as_str()).eq(expected));
}
