//! The pictures of the tests, for people: the tests write them to `PCAMFLOW_GALLERY`, if it is set.

use std::{env, fs, path::Path};

use super::Picture;

/// Draws a picture and returns the PNG's size and the SVG.
pub(crate) fn drawn(name: &str, picture: &Picture) -> ((u32, u32), String) {
    let (png, svg) = (picture.png().unwrap(), picture.svg().unwrap());
    if let Some(folder) = env::var_os("PCAMFLOW_GALLERY") {
        fs::create_dir_all(&folder).unwrap();
        fs::write(Path::new(&folder).join(format!("{name}.png")), &png).unwrap();
        fs::write(Path::new(&folder).join(format!("{name}.svg")), &svg).unwrap();
    }
    let decoded = image::load_from_memory(&png).unwrap();
    ((decoded.width(), decoded.height()), svg)
}
