//! Checks weights files before anything is computed, with the code that reads them later.

use anyhow::{Result, ensure};
use pcamflow::{
    protocol::{About, Answer, Finding, Question, Severity, Wanted, WeightsFile},
    stages::{resume_train::in_words, train::Architecture},
};
use tch::Device;

use crate::{
    model::{Want, check_script, read_weights},
    tensors::TensorFile,
    train::checkpoint,
};

/// Answers questions about weights files.
pub(crate) fn check(questions: &[Question]) -> Vec<Answer> {
    questions.iter().map(answer).collect()
}

fn answer(question: &Question) -> Answer {
    let found = match question {
        Question::Weights(weights) => read(weights),
        Question::Patches(_) | Question::Downloads(_) => Ok(()),
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
        Wanted::Model => read_weights(file, Want::Any).map(drop),
        Wanted::Script => check_script(file),
        Wanted::Start { architecture, replace_head } => {
            read_weights(file, Want::Start { architecture, replace_head: *replace_head }).map(drop)
        }
        Wanted::Checkpoint(wanted) => {
            let found = checkpoint::decode(TensorFile::read(file)?, Device::Cpu)?.recipe.architecture;
            check_architecture(&file.name, &found, wanted.as_ref())
        }
    }
}

/// Checks that a checkpoint has the required architecture, if one is required.
///
/// # Errors
/// It has another architecture.
pub(super) fn check_architecture(
    name: &str,
    found: &Architecture,
    wanted: Option<&Architecture>,
) -> Result<()> {
    let Some(wanted) = wanted else { return Ok(()) };
    let (is, should) = (in_words(found), in_words(wanted));
    ensure!(
        found.form() == wanted.form(),
        "{name} is the checkpoint of {is}, and `architecture` asks for {should}"
    );
    Ok(())
}
