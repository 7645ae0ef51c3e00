//! Keys do not depend on spelling: order, comments, `extends`, `remove`, `[params]` or dotted keys.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use pcamflow::{
    digest::Digest,
    pipeline::{Options, parse},
};
use proptest::prelude::*;

use crate::keys::fingerprint;

/// A setting of a stage: the table, the key, its possible values, and whether it is optional.
struct Field(&'static str, &'static str, &'static [&'static str], bool);

const FIELDS: &[Field] = &[
    Field("split.d", "images", &["'x.h5'", "'z.h5'"], false),
    Field("split.d", "labels", &["'y.h5'", "{ path = 'y.h5' }"], false),
    Field("split.d", "sizes", &["{ train = 4, validation = 2, test = 2 }"], false),
    Field("split.d", "algorithm", &["'scikit-learn'", "'pcamflow'"], true),
    Field("train.t", "data", &["'split.d'"], false),
    Field("train.t", "epochs", &["8", "9"], false),
    Field("train.t", "architecture.class-cnn.channels", &["[2, 2, 2, 2]", "[4, 4, 4, 4]"], true),
    Field(
        "train.t",
        "optimizer",
        &["{ adam = { learning-rate = 0.5 } }", "{ sgd = { momentum = 0.5 } }"],
        true,
    ),
    Field("train.t", "augmentation.hue", &["0.25", "0.125"], true),
    Field("train.t", "shuffle", &["false", "true"], true),
    Field("train.t", "seed", &["7", "42"], true),
    Field("explain.e", "model", &["'train.t'"], false),
    Field("explain.e", "images", &["'split.d/test'", "'split.d/validation'"], false),
    Field("explain.e", "take", &["1", "2"], true),
    Field(
        "explain.e",
        "method",
        &["{ saliency = {} }", "{ occlusion = { window = 8 } }", "{ grad-cam = {} }"],
        false,
    ),
    Field("metrics.m", "explanations", &["{ a = 'explain.e' }"], false),
];

/// How one setting is written.
#[derive(Debug, Clone)]
struct Said {
    /// The index of the value; `None` leaves the setting out.
    choice: Option<usize>,
    /// Written in the parent, in the child, or in both. If in both, the child overrides the parent.
    place: Place,
    /// Written as a parameter: `true` in the parent, `false` in the child.
    param: Option<bool>,
    /// Its position among the other settings.
    rank: u32,
    comment: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    Parent,
    Own,
    Both,
}

fn said(field: &'static Field) -> impl Strategy<Value = Said> {
    let Field(_, _, texts, optional) = field;
    let choice = if *optional {
        proptest::option::weighted(0.6, 0..texts.len()).boxed()
    } else {
        (0..texts.len()).prop_map(Some).boxed()
    };
    let place = prop_oneof![Just(Place::Parent), Just(Place::Own), Just(Place::Both)];
    let param = proptest::option::of(any::<bool>());
    (choice, place, param, any::<u32>(), any::<bool>())
        .prop_map(|(choice, place, param, rank, comment)| Said { choice, place, param, rank, comment })
}

fn all_said() -> impl Strategy<Value = Vec<Said>> {
    FIELDS.iter().map(said).collect::<Vec<_>>()
}

/// The lines of a file, by table.
#[derive(Default)]
struct File {
    tables: BTreeMap<String, Vec<(u32, String)>>,
    remove: Vec<String>,
}

impl File {
    fn add(&mut self, table: &str, rank: u32, line: String) {
        self.tables.entry(table.to_owned()).or_default().push((rank, line));
    }

    fn text(mut self, extends: Option<&str>) -> String {
        let mut text = extends.map(|file| format!("extends = '{file}'\n")).unwrap_or_default();
        if !self.remove.is_empty() {
            let _ = writeln!(text, "remove = {:?}", self.remove);
        }
        self.tables.values_mut().for_each(|lines| lines.sort());
        let mut tables: Vec<_> = self.tables.into_iter().collect();
        tables.sort_by_key(|(_, lines)| lines[0].0);
        for (table, lines) in tables {
            let _ = writeln!(text, "[{table}]");
            lines.iter().for_each(|(_, line)| text.push_str(line));
        }
        text
    }
}

/// The pipeline in its plainest form, and as drawn: in two files, with parameters, in any order.
fn written(said: &[Said]) -> (String, [String; 2]) {
    let (mut plain, mut parent, mut own) = (File::default(), File::default(), File::default());
    for (index, (Field(stage, key, texts, _), said)) in FIELDS.iter().zip(said).enumerate() {
        let rank = said.rank;
        let Some(choice) = said.choice else {
            if said.place == Place::Both {
                // Set in the parent only, and removed by the child.
                parent.add(stage, rank, format!("{key} = {}\n", texts[0]));
                own.remove.push(format!("{stage}.{key}"));
            }
            continue;
        };
        let text = texts[choice];
        let other = texts[(choice + 1) % texts.len()];
        plain.add(stage, u32::try_from(index).unwrap(), format!("{key} = {text}\n"));
        let comment = if said.comment { "  # why\n# and more\n\n" } else { "\n" };
        let value = match said.param {
            None => text.to_owned(),
            Some(of_parent) => {
                let file = if of_parent { &mut parent } else { &mut own };
                file.add("params", rank, format!("p{index} = {text}\n"));
                format!("\"${{params.p{index}}}\"")
            }
        };
        let line = format!("{key} = {value}{comment}");
        match said.place {
            Place::Parent => parent.add(stage, rank, line),
            Place::Own => own.add(stage, rank, line),
            Place::Both => {
                parent.add(stage, rank, format!("{key} = {other}\n"));
                own.add(stage, rank, line);
            }
        }
    }
    (plain.text(None), [parent.text(None), own.text(Some("parent.toml"))])
}

/// The key of every stage, by name.
fn keys(file: &Path, text: &str) -> BTreeMap<String, Digest> {
    let pipeline = parse(file, text.to_owned(), &Options::default())
        .unwrap_or_else(|invalid| panic!("{invalid}\n{text}"));
    let of = |stage: usize| (pipeline.stages[stage].name.to_string(), fingerprint(&pipeline, stage).key());
    (0..pipeline.stages.len()).map(of).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Order, comments, `extends`, `remove` and parameters do not change keys.
    #[test]
    fn equivalent_spellings_have_equal_keys(said in all_said()) {
        let folder = tempfile::tempdir().unwrap();
        let (plain, [parent, own]) = written(&said);
        fs::write(folder.path().join("parent.toml"), &parent).unwrap();
        let file = folder.path().join("own.toml");
        prop_assert_eq!(keys(&file, &plain), keys(&file, &own), "{}\n--- parent\n{}\n--- own\n{}", plain, parent, own);
    }

    /// A parameter enters the key by its value.
    #[test]
    fn a_parameter_counts_by_its_value(epochs in 1_u32..1000, more in 1_u32..1000) {
        let text = |epochs: u32| format!(
            "[params]\ne = {epochs}\n[split.d]\nimages = 'x'\nlabels = 'y'\nsizes = {{ train = 1, validation = 1, test = 1 }}\n\
             [train.t]\ndata = 'split.d'\nepochs = \"${{params.e}}\"\n"
        );
        let file = Path::new("p.toml");
        let [one, other] = [text(epochs), text(epochs + more)].map(|text| keys(file, &text)["train.t"]);
        prop_assert_ne!(one, other);
    }
}
