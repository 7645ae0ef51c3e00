//! Reads files of weights before anything is computed with them, exactly as the stages do later.

use anyhow::{Result, ensure};
use pcamflow::{
    protocol::{About, Answer, Finding, Question, Severity, Wanted, WeightsFile},
    stages::{resume_train::in_words, train::Architecture},
};
use tch::Device;

use crate::{
    model::{Network, Source, load_model, read_weights},
    tensors::TensorFile,
    train::checkpoint,
};

/// Answers questions about files of weights.
pub(crate) fn check(questions: &[Question]) -> Vec<Answer> {
    questions.iter().map(answer).collect()
}

fn answer(question: &Question) -> Answer {
    let found = match question {
        Question::Weights(weights) => read(weights),
        Question::Patches(_) => Ok(()),
    };
    let finding = |error: anyhow::Error| Finding {
        about: About::Weights,
        severity: Severity::Error,
        message: format!("{error:#}"),
    };
    Answer { patches: None, findings: found.err().map(finding).into_iter().collect() }
}

fn read(WeightsFile { file, wanted }: &WeightsFile) -> Result<()> {
    match wanted {
        Wanted::Model => load_model(file, Device::Cpu).map(drop),
        Wanted::Network(architecture) => {
            Network::new(architecture, Source::File(read_weights(file)?.0), Device::Cpu).map(drop)
        }
        Wanted::Checkpoint(wanted) => {
            let found = checkpoint::decode(TensorFile::read(file)?, Device::Cpu)?.recipe.architecture;
            fits(&file.name, &found, wanted.as_ref())
        }
    }
}

/// Makes sure that a checkpoint is of the network that is asked for.
///
/// # Errors
/// It is of another one.
pub(super) fn fits(name: &str, found: &Architecture, wanted: Option<&Architecture>) -> Result<()> {
    ensure!(
        wanted.is_none_or(|wanted| found == wanted),
        "{name} is the checkpoint of {}, and `architecture` asks for {}",
        in_words(found),
        wanted.map(in_words).unwrap_or_default()
    );
    Ok(())
}
