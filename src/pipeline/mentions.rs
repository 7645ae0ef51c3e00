//! Finds where source files are written in the texts of a pipeline, and inserts their digests there.
//!
//! Only these places change, so that comments, layout and line ends stay, byte for byte. (Rewriting the document
//! would lose `\r\n` and reorder dotted keys.) Knows texts and digests. Opens no files.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    path::PathBuf,
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    Pipeline, Source, StageNode,
    document::{self, Document},
};
use crate::{
    digest::Digest,
    stages::{Origin, kebab},
};

/// A place at which a source file is written.
#[derive(Debug, Clone)]
pub struct Mention {
    /// The path as written, with the values of parameters.
    pub name: String,
    /// The path of the file.
    pub path: PathBuf,
    /// The digest that is written beside it.
    pub pin: Option<Digest>,
    /// The place: `pipelines/full.toml:8`.
    pub place: String,
    form: Form,
}

/// The form in which a source file is written, with the places of its parts.
#[derive(Debug, Clone)]
enum Form {
    /// `"x.h5"`.
    Text(Range<usize>),
    /// `{ path = "x.h5", blake3 = "..." }`: the digest.
    Pinned(Range<usize>),
    /// `{ path = "x.h5" }`: the path, with its key.
    Unpinned { key: Range<usize>, path: Range<usize>, inline: bool },
}

/// A file of a pipeline before and after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten {
    /// The file.
    pub file: PathBuf,
    /// Its text when the pipeline was loaded.
    pub old: String,
    /// Its new text.
    pub new: String,
}

impl Pipeline {
    /// The places at which these stages name source files, in the order of the texts.
    #[must_use]
    pub fn mentions(&self, scope: &[usize]) -> Vec<Mention> {
        // The texts made a pipeline: they have no problems.
        let document = document::read(&self.sources, &mut Vec::new()).expect("a pipeline's texts are TOML");
        let texts = self.stages.iter().flat_map(|node| mentions(&document, node));
        let texts: BTreeSet<usize> = texts.filter_map(|mention| mention.form.text_start()).collect();
        let mut all: BTreeMap<usize, Mention> = BTreeMap::new();
        for mut mention in scope.iter().flat_map(|stage| mentions(&document, &self.stages[*stage])) {
            // A parameter is pinned where it is set, unless it is also used for something else.
            if let Form::Text(span) = &mention.form
                && let Some(definition) = document.uses.only_at(span.start, &texts)
            {
                mention.form = Form::Text(definition);
            }
            let start = mention.form.start();
            mention.place = self.sources.line(&(start..start));
            all.entry(start).or_insert(mention);
        }
        all.into_values().collect()
    }

    /// The files with these digests inserted.
    ///
    /// # Errors
    /// A file in which something else would change: the user must edit it.
    pub fn with_pins(&self, pins: &[(&Mention, Digest)]) -> Result<Vec<Rewritten>, String> {
        let mut rewritten = Vec::new();
        for (file, text, base) in self.sources.files() {
            let here = base..=base + text.len();
            let own = pins.iter().filter(|(mention, _)| here.contains(&mention.form.start()));
            let edits = own.map(|(mention, digest)| mention.form.edit(text, base, *digest));
            let edits: BTreeMap<usize, _> = edits.map(|edit| (edit.0.start, edit)).collect();
            let mut new = text.to_owned();
            for (span, replacement) in edits.into_values().rev() {
                new.replace_range(span, &replacement);
            }
            if new != text {
                let old = text.to_owned();
                rewritten.push(checked(Rewritten { file: file.to_owned(), old, new })?);
            }
        }
        Ok(rewritten)
    }
}

/// The source files that a stage names itself, without their places as text.
fn mentions(document: &Document<'_>, node: &StageNode) -> Vec<Mention> {
    let kind = document.tables.get_ref().get(node.name.kind.word());
    let named = kind.and_then(|kind| kind.get_ref().as_table()?.get(node.name.name.as_str()));
    let Some(table) = named.and_then(|table| table.get_ref().as_table()) else { return Vec::new() };
    let mut found = Vec::new();
    for input in node.stage.inputs() {
        let Origin::File(file) = input.from else { continue };
        let path = node.inputs.iter().find_map(|resolved| match &resolved.source {
            Source::File(user) if resolved.slot == input.slot => Some(user.path.clone()),
            _ => None,
        });
        let (Some(path), Some(value)) = (path, table.get(kebab(input.field).as_str())) else { continue };
        let mut forms = Vec::new();
        look(value, &file.path, document, &mut forms);
        let (name, pin) = (&file.path, file.blake3);
        found.extend(forms.into_iter().map(|form| Mention {
            name: name.clone(),
            path: path.clone(),
            pin,
            place: String::new(),
            form,
        }));
    }
    found
}

/// Finds a path in a value.
fn look(value: &Spanned<DeValue<'_>>, path: &str, document: &Document<'_>, forms: &mut Vec<Form>) {
    match value.get_ref() {
        DeValue::String(text) if text == path => forms.push(Form::Text(value.span())),
        DeValue::Array(values) => values.iter().for_each(|value| look(value, path, document, forms)),
        DeValue::Table(table) => match of_file(table) {
            Some((key, text)) if text.get_ref().as_str() == Some(path) => {
                forms.push(match table.get("blake3") {
                    Some(pin) => Form::Pinned(pin.span()),
                    None => {
                        let inline = document.is_inline(value);
                        Form::Unpinned { key, path: text.span(), inline }
                    }
                })
            }
            Some(_) => {}
            None => table.iter().for_each(|(_, value)| look(value, path, document, forms)),
        },
        _ => {}
    }
}

/// The path of a table that names a file, with the place of its key.
fn of_file<'t, 'a>(table: &'t DeTable<'a>) -> Option<(Range<usize>, &'t Spanned<DeValue<'a>>)> {
    let known = table.keys().all(|key| ["path", "blake3"].contains(&key.get_ref().as_ref()));
    let (key, path) = table.get_key_value("path").filter(|_| known)?;
    Some((key.span(), path))
}

impl Form {
    fn start(&self) -> usize {
        match self {
            Self::Text(span) | Self::Pinned(span) | Self::Unpinned { path: span, .. } => span.start,
        }
    }

    fn text_start(&self) -> Option<usize> {
        matches!(self, Self::Text(_)).then(|| self.start())
    }

    /// A place in the text that begins at `base`, and its replacement.
    fn edit(&self, text: &str, base: usize, digest: Digest) -> (Range<usize>, String) {
        let own = |span: &Range<usize>| span.start - base..span.end - base;
        let pin = format!("\"{}\"", digest.hex());
        match self {
            Self::Text(span) => {
                let raw = text.get(own(span)).unwrap_or_default();
                (own(span), format!("{{ path = {raw}, blake3 = {pin} }}"))
            }
            Self::Pinned(span) => (own(span), pin),
            Self::Unpinned { key, path, inline } => {
                beside(text, own(key).start, own(path).end, *inline, &pin)
            }
        }
    }
}

/// Adds the digest to a table after its path: in the braces, or in the next line with the same dotted key.
fn beside(text: &str, key: usize, end: usize, inline: bool, pin: &str) -> (Range<usize>, String) {
    let line = text[..key].rfind('\n').map_or(0, |at| at + 1);
    let before = &text[line..key];
    let dotted = before.rsplit(['{', ',']).next().unwrap_or_default();
    if inline || dotted.len() < before.len() {
        return (end..end, format!(", {}blake3 = {pin}", dotted.trim_start()));
    }
    let rest = text[end..].find('\n').map_or(text.len(), |at| end + at);
    let (at, line_end) = match text[..rest].ends_with('\r') {
        true => (rest - 1, "\r\n"),
        false => (rest, "\n"),
    };
    (at..at, format!("{line_end}{before}blake3 = {pin}"))
}

/// Checks that only digests differ.
fn checked(rewritten: Rewritten) -> Result<Rewritten, String> {
    let parse = |text: &str| toml::from_str::<toml::Table>(text).map(|table| bare(toml::Value::Table(table)));
    let (old, new) = (parse(&rewritten.old), parse(&rewritten.new));
    match (old, new) {
        (Ok(old), Ok(new)) if old == new => Ok(rewritten),
        _ => Err(format!(
            "{}: the digests cannot be added here automatically: write them by hand",
            rewritten.file.display()
        )),
    }
}

/// A value with only the path of each file.
fn bare(value: toml::Value) -> toml::Value {
    match value {
        toml::Value::Table(table) => {
            let is_file = table.keys().all(|key| ["path", "blake3"].contains(&key.as_str()));
            match table.get("path") {
                Some(path) if is_file => path.clone(),
                _ => toml::Value::Table(table.into_iter().map(|(key, value)| (key, bare(value))).collect()),
            }
        }
        toml::Value::Array(values) => toml::Value::Array(values.into_iter().map(bare).collect()),
        plain => plain,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::pipeline::{Options, parse};

    const SPLIT: &str = "labels = 'y.h5'\nsizes = { train = 1, validation = 1, test = 1 }\n";

    fn digest(name: &str) -> Digest {
        Digest::of(name.as_bytes())
    }

    /// A text with every source pinned by the digest of its name.
    fn pinned(text: &str) -> String {
        let pipeline = parse(Path::new("p/a.toml"), text.to_owned(), &Options::default()).unwrap();
        let all: Vec<usize> = (0..pipeline.stages.len()).collect();
        let mentions = pipeline.mentions(&all);
        let pins: Vec<(&Mention, Digest)> =
            mentions.iter().map(|mention| (mention, digest(&mention.name))).collect();
        let files = pipeline.with_pins(&pins).unwrap();
        let new = files.into_iter().next().map_or_else(|| text.to_owned(), |file| file.new);
        // Pinning again changes nothing.
        let again = parse(Path::new("p/a.toml"), new.clone(), &Options::default()).unwrap();
        for mention in again.mentions(&all) {
            assert_eq!(mention.pin, Some(digest(&mention.name)), "{new}");
        }
        new
    }

    #[track_caller]
    fn expect(line: &str, expected: &str) {
        let (x, y) = (digest("x.h5").hex(), digest("y.h5").hex());
        let y = SPLIT.replace("'y.h5'", &format!("{{ path = 'y.h5', blake3 = \"{y}\" }}"));
        let text = pinned(&format!("[split.s]\n{SPLIT}{line}"));
        assert_eq!(text, format!("[split.s]\n{y}{}", expected.replace("PIN", &format!("\"{x}\""))));
    }

    #[test]
    fn every_form_gets_its_digest_and_nothing_else_changes() {
        expect("images   =  \"x.h5\"  # why\n", "images   =  { path = \"x.h5\", blake3 = PIN }  # why\n");
        expect("images = { path = 'x.h5' } # why", "images = { path = 'x.h5', blake3 = PIN } # why");
        expect("images.path = 'x.h5'\n# end\n", "images.path = 'x.h5'\nimages.blake3 = PIN\n# end\n");
        expect("  images . path = 'x.h5'", "  images . path = 'x.h5'\n  images . blake3 = PIN");
        expect(
            "[split.s.images]\n  path = 'x.h5' # why\r\n\r\n",
            "[split.s.images]\n  path = 'x.h5' # why\r\n  blake3 = PIN\r\n\r\n",
        );
        let old = digest("old").hex();
        expect(
            &format!("images = {{ blake3='{old}', path='x.h5' }}"),
            "images = { blake3=PIN, path='x.h5' }",
        );
        let text = pinned("[preview.p]\nimages = { x.path = 'x.h5', y = 'y.h5' }");
        let (x, y) = (digest("x.h5").hex(), digest("y.h5").hex());
        let expected = format!(
            "[preview.p]\nimages = {{ x.path = 'x.h5', x.blake3 = \"{x}\", y = {{ path = 'y.h5', blake3 = \"{y}\" }} }}"
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn a_parameter_is_pinned_where_it_is_set_unless_it_is_used_otherwise() {
        let (x, y) = (digest("x.h5").hex(), digest("y.h5").hex());
        let text = format!("[params]\nx = 'x.h5'\n[split.s]\nimages = '${{params.x}}'\n{SPLIT}");
        let expected = text
            .replace("x = 'x.h5'", &format!("x = {{ path = 'x.h5', blake3 = \"{x}\" }}"))
            .replace("'y.h5'", &format!("{{ path = 'y.h5', blake3 = \"{y}\" }}"));
        assert_eq!(pinned(&text), expected);
        let also_text = format!("{text}[preview.p]\nimages = {{ x = 'a-${{params.x}}' }}\nmeta = 'm'\n");
        let new = pinned(&also_text);
        assert!(new.contains(&format!("images = {{ path = '${{params.x}}', blake3 = \"{x}\" }}")), "{new}");
        assert!(
            new.contains("x = { path = 'a-${params.x}', blake3 = ") && new.contains("\nx = 'x.h5'\n"),
            "{new}"
        );
    }
}
