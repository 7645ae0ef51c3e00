//! Files that are packed with gzip where plain ones are due, through the built binaries.

use std::{fs, io::Write as _};

use flate2::{Compression, write::GzEncoder};

use crate::{
    hdf5_files::{images, labels},
    sandbox::Sandbox,
};

/// Two stages read the same packed file.
const PIPELINE: &str = "\
[pipeline]
name = 'p'
[split.d]
images = 'x.h5.gz'
labels = 'y.h5'
sizes = { train = 12, validation = 4, test = 4 }
[preview.p]
images = { x = 'x.h5.gz', y = 'y.h5' }
rows = 2
columns = 2
";

fn project() -> Sandbox {
    Sandbox::new().pipeline(PIPELINE).with(|root| {
        images(&root.join("data/x.h5"), 20);
        let alternating: Vec<u8> = (0..20).map(|row| row % 2).collect();
        labels(&root.join("data/y.h5"), &alternating);
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(&fs::read(root.join("data/x.h5")).unwrap()).unwrap();
        fs::write(root.join("data/x.h5.gz"), packed.finish().unwrap()).unwrap();
    })
}

#[test]
fn a_packed_file_is_unpacked_once_and_is_worth_the_plain_one() {
    let project = project();
    let plain = fs::read(project.path("data/x.h5")).unwrap();
    fs::remove_file(project.path("data/x.h5")).unwrap();
    project.run(&[]).ran(["unpack.x", "split.d", "preview.p"]);
    assert!(fs::read(project.path("out/p/unpack.x/file.h5")).unwrap() == plain);
    project.run(&[]).cached_all();
    // The plain file has the same content, so nothing that reads it runs again.
    fs::write(project.path("data/x.h5"), plain).unwrap();
    project.rewrite("p.toml", PIPELINE.replace("x.h5.gz", "x.h5"));
    project.run(&[]).cached_all();
    // Neither has the name of a packed file a part in a key.
    fs::rename(project.path("data/x.h5.gz"), project.path("data/(other).h5.gz")).unwrap();
    project.rewrite("p.toml", PIPELINE.replace("x.h5.gz", "(other).h5.gz"));
    let output = project.run(&[]).cached_all();
    assert!(output.stdout.contains("unpack.-other-"), "{}", output.stdout);
}

#[test]
fn a_damaged_file_is_named() {
    let project = project();
    let packed = fs::read(project.path("data/x.h5.gz")).unwrap();
    for (bytes, part) in
        [(&packed[..packed.len() / 2], "or it is damaged"), (b"\x89HDF\r\n\x1a\n plain", "or it is damaged")]
    {
        fs::write(project.path("data/x.h5.gz"), bytes).unwrap();
        let failure = project.run(&[]).exit(1).failure();
        assert!(failure.contains("x.h5.gz is not packed with gzip") && failure.contains(part), "{failure}");
    }
}

#[test]
fn a_stage_of_ones_own_unpacks_too() {
    let project = project();
    project.rewrite(
        "p.toml",
        format!("{}[unpack.own]\nfile = 'x.h5.gz'\n", PIPELINE.replace("= 'x.h5.gz'", "= 'unpack.own'")),
    );
    project.run(&[]).ran(["unpack.own", "split.d", "preview.p"]);
    project.rewrite("p.toml", "[unpack.own]\nfile = 'x.h5'\n");
    project.run(&[]).exit(2).complains("its name ends with .gz");
}
