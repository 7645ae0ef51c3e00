//! A trained model that a stage reads: made by another stage, weights from a file, or a network with its code.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    ArtifactRef, Check, FileOrArtifact, Schema, SourceFile,
    declare::table,
    reference::{artifact, string_or_table},
    schema::either,
};

/// The only layer of a network with its code: what its method `features` returns.
pub const SCRIPT_LAYER: &str = "features";

/// A trained model: `"train.base"`, `{ safetensors = "model.safetensors" }` or `{ torchscript = "net.pt" }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Model {
    /// Trained by another stage.
    Artifact(ArtifactRef),
    /// Trained elsewhere; the architecture is inferred from the tensors.
    File(ModelFile),
    /// Another network, with its code.
    Script(ScriptFile),
}

table! {
    /// Weights trained elsewhere.
    #[derive(Eq)]
    pub struct ModelFile {
        /// The weights, under PyTorch's names.
        safetensors: SourceFile;
    }
}

table! {
    /// A network that PyTorch has traced or scripted. Its code is executed, so use only files of people whom you trust.
    #[derive(Eq)]
    pub struct ScriptFile {
        /// The file of `torch.jit.save`. The module takes images [N, 3, S, S] in [0, 1], and returns `[N]`, [N, 1] or
        /// [N, 2].
        torchscript: FileOrArtifact;
    }
}

impl Model {
    /// Refuses a network with its code where only weights are of use. `use_of` says for what.
    pub(super) fn check_weights(&self, field: &str, use_of: &str, check: &mut Check<'_>) {
        let message =
            format!("a TorchScript network cannot be {use_of}: name weights, {{ safetensors = \"...\" }}");
        check.require(!matches!(self, Self::Script(_)), field, message);
    }
}

/// The table form of a model.
#[derive(Deserialize)]
#[serde(try_from = "Keys")]
struct Form(Model);

/// The keys of the table form. Exactly one is there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    safetensors: Option<SourceFile>,
    torchscript: Option<FileOrArtifact>,
}

impl TryFrom<Keys> for Form {
    type Error = &'static str;

    fn try_from(keys: Keys) -> Result<Self, Self::Error> {
        match keys {
            Keys { safetensors: Some(safetensors), torchscript: None } => {
                Ok(Self(Model::File(ModelFile { safetensors })))
            }
            Keys { safetensors: None, torchscript: Some(torchscript) } => {
                Ok(Self(Model::Script(ScriptFile { torchscript })))
            }
            Keys { safetensors: Some(_), torchscript: Some(_) } => {
                Err("a model is one file: write `safetensors` or `torchscript`, not both")
            }
            Keys { safetensors: None, torchscript: None } => {
                Err("a model from a file is { safetensors = \"...\" } or { torchscript = \"...\" }")
            }
        }
    }
}

impl Schema for Form {
    fn schema() -> Value {
        either([ModelFile::schema(), ScriptFile::schema()])
    }
}

string_or_table!(Model, "a stage such as \"train.base\", { safetensors = \"...\" } or { torchscript = \"...\" }",
    ArtifactRef => |text| artifact(text, written).map(Model::Artifact),
    Form => |form| form.0);

/// How to name a file. One of PyTorch's own formats can only be a TorchScript archive: no pickle is read.
fn written(file: &str) -> String {
    match [".pt", ".pth", ".torchscript"].iter().any(|format| file.ends_with(format)) {
        true => format!("{{ torchscript = {file:?} }}"),
        false => format!("{{ safetensors = {file:?} }}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Table {
        model: Model,
    }

    fn read(text: &str) -> Result<Model, String> {
        let table: Result<Table, _> = toml::from_str(&format!("model = {text}"));
        table.map(|table| table.model).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_model_has_three_forms() {
        assert!(matches!(read("'train.a'"), Ok(Model::Artifact(_))));
        assert!(matches!(read("{ safetensors = 'm.safetensors' }"), Ok(Model::File(_))));
        let script = |text| match read(text) {
            Ok(Model::Script(script)) => script.torchscript,
            other => panic!("{text}: {other:?}"),
        };
        assert!(matches!(script("{ torchscript = 'net.pt' }"), FileOrArtifact::File(_)));
        assert!(matches!(script("{ torchscript = { path = 'net.pt' } }"), FileOrArtifact::File(_)));
        assert!(matches!(script("{ torchscript = 'command.export/net' }"), FileOrArtifact::Artifact(_)));
    }

    #[test]
    fn other_tables_are_refused() {
        for (text, part) in [
            ("{ safetensors = 'a', torchscript = 'b' }", "not both"),
            ("{}", "{ safetensors = \"...\" } or { torchscript = \"...\" }"),
            ("{ script = 'a' }", "unknown field `script`"),
            ("'net.pt'", "write { torchscript = \"net.pt\" }"),
            ("'net.safetensors'", "write { safetensors = \"net.safetensors\" }"),
        ] {
            let message = read(text).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
