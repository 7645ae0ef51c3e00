//! The trial run of a network with its code: what it returns, and whether explanations of it can be trusted.
//!
//! Nothing is guessed: what the outputs do not tell is an error that says what to write.

use anyhow::{Context as _, Result, bail, ensure};
use pcamflow::stages::NetworkOutput;
use tch::{Kind, Tensor};

use super::{
    module::{CLASSIFIER, FEATURES, Module},
    output::logits,
};

/// Outputs for the same patch may differ by this share, because other kernels compute other batches.
const SAME: f64 = 1e-3;

/// What a trial run has found.
pub(super) struct Tried {
    pub(super) output: NetworkOutput,
    /// Why there is no layer for Grad-CAM, if there is none.
    pub(super) no_features: Option<String>,
}

/// Tries a network on at least two images [N, 3, S, S], without a graph.
///
/// # Errors
/// The network does not take the images; its outputs are not what `asked` says, or do not tell what they are; or an output
/// depends on the other images or on chance.
pub(super) fn trial(module: &Module, images: &Tensor, asked: Option<NetworkOutput>) -> Result<Tried> {
    let images = images.contiguous();
    let size = images.size();
    let untaken = || format!("it does not take {} patches of {} pixels at once", size[0], size[2]);
    let returned = module.forward(&images).with_context(untaken)?;
    let count = size[0];
    let shapes = [vec![count], vec![count, 1], vec![count, 2]];
    ensure!(
        shapes.contains(&returned.size()),
        "it returns {:?} for {count} patches, and must return [{count}], [{count}, 1] or [{count}, 2]: one output, or one for \
         each class",
        returned.size()
    );
    check_repeats(module, &images, &returned)?;
    let output = output_of(&returned, asked)?;
    let no_features = features(module, &images, &logits(output, &returned)?, output)?;
    Ok(Tried { output, no_features })
}

/// An output must depend on its patch alone.
fn check_repeats(module: &Module, images: &Tensor, returned: &Tensor) -> Result<()> {
    let finite = returned.isfinite().all().int64_value(&[]) == 1;
    ensure!(finite, "it returns numbers that are not finite");
    let repeated = are_same(&module.forward(images)?, returned);
    ensure!(repeated, "the same patches have other outputs each time: {NOT_EVALUATING}");
    let first = module.forward(&images.narrow(0, 0, 1).contiguous());
    let first = first.context("it does not take a single patch: export it for batches of any size")?;
    let independent = are_same(&first.reshape([-1]), &returned.narrow(0, 0, 1).reshape([-1]));
    ensure!(independent, "the output of a patch depends on the other patches of its batch: {NOT_EVALUATING}");
    Ok(())
}

const NOT_EVALUATING: &str =
    "export it in evaluation mode (`model.eval()`), where dropout and batch statistics are off";

fn are_same(one: &Tensor, other: &Tensor) -> bool {
    let [one, other] = [one, other].map(|values| values.to_kind(Kind::Double));
    one.size() == other.size() && one.allclose(&other, SAME, SAME, false)
}

/// What an output is: as asked if it can be that, or what it can only be.
fn output_of(returned: &Tensor, asked: Option<NetworkOutput>) -> Result<NetworkOutput> {
    match returned.size()[..] {
        [_, 2] => two(returned, asked),
        _ => one(returned, asked),
    }
}

fn two(returned: &Tensor, asked: Option<NetworkOutput>) -> Result<NetworkOutput> {
    if let Some(other @ (NetworkOutput::Logit | NetworkOutput::Probability)) = asked {
        bail!("`output` is \"{}\", but it returns two numbers for each patch", other.word());
    }
    let sums = returned.to_kind(Kind::Double).sum_dim_intlist([1].as_slice(), false, Kind::Double);
    let probabilities = are_same(&sums, &sums.ones_like()) && within_unit(returned);
    ensure!(
        !probabilities,
        "its two outputs sum to 1, so they are probabilities after a softmax: export the network without the softmax"
    );
    Ok(NetworkOutput::TwoLogits)
}

fn one(returned: &Tensor, asked: Option<NetworkOutput>) -> Result<NetworkOutput> {
    match (asked, within_unit(returned)) {
        (Some(NetworkOutput::TwoLogits), _) => {
            bail!("`output` is \"two-logits\", but it returns one number for each patch")
        }
        (Some(NetworkOutput::Probability), false) => {
            bail!("`output` is \"probability\", but it returns numbers outside [0, 1]: they are logits")
        }
        (Some(asked), _) => Ok(asked),
        (None, false) => Ok(NetworkOutput::Logit),
        (None, true) => bail!(
            "its outputs for {} patches all lie in [0, 1], which logits can do as well as probabilities: write \
             `output = \"logit\"` or `output = \"probability\"`",
            returned.numel()
        ),
    }
}

fn within_unit(returned: &Tensor) -> bool {
    returned.min().double_value(&[]) >= 0.0 && returned.max().double_value(&[]) <= 1.0
}

/// Why there is no layer for Grad-CAM. What the second method makes of the map must be the network's output.
fn features(
    module: &Module,
    images: &Tensor,
    wanted: &Tensor,
    output: NetworkOutput,
) -> Result<Option<String>> {
    let map = match module.call(FEATURES, images) {
        Ok(map) => map,
        Err(error) => return Ok(Some(format!("this one has none ({})", error.root_cause()))),
    };
    if map.dim() != 4 || map.size()[0] != images.size()[0] {
        return Ok(Some(format!("`{FEATURES}` returns {:?} here, not [N, C, h, w]", map.size())));
    }
    let found = match module.call(CLASSIFIER, &map) {
        Ok(returned)
            if returned.numel()
                == if output == NetworkOutput::TwoLogits { 2 } else { 1 } * wanted.numel() =>
        {
            logits(output, &returned)?
        }
        Ok(returned) => return Ok(Some(format!("`{CLASSIFIER}` returns {:?} here", returned.size()))),
        Err(error) => return Ok(Some(format!("`{CLASSIFIER}` fails here ({})", error.root_cause()))),
    };
    let same = are_same(&found, wanted);
    Ok((!same).then(|| format!("`{CLASSIFIER}({FEATURES}(x))` is another number than `forward(x)` here")))
}
