//! Loads a pipeline from a file and overrides, or reports all of its problems.

use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use toml::{Spanned, de::DeTable};

use super::{
    Pipeline,
    document::{self, Document},
    extends::{self, Broken, Loaded, Read, from_disk},
    overrides,
    read::{Tables, read_tables, sub_table},
    repeat::expand,
    resolve::resolve,
    root::{default_data, project_root},
    sources::Sources,
    sweep_table, unpacked,
};
use crate::stages::{Problem, is_name};

/// The options of the command line for a pipeline.
#[derive(Debug, Default, Clone)]
pub struct Options {
    /// `--set`, in order.
    pub set: Vec<String>,
    /// `--data`.
    pub data: Option<PathBuf>,
}

/// All problems of a pipeline.
#[derive(thiserror::Error)]
#[error("{}", .sources.render(.problems, false))]
pub struct Invalid {
    sources: Sources,
    problems: Vec<Problem>,
    /// An extended file that could not be read.
    unread: Option<PathBuf>,
}

impl Invalid {
    /// All problems as text, each with its place.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        self.sources.render(&self.problems, colour)
    }

    /// The files that were read, each after the one that it extends, and the file that could not be read.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.sources.files().map(|(file, ..)| file).chain(self.unread.as_deref())
    }

    /// Each problem as text, with and without colours.
    pub(super) fn each(&self) -> impl Iterator<Item = [String; 2]> {
        let one = |problem: &Problem| {
            [true, false].map(|colour| self.sources.render(std::slice::from_ref(problem), colour))
        };
        self.problems.iter().map(one)
    }

    /// The number of problems.
    #[must_use]
    pub fn count(&self) -> usize {
        self.problems.len()
    }
}

impl fmt::Debug for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

/// Loads a pipeline file.
///
/// # Errors
/// All problems of the file and the overrides.
pub fn load(file: &Path, options: &Options) -> Result<Pipeline, Invalid> {
    parse_with(file, text_of(file)?, options, &[], &from_disk)
}

/// Loads a pipeline from texts by the names of their files, as the record of a run has them. No pipeline file is read.
///
/// # Errors
/// All problems of the texts and the overrides, also a text that is missing.
pub fn recorded(
    file: &Path,
    texts: &BTreeMap<String, Arc<str>>,
    options: &Options,
) -> Result<Pipeline, Invalid> {
    let missing = || io::Error::other("the record of the run does not have its text");
    let read =
        |file: &Path| texts.get(&file.display().to_string()).map(|text| text.to_string()).ok_or_else(missing);
    parse_with(file, text_from(file, &read)?, options, &[], &read)
}

/// The text of a pipeline file.
pub(super) fn text_of(file: &Path) -> Result<String, Invalid> {
    text_from(file, &from_disk)
}

fn text_from(file: &Path, read: Read<'_>) -> Result<String, Invalid> {
    read(file).map_err(|error| {
        let message = format!("cannot read the pipeline {}: {error}", file.display());
        Invalid { sources: Sources::default(), problems: vec![Problem::unplaced(message)], unread: None }
    })
}

/// The name of the pipeline in a file; `None` if the file cannot be read or is not TOML.
#[must_use]
pub fn name_in(file: &Path) -> Option<String> {
    let text = text_of(file).ok()?;
    let table = DeTable::parse(&text).ok()?;
    let name =
        table.get_ref().get("pipeline").and_then(|table| table.get_ref().get("name")?.get_ref().as_str());
    Some(name.map_or_else(|| stem(file), str::to_owned))
}

fn stem(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Loads a pipeline from text, as if it were the text of `file`.
///
/// # Errors
/// All problems of the text, the files that it extends and the overrides.
pub fn parse(file: &Path, text: String, options: &Options) -> Result<Pipeline, Invalid> {
    parse_with(file, text, options, &[], &from_disk)
}

/// Loads a trial of a sweep. Its values are the last ones of `options.set`, and are written at `places`.
pub(super) fn parse_trial(
    file: &Path,
    text: String,
    options: &Options,
    places: &[String],
) -> Result<Pipeline, Invalid> {
    parse_with(file, text, options, places, &from_disk)
}

fn parse_with(
    file: &Path,
    text: String,
    options: &Options,
    places: &[String],
    read: Read<'_>,
) -> Result<Pipeline, Invalid> {
    let (files, broken) = extends::chain(file, text, read);
    let mut sources = Sources::default();
    let mut bases: Vec<usize> =
        files.into_iter().rev().map(|Loaded { file, text }| sources.add_file(&file, text)).collect();
    bases.reverse();
    if let Some(Broken { by, file, problem }) = broken {
        let span = problem.span.map(|span| overrides::moved(span, bases[by]));
        let problem = Problem { span, ..problem };
        return Err(Invalid { sources, problems: vec![problem], unread: Some(file) });
    }
    let own = options.set.len() - places.len().min(options.set.len());
    for (index, set) in options.set.iter().enumerate() {
        match index.checked_sub(own).map(|of_trial| places[of_trial].as_str()) {
            None => sources.add_set(index + 1, overrides::as_toml(set)),
            Some(place) => sources.add_trial(place, overrides::as_toml(set)),
        };
    }
    let mut problems = Vec::new();
    let pipeline = build(file, &sources, options, &mut problems);
    match pipeline {
        Some(pipeline) if problems.is_empty() => Ok(Pipeline { sources, ..pipeline }),
        _ => {
            problems.sort_by_key(|problem| problem.span.as_ref().map(|span| (span.start, span.end)));
            problems.dedup();
            Err(Invalid { sources, problems, unread: None })
        }
    }
}

fn build(file: &Path, sources: &Sources, options: &Options, problems: &mut Vec<Problem>) -> Option<Pipeline> {
    let mut document = document::read(sources, problems)?;
    let of_texts = problems.len();
    let pipeline = of_document(file, &mut document, sources, options, problems);
    if !problems.is_empty() {
        document.explain(problems, of_texts);
    }
    pipeline
}

fn of_document(
    file: &Path,
    document: &mut Document<'_>,
    sources: &Sources,
    options: &Options,
    problems: &mut Vec<Problem>,
) -> Option<Pipeline> {
    let tables = &document.tables;
    let sweep = sub_table(tables, "sweep", problems)
        .and_then(|table| sweep_table::read(&table, tables.get_ref(), sources, problems));
    let Tables { settings, run, report, stages } = read_tables(&mut document.tables, problems);
    let name = pipeline_name(file, settings.name.as_deref(), &document.tables, problems)?;
    let root = project_root(file)
        .map_err(|foreign| problems.push(Problem::unplaced(foreign.to_string()).help(foreign.help())))
        .ok()?;
    let data = default_data(&root, options.data.as_deref(), settings.data.as_deref());
    if stages.is_empty() && problems.is_empty() {
        let message = format!("{} declares no stage", file.display());
        problems.push(Problem::unplaced(message).help("`pcamflow init` writes a first pipeline"));
    }
    let mut stages = expand(stages, problems);
    unpacked::add(&mut stages);
    let (stages, graph) = resolve(stages, &root, &data, sources, problems)?;
    let (file, notes) = (file.to_owned(), document.notes());
    let (trials, sources) = (Vec::new(), Sources::default());
    let report = report.enabled;
    Some(Pipeline { name, file, root, data, run, report, stages, graph, trials, sweep, notes, sources })
}

fn pipeline_name(
    file: &Path,
    name: Option<&str>,
    document: &Spanned<DeTable<'_>>,
    problems: &mut Vec<Problem>,
) -> Option<String> {
    let stem = stem(file);
    let given = name.unwrap_or(&stem);
    if is_name(given) {
        return Some(given.to_owned());
    }
    let span = crate::stages::span_of(document, "pipeline.name");
    let message = format!("`{given}` cannot name a pipeline, because it becomes the name of a folder");
    problems.push(Problem::at(span, message).help("set `[pipeline] name` to letters, digits, `-` and `_`"));
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::Source;

    const GOOD: &str = "
[pipeline]
seed = 7
[split.pcam]
images = 'x.h5'
labels = 'y.h5'
sizes = { train = 600, validation = 200, test = 200 }
[train.base]
data = 'split.pcam'
epochs = 8
[evaluate.test]
model = 'train.base'
images = 'split.pcam/test'
[explain.cam]
model = 'train.base'
images = 'split.pcam/test'
method.grad-cam = { layer = 'relu3' }
";

    fn load(text: &str, set: &[&str]) -> Result<Pipeline, Invalid> {
        let options = Options { set: set.iter().map(|set| (*set).to_owned()).collect(), data: None };
        parse(Path::new("p/a.toml"), text.to_owned(), &options)
    }

    fn errors(text: &str, set: &[&str]) -> String {
        load(text, set).err().map(|invalid| invalid.to_string()).unwrap_or_default()
    }

    /// The good pipeline with one text replaced fails with all of `expected`.
    fn wrong(from: &str, to: &str, expected: &[&str]) {
        assert!(GOOD.contains(from));
        let text = errors(&GOOD.replacen(from, to, 1), &[]);
        for part in expected {
            assert!(text.contains(part), "{part:?} is not in:\n{text}");
        }
    }

    #[test]
    fn references_become_artifacts() {
        let pipeline = load(GOOD, &[]).unwrap();
        assert_eq!(pipeline.name, "a");
        let explain = &pipeline.stages[3];
        let slots: Vec<&str> = explain.inputs.iter().map(|input| input.slot.as_str()).collect();
        assert_eq!(slots, ["model", "images"]);
        assert!(
            matches!(&explain.inputs[0].source, Source::Artifact { stage: 1, artifact } if artifact == "model")
        );
        assert!(
            matches!(&explain.inputs[1].source, Source::Artifact { stage: 0, artifact } if artifact == "test")
        );
        assert_eq!(pipeline.graph.order(), [0, 1, 2, 3]);
    }

    #[test]
    fn the_seed_of_the_pipeline_is_inherited() {
        let lines =
            |text: &str| load(text, &[]).unwrap().stages[1].stage.semantic().into_map().get("seed").cloned();
        assert_eq!(lines(GOOD), Some("7".to_owned()));
        assert_eq!(lines(&GOOD.replace("seed = 7", "")), None);
        assert_eq!(lines(&GOOD.replace("epochs = 8", "epochs = 8\nseed = 9")), Some("9".to_owned()));
    }

    #[test]
    fn every_mistake_has_its_place_and_advice() {
        wrong("epochs = 8", "epoch = 8", &["unknown key `epoch`", "p/a.toml:10:1", "did you mean `epochs`"]);
        wrong(
            "[train.base]",
            "[trian.base]",
            &["no stage kind `trian`", "did you mean `train`", "p/a.toml:8:2"],
        );
        wrong(
            "'train.base'\nimages",
            "'train.bsae'\nimages",
            &["no stage `train.bsae`", "did you mean `train.base`", "p/a.toml:12"],
        );
        wrong(
            "model = 'train.base'\nimages",
            "model = 'split.pcam/test'\nimages",
            &["`split.pcam/test` is labelled patches", "model"],
        );
        wrong("'split.pcam/test'", "'split.pcam'", &["several artifacts", "split.pcam/validation"]);
        wrong("'split.pcam/test'", "'split.pcam/tset'", &["no artifact `tset`", "did you mean `test`"]);
        wrong(
            "'split.pcam/test'",
            "'train.base'",
            &["`train.base` is a `train` stage", "labelled patches are expected"],
        );
        wrong(
            "epochs = 8",
            "epochs = 8\nbatch-size = 0",
            &["`batch-size` must be at least 1", "p/a.toml:11:14"],
        );
        wrong(
            "epochs = 8",
            "epochs = 8\noptimizer.adam = { learning-rat = 1 }",
            &["learning-rat", "p/a.toml:11:20"],
        );
        wrong(
            "epochs = 8",
            "epochs = 8\noptimizer.adam = { learning-rate = -1 }",
            &["must be a number above 0", "p/a.toml:11:36"],
        );
        wrong("epochs = 8", "epochs = 'eight'", &["p/a.toml:10:10", "a whole number is expected"]);
        wrong("[train.base]", "[train.base", &["p/a.toml:8"]);
        wrong("[pipeline]", "[pipeline]\nsede = 1", &["unknown key `sede`", "did you mean `seed`"]);
        wrong("data = 'split.pcam'", "data = { train = { x = 'a' } }", &["`y` is missing", "p/a.toml:9"]);
    }

    #[test]
    fn all_mistakes_are_reported_at_once() {
        let text = GOOD.replace("epochs = 8", "epoch = 8").replace("'split.pcam/test'", "'split.pacm/test'");
        let invalid = load(&text, &[]).err().unwrap();
        assert_eq!(invalid.count(), 3, "{invalid}");
    }

    #[test]
    fn a_cycle_is_printed_as_a_path() {
        let text = "[train.a]\ndata='split.s'\nepochs=1\nweights='train.b'\n[train.b]\ndata='split.s'\nepochs=1\nweights='train.a'\n[split.s]\nimages='x'\nlabels='y'\nsizes={train=1,validation=1,test=1}";
        let text = errors(text, &[]);
        assert!(text.contains("train.a -> train.b -> train.a"), "{text}");
    }

    #[test]
    fn overrides_are_checked_like_the_file() {
        let pipeline = load(GOOD, &["train.base.epochs=3", "evaluate.test.threshold=0.25"]).unwrap();
        assert_eq!(pipeline.stages[1].stage.semantic().into_map()["epochs"], "3");
        let text = errors(GOOD, &["train.base.epochs=3", "train.base.batch-size=0"]);
        assert!(text.contains("--set #2:1") && text.contains("at least 1"), "{text}");
        let text = errors(GOOD, &["train.bsae.epochs=3"]);
        assert!(
            text.contains("no stage `train.bsae`") && text.contains("did you mean `train.base`"),
            "{text}"
        );
        let text = errors(GOOD, &["epochs"]);
        assert!(text.contains("kind.name.key=value"), "{text}");
    }

    #[test]
    fn spelling_changes_no_line() {
        let lines = |text: &str| load(text, &[]).unwrap().stages[1].stage.semantic();
        let same = [
            GOOD.replace("epochs = 8", "# comment\nepochs = 8"),
            GOOD.replace("data = 'split.pcam'\nepochs = 8", "epochs = 8\ndata = 'split.pcam'"),
            GOOD.replace("epochs = 8", "epochs = 8\nbatch-size = 64"),
            GOOD.replace("epochs = 8", "epochs = 8\noptimizer.adam = { learning-rate = 0.001 }"),
            GOOD.replace("epochs = 8", "epochs = 8\nrun = { device = 'cpu', threads = 1 }"),
            GOOD.replace("train.base", "train.other"),
        ];
        for text in same {
            assert_eq!(lines(&text), lines(GOOD), "{text}");
        }
        let one = lines(&GOOD.replace("epochs = 8", "epochs = 8\noptimizer.adam = { learning-rate = 1 }"));
        let float =
            lines(&GOOD.replace("epochs = 8", "epochs = 8\noptimizer.adam = { learning-rate = 1.0 }"));
        assert_eq!(one, float);
        assert_ne!(one, lines(GOOD));
        let stopping = lines(&GOOD.replace("epochs = 8", "epochs = 8\nearly-stopping = {}"));
        assert_ne!(stopping, lines(GOOD));
    }
}
