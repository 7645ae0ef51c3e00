//! `maps.h5`: the maps of an explainer, and how they were made.
//!
//! The layout is that of `explain`, or of such a file made by hand: `map` [N, S, S] float32 with S the side of the
//! patches, `row` `[N]`, `label` `[N]` 0 or 1, `logit` `[N]`; attributes `method`, `parameters` (JSON, optional), `target`, `score`, `precision`
//! (optional). Maps are read one at a time, from any thread. Values may be infinite or NaN.

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    Source,
    h5::{H5File, Length, Numbers, read_floats, read_integers, read_labels, read_text_attribute},
};
use crate::side::Side;

/// How maps were made, in the terms of a pipeline file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Making {
    /// The method: `grad-cam`.
    pub method: String,
    /// Its parameters.
    pub parameters: Map<String, Value>,
    /// Which class they explain: `tumor`.
    pub target: String,
    /// Which output for it: `logit`.
    pub score: String,
    /// How exactly the network was computed, if not in float32: `bf16`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<String>,
    /// What the network returned, if it came with its code: `logit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// How the stage normalised images, if it did: `mean` and `std`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalise: Option<Value>,
}

/// The maps of one explainer.
#[derive(Debug)]
pub struct MapSet {
    source: Source,
    maps: Numbers,
    side: Side,
    rows: Vec<i64>,
    labels: Vec<u8>,
    logits: Vec<f32>,
    making: Making,
}

impl MapSet {
    /// Opens the maps of a file.
    ///
    /// # Errors
    /// Anything wrong with the file (see `h5`); datasets of different lengths, a label other than 0 and 1,
    /// parameters that are not JSON.
    pub fn open(source: &Source) -> Result<Self> {
        let file = H5File::open(source)?;
        let (maps, side) = Numbers::maps(&file, "map")?;
        let length = Length::Exactly(maps.rows());
        Ok(Self {
            source: source.clone(),
            rows: read_integers(&file, "row", length)?,
            labels: read_labels(&file, "label", length)?,
            logits: read_floats(&file, "logit", length)?,
            making: making(&file)?,
            maps,
            side,
        })
    }

    /// The file.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The number of maps, at least 1.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // a file without maps does not open
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Rows and columns of each map.
    #[must_use]
    pub fn side(&self) -> Side {
        self.side
    }

    /// For each map, the row of its patch in the original file.
    #[must_use]
    pub fn rows(&self) -> &[i64] {
        &self.rows
    }

    /// For each map, the label of its patch.
    #[must_use]
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// For each map, the logit of its patch.
    #[must_use]
    pub fn logits(&self) -> &[f32] {
        &self.logits
    }

    /// How they were made.
    #[must_use]
    pub fn making(&self) -> &Making {
        &self.making
    }

    /// Reads one map, row-major.
    ///
    /// # Errors
    /// No such map; a damaged or missing file.
    pub fn read(&self, position: usize) -> Result<Vec<f32>> {
        self.maps.read(position..position + 1)
    }
}

fn making(file: &H5File) -> Result<Making> {
    let text = |name: &str| {
        let message = || "the attributes `method`, `target` and `score` say how maps were made";
        read_text_attribute(file, name).with_context(message)
    };
    let parameters = object(file, "parameters")?.unwrap_or_default();
    let [method, target, score] = [text("method")?, text("target")?, text("score")?];
    Ok(Making {
        method,
        parameters,
        target,
        score,
        precision: optional(file, "precision")?,
        output: optional(file, "output")?,
        normalise: object(file, "normalise")?.map(Value::Object),
    })
}

fn optional(file: &H5File, name: &str) -> Result<Option<String>> {
    file.has_attribute(name).then(|| read_text_attribute(file, name)).transpose()
}

fn object(file: &H5File, name: &str) -> Result<Option<Map<String, Value>>> {
    let message = || format!("{}: attribute `{name}` is not a JSON object", file.source());
    optional(file, name)?.map(|text| serde_json::from_str(&text).with_context(message)).transpose()
}

#[cfg(test)]
mod tests {
    use hdf5::types::{FixedAscii, VarLenAscii};

    use super::*;
    use crate::data::{
        arrays::{Array, ArrayFile, Attribute, Element, Notes},
        fixtures::{Files, damage},
    };

    const PIXELS: usize = Side::PCAM.pixels();

    fn made(files: &Files, attributes: &[(&str, &str)], element: Element) -> Source {
        let source = files.source("maps.h5");
        let arrays = vec![
            Array::new("map", element, [2, 96, 96]),
            Array::new("row", Element::I64, [2]),
            Array::new("label", Element::U8, [2]),
            Array::new("logit", Element::F32, [2]),
        ];
        let text = |(name, text): &(&str, &str)| ((*name).to_owned(), Attribute::Text((*text).to_owned()));
        let notes = Notes { attributes: attributes.iter().map(text).collect(), texts: Vec::new() };
        let mut file = ArrayFile::create(&source.path, arrays, &notes).unwrap();
        let values = |scale: f32| (0..PIXELS).map(move |at| scale * at as f32);
        match element {
            Element::F64 => {
                let all: Vec<f64> = values(0.5).chain(values(-2.0)).map(f64::from).collect();
                file.write("map", 0, &all).unwrap();
            }
            _ => file.write("map", 0, &values(0.5).chain(values(-2.0)).collect::<Vec<f32>>()).unwrap(),
        }
        file.write("row", 0, &[17_i64, 3]).unwrap();
        file.write("label", 0, &[1_u8, 0]).unwrap();
        file.write("logit", 0, &[0.25_f32, -1.0]).unwrap();
        file.finish().unwrap();
        source
    }

    const MAKING: [(&str, &str); 4] = [
        ("method", "grad-cam"),
        ("parameters", r#"{"layer":"relu4"}"#),
        ("target", "tumor"),
        ("score", "logit"),
    ];

    fn message(source: &Source) -> String {
        format!("{:#}", MapSet::open(source).unwrap_err())
    }

    #[test]
    fn what_explain_writes_is_read() {
        for element in [Element::F32, Element::F64] {
            let files = Files::new();
            let set = MapSet::open(&made(&files, &MAKING, element)).unwrap();
            assert_eq!((set.len(), set.rows(), set.labels()), (2, &[17, 3][..], &[1, 0][..]));
            assert_eq!(set.logits(), [0.25, -1.0]);
            let making = set.making();
            assert_eq!((making.method.as_str(), making.target.as_str()), ("grad-cam", "tumor"));
            assert_eq!(making.parameters["layer"], "relu4");
            let map = set.read(1).unwrap();
            assert_eq!((map.len(), map[0], map[1], map[PIXELS - 1]), (PIXELS, 0.0, -2.0, -2.0 * 9215.0));
            assert_eq!(set.read(0).unwrap()[3], 1.5);
            assert!(set.read(2).is_err());
        }
    }

    #[test]
    fn compressed_maps_and_all_formats_of_texts_are_read() {
        let files = Files::new();
        let file = hdf5::File::create(files.path("maps.h5")).unwrap();
        let maps =
            ndarray::Array3::from_shape_fn((3, 96, 96), |(row, y, x)| (row * 10_000 + y * 96 + x) as f32);
        file.new_dataset_builder().deflate(4).chunk((2, 40, 7)).with_data(&maps).create("map").unwrap();
        file.new_dataset_builder().with_data(&[5_u32, 6, 7]).create("row").unwrap();
        file.new_dataset_builder().with_data(&[0_i64, 1, 0]).create("label").unwrap();
        file.new_dataset_builder().with_data(&[0.5_f64, 1.0, f64::NAN]).create("logit").unwrap();
        let fixed = FixedAscii::<8>::from_ascii(b"saliency").unwrap();
        file.new_attr::<FixedAscii<8>>().create("method").unwrap().write_scalar(&fixed).unwrap();
        for (name, text) in [("target", &b"label"[..]), ("score", b"logit")] {
            let text = VarLenAscii::from_ascii(text).unwrap();
            file.new_attr::<VarLenAscii>().create(name).unwrap().write_scalar(&text).unwrap();
        }
        file.close().unwrap();
        let set = MapSet::open(&files.source("maps.h5")).unwrap();
        assert_eq!((set.making().method.as_str(), set.making().target.as_str()), ("saliency", "label"));
        assert!(set.making().parameters.is_empty());
        assert_eq!(set.read(2).unwrap()[97], 20_097.0);
        assert!(set.logits()[2].is_nan());
    }

    #[test]
    fn errors_name_the_file_and_the_dataset() {
        let files = Files::new();
        let without = |name: &str| {
            let left: Vec<_> = MAKING.into_iter().filter(|(other, _)| *other != name).collect();
            message(&made(&files, &left, Element::F32))
        };
        assert!(without("target").contains("maps.h5") && without("target").contains("no attribute `target`"));
        assert!(MapSet::open(&made(&files, &MAKING[..1], Element::F32)).is_err());
        let odd =
            message(&made(&files, &[("method", "x"), ("parameters", "grad"), ("target", "t")], Element::F32));
        assert!(odd.contains("attribute `parameters` is not a JSON object"), "{odd}");
        let number = files.source("number.h5");
        std::fs::copy(made(&files, &MAKING[1..], Element::F32).path, &number.path).unwrap();
        let file = hdf5::File::open_rw(&number.path).unwrap();
        file.new_attr::<i64>().create("method").unwrap().write_scalar(&3).unwrap();
        file.close().unwrap();
        assert!(message(&number).contains("attribute `method` is not one text"), "{}", message(&number));
    }

    #[test]
    fn arrays_of_other_shapes_are_refused() {
        let files = Files::new();
        let with = |name: &str, shape: &[usize], element| {
            let mut arrays = vec![
                Array::new("map", Element::F32, [2, 96, 96]),
                Array::new("row", Element::I64, [2]),
                Array::new("label", Element::U8, [2]),
                Array::new("logit", Element::F32, [2]),
            ];
            arrays.retain(|array| array.name != name);
            arrays.push(Array::new(name, element, shape));
            let source = files.source("odd.h5");
            drop(ArrayFile::create(&source.path, arrays, &Notes::default()).unwrap());
            message(&source)
        };
        let shape = with("map", &[2, 64, 63], Element::F32);
        assert!(
            shape.ends_with(
                "dataset `map` is float32 [2, 64, 63], expected float32 [N, S, S], S from 32 to 512"
            ),
            "{shape}"
        );
        assert!(with("map", &[2, 96, 96], Element::U8).contains("uint8 [2, 96, 96], expected float32"));
        assert!(with("map", &[], Element::F32).contains("float32 [], expected float32 [N, S, S]"));
        assert!(with("map", &[0, 96, 96], Element::F32).contains("`map` has no rows"));
        assert!(with("row", &[3], Element::I64).contains("`row` has 3 rows, expected 2"));
        assert!(
            with("logit", &[2, 2], Element::F32).contains("`logit` is float32 [2, 2], expected one number")
        );
        assert!(with("label", &[2], Element::F32).contains("`label` is float32 [2], expected integers"));
    }

    #[test]
    fn a_label_other_than_0_and_1_and_a_damaged_file_are_errors() {
        let files = Files::new();
        let source = made(&files, &MAKING, Element::F32);
        let file = hdf5::File::open_rw(&source.path).unwrap();
        file.dataset("label").unwrap().write(&[1_u8, 2]).unwrap();
        file.close().unwrap();
        assert!(message(&source).contains("dataset `label`, row 1: the label is 2"), "{}", message(&source));
        damage(&source.path, 8..400);
        assert!(message(&source).contains("maps.h5"));
    }
}
