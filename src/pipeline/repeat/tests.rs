//! Repeats of stages with several seeds.

use std::{fmt::Write as _, path::Path};

use proptest::prelude::*;

use crate::pipeline::{Invalid, Options, Pipeline, Source, parse};

const CHAIN: &str = "
[synthesize.s]
[split.d]
images = 'synthesize.s/images'
labels = 'synthesize.s/labels'
sizes = { train = 1, validation = 1, test = 1 }
[train.t]
data = 'split.d'
epochs = 1
seeds = [3, 1]
[train.more]
data = 'split.d'
epochs = 1
weights = 'train.t'
[evaluate.e]
model = 'train.more'
images = 'split.d/test'
";

fn load(text: &str) -> Result<Pipeline, Invalid> {
    parse(Path::new("p/a.toml"), text.to_owned(), &Options::default())
}

fn names(pipeline: &Pipeline) -> Vec<String> {
    pipeline.stages.iter().map(|node| node.name.to_string()).collect()
}

/// What a stage reads: slot, and artifact or file.
fn reads(pipeline: &Pipeline, stage: usize) -> Vec<(String, String)> {
    let source = |source: &Source| match source {
        Source::Artifact { stage, artifact } => format!("{}/{artifact}", pipeline.stages[*stage].name),
        Source::File(user) => user.path.display().to_string(),
    };
    let inputs = &pipeline.stages[stage].inputs;
    inputs.iter().map(|input| (input.slot.clone(), source(&input.source))).collect()
}

/// The text with one part replaced has exactly one problem.
fn wrong(from: &str, to: &str, expected: &[&str]) {
    assert!(CHAIN.contains(from));
    let invalid = load(&CHAIN.replacen(from, to, 1)).err().unwrap();
    let text = invalid.to_string();
    assert_eq!(invalid.count(), 1, "{text}");
    for part in expected {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[test]
fn everything_downstream_is_repeated_and_nothing_else() {
    let pipeline = load(CHAIN).unwrap();
    let expected = [
        "synthesize.s",
        "split.d",
        "train.t@3",
        "train.t@1",
        "train.more@3",
        "train.more@1",
        "evaluate.e@3",
        "evaluate.e@1",
    ];
    assert_eq!(names(&pipeline), expected);
    assert_eq!(reads(&pipeline, 5)[2], ("weights".to_owned(), "train.t@1/model".to_owned()));
    assert_eq!(
        reads(&pipeline, 6),
        [("model", "train.more@3/model"), ("images", "split.d/test")]
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
    );
    let seed = |stage: usize| pipeline.stages[stage].stage.semantic().into_map().get("seed").cloned();
    assert_eq!([2, 3, 4].map(seed), [Some("3".to_owned()), Some("1".to_owned()), None]);
}

#[test]
fn a_reference_to_one_repeat_is_not_repeated() {
    let pipeline = load(&CHAIN.replace("'train.more'", "'train.more@1'")).unwrap();
    assert_eq!(names(&pipeline)[6..], ["evaluate.e"]);
    assert_eq!(reads(&pipeline, 6)[0].1, "train.more@1/model");
    wrong("'train.more'", "'train.more@2'", &["no `train.more@2`", "has the seeds 3, 1", "a.toml:16:9"]);
    wrong("'split.d/test'", "'split.d@1/test'", &["`split.d` is not repeated", "write `split.d`"]);
    wrong("'train.more'", "'train.mroe@1'", &["no stage `train.mroe`", "did you mean `train.more`"]);
    wrong("weights = 'train.t'", "weights = 'train.t@1'\nseeds = [0]\nepoch = 1", &["unknown key `epoch`"]);
}

#[test]
fn wrong_seeds_are_reported_with_their_place() {
    wrong("[3, 1]", "[3, 1, 0x3]", &["the seed 3 is listed twice", "a.toml:10:16"]);
    wrong("[3, 1]", "[3, -1]", &["a.toml:10:13", "the number must not be negative"]);
    wrong("[3, 1]", "[3, 'one']", &["a.toml:10:13", "a whole number is expected"]);
    wrong("[3, 1]", "[]", &["1 to 100 seeds, not 0", "a.toml:10:9"]);
    wrong("[3, 1]", &format!("{:?}", (0..101).collect::<Vec<_>>()), &["1 to 100 seeds, not 101"]);
    wrong("[3, 1]", "3", &["a list of seeds", "seed = 1", "a.toml:10:9"]);
    wrong("epochs = 1\nseeds", "epochs = 1\nseed = 3\nseeds", &["cannot both be given", "a.toml:10:8"]);
    wrong("[synthesize.s]", "[synthesize.s]\n[train.'t@1']", &["`t@1` cannot name a stage"]);
}

#[test]
fn a_problem_of_a_repeated_stage_is_reported_once() {
    wrong("'split.d/test'", "'split.d/tset'", &["no artifact `tset`"]);
    wrong("model = 'train.more'", "model = 'train.mroe'", &["no stage `train.mroe`"]);
    wrong("seeds = [3, 1]", "seeds = [3, 1]\nbatch-size = 0", &["at least 1"]);
    wrong("weights = 'train.t'", "weights = 'train.more'", &["a stage cannot depend on itself"]);
}

#[test]
fn different_seeds_do_not_meet() {
    let of_split = "sizes = { train = 1, validation = 1, test = 1 }\nseeds = [1, 2]";
    let repeated_split = CHAIN.replace("sizes = { train = 1, validation = 1, test = 1 }", of_split);
    let invalid = load(&repeated_split).err().unwrap();
    let expected =
        ["`train.t` has the seeds 3, 1, and depends on `split.d` with the seeds 1, 2", "a.toml:11:9"];
    assert_eq!(invalid.count(), 1, "not again downstream:\n{invalid}");
    for part in expected {
        assert!(invalid.to_string().contains(part), "{part:?} is not in:\n{invalid}");
    }
    let text = CHAIN.replace("[evaluate.e]", "[train.u]\ndata = 'split.d'\nepochs = 1\nseeds = [2]\n[train.v]\ndata = 'split.d'\nepochs = 1\nseeds = [1, 2]\nweights = 'train.u'\n[evaluate.e]");
    let text_of = |text: &str| load(text).err().unwrap().to_string();
    assert!(
        text_of(&text).contains("`train.v` has the seeds 1, 2, and depends on `train.u` with the seeds 2")
    );
    // The same seeds in another order are paired.
    let pipeline = load(&repeated_split.replace("[1, 2]", "[1, 3]")).unwrap();
    assert_eq!(names(&pipeline)[1..5], ["split.d@1", "split.d@3", "train.t@3", "train.t@1"]);
    assert_eq!(reads(&pipeline, 3)[0].1, "split.d@3/train");
}

/// A random pipeline: every stage reads earlier ones, drawn by its numbers; some have seeds.
#[derive(Debug, Clone)]
struct Drawn {
    /// Per stage: kind, two choices of what it reads, which of the lists of seeds it has.
    stages: Vec<(u8, prop::sample::Index, prop::sample::Index, Option<usize>)>,
}

fn drawn(lists: usize) -> impl Strategy<Value = Drawn> {
    let stage = (
        0_u8..4,
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        proptest::option::weighted(0.2, 0..lists),
    );
    proptest::collection::vec(stage, 1..14).prop_map(|stages| Drawn { stages })
}

impl Drawn {
    /// As a file; `seed` writes what a stage with the list of that number says.
    fn text(&self, seed: impl Fn(usize) -> String) -> String {
        let mut text = "[synthesize.s]\n[split.d]\nimages='synthesize.s/images'\nlabels='synthesize.s/labels'\nsizes={train=1,validation=1,test=1}\n[train.t]\ndata='split.d'\nepochs=1\n".to_owned();
        let (mut data, mut models) = (vec!["d".to_owned()], vec!["t".to_owned()]);
        let mut sources = vec!["s".to_owned()];
        for (index, (kind, one, other, list)) in self.stages.iter().enumerate() {
            let seed = list.map(&seed).unwrap_or_default();
            let (one_of, other_of) =
                (|names: &[String]| one.get(names).clone(), |names: &[String]| other.get(names).clone());
            match kind {
                0 => {
                    writeln!(text, "[synthesize.s{index}]\n{seed}").unwrap();
                    sources.push(format!("s{index}"));
                }
                1 => {
                    let (x, y) = (one_of(&sources), other_of(&sources));
                    writeln!(text, "[split.d{index}]\nimages='synthesize.{x}/images'\nlabels='synthesize.{y}/labels'\nsizes={{train=1,validation=1,test=1}}\n{seed}").unwrap();
                    data.push(format!("d{index}"));
                }
                2 => {
                    let (data, model) = (one_of(&data), other_of(&models));
                    writeln!(
                        text,
                        "[train.t{index}]\ndata='split.{data}'\nweights='train.{model}'\nepochs={}\n{seed}",
                        index + 1
                    )
                    .unwrap();
                    models.push(format!("t{index}"));
                }
                _ => {
                    let (data, model) = (one_of(&data), other_of(&models));
                    writeln!(
                        text,
                        "[evaluate.e{index}]\nmodel='train.{model}'\nimages='split.{data}/test'\n{seed}"
                    )
                    .unwrap();
                }
            }
        }
        text
    }

    /// For each stage of the file, the lists of seeds that it has or depends on.
    fn lists(&self) -> Vec<(String, std::collections::BTreeSet<usize>)> {
        let plain = load(&self.text(|_| String::new())).unwrap();
        let list = |name: &str| {
            let digits: String = name.chars().filter(char::is_ascii_digit).collect();
            digits.parse::<usize>().ok().and_then(|index| self.stages[index].3)
        };
        let of = |stage: usize| {
            let ancestors = plain.graph.with_ancestors(&[stage]);
            let seeded = names(&plain).into_iter().zip(ancestors).filter(|(_, needed)| *needed);
            seeded.filter_map(|(name, _)| list(&name)).collect()
        };
        names(&plain).into_iter().enumerate().map(|(stage, name)| (name, of(stage))).collect()
    }
}

proptest! {
    #[test]
    fn each_seed_gives_the_pipeline_that_has_it_as_its_seed(drawn in drawn(1)) {
        let seeds = [5_u64, 0, 7];
        let repeated = load(&drawn.text(|_| format!("seeds = {seeds:?}"))).unwrap();
        let count: usize =
            drawn.lists().iter().map(|(_, lists)| if lists.is_empty() { 1 } else { seeds.len() }).sum();
        prop_assert_eq!(repeated.stages.len(), count);
        prop_assert_eq!(repeated.graph.order().len(), count, "no cycle");
        let all = names(&repeated);
        for seed in seeds {
            let single = load(&drawn.text(|_| format!("seed = {seed}"))).unwrap();
            for (stage, (name, lists)) in drawn.lists().iter().enumerate() {
                let repeat = if lists.is_empty() { name.clone() } else { format!("{name}@{seed}") };
                let place = all.iter().position(|other| *other == repeat);
                prop_assert!(place.is_some(), "{} is not in {:?}", repeat, all);
                let place = place.unwrap();
                prop_assert_eq!(repeated.stages[place].stage.semantic(), single.stages[stage].stage.semantic());
                let own = reads(&repeated, place);
                for (_, source) in &own {
                    let of_this_seed = source.contains(&format!("@{seed}/"));
                    prop_assert!(of_this_seed || !source.contains('@'), "{} reads {}", repeat, source);
                }
                let plain: Vec<_> =
                    own.into_iter().map(|(slot, source)| (slot, source.replace(&format!("@{seed}/"), "/"))).collect();
                prop_assert_eq!(plain, reads(&single, stage));
            }
        }
    }

    #[test]
    fn different_seeds_are_refused_where_they_meet_and_nowhere_else(drawn in drawn(3)) {
        let meet = drawn.lists().iter().any(|(_, lists)| lists.len() > 1);
        let loaded = load(&drawn.text(|list| format!("seeds = [{list}, 9]")));
        prop_assert_eq!(loaded.is_err(), meet, "{:?}", loaded.err());
    }
}
