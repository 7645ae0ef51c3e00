"""Loads a model into PyTorch.

Knows files of weights and how patches become input; the networks are in `_networks`. PyTorch is imported when a model
is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _architecture as architectures
from ._arguments import Paths
from ._errors import FormatError, NotFoundError
from ._load import load
from ._results import Run

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch


def load_model(source: Run | Paths, stage: str | None = None) -> torch.nn.Module:
    """A trained network as a plain `torch.nn.Module`, on the CPU and in evaluation mode.

    It maps float32 [N, 3, S, S] in [0, 1] to the logits of tumour, float32 [N]; `torch.sigmoid` gives probabilities.
    No other normalisation is needed: `to_tensor` makes such input from patches, and what the model says about its own
    is part of the module. Layers have the names of pcamflow
    (`model.relu4`, `model.layer2`), and Captum takes the module as it is.

    Args:
        source: a run, its folder or pipeline file, or a `model.safetensors`.
        stage: the `train` or `resume-train` stage, if the run has several.

    Raises:
        NotFoundError: there is no such file or stage, or there are several stages and none is named.
        FormatError: the file is not safetensors, holds no known network, or tensors are missing or too many.
    """
    path = _weights(source, stage)
    from . import _densenet, _networks

    metadata, tensors = _read(path)
    shapes = {name: list(tensor.shape) for name, tensor in tensors.items()}
    found = architectures.architecture(metadata, shapes, str(path))
    network: torch.nn.Module
    if isinstance(found, architectures.ClassCnn):
        network = _networks.ClassCnn(found.channels, found.hidden)
    elif isinstance(found, architectures.DenseNet):
        network = _densenet.DenseNet(
            found.blocks, found.growth, found.channels, torchvision=found.torchvision, order=found.order
        )
    else:
        network = _networks.ResNet(found.stages, found.width, imagenet=found.imagenet, bottleneck=found.bottleneck)
    normalise = architectures.normalise(metadata)
    if normalise is not None:
        network.normalise = _networks.Normalise(*normalise)
    _fill(network, tensors, path)
    return network.eval()


def to_tensor(patches: npt.NDArray[np.uint8]) -> torch.Tensor:
    """Patches as input of a model: uint8 [N, S, S, 3] or [S, S, 3] to float32 [N, 3, S, S] in [0, 1].

    Raises:
        FormatError: not uint8, or another shape.
    """
    import torch

    if patches.dtype != "uint8" or patches.ndim not in (3, 4) or patches.shape[-1] != 3:
        raise FormatError(f"patches are uint8 [N, S, S, 3], and these are {patches.dtype} {list(patches.shape)}")
    batch = torch.from_numpy(patches.copy()).reshape(-1, *patches.shape[-3:])
    return batch.permute(0, 3, 1, 2).contiguous().float() / 255


def _weights(source: Run | Paths, stage: str | None) -> Path:
    if isinstance(source, Run):
        return source.model_path(stage)
    path = Path(source)
    if not path.exists():
        raise NotFoundError(f"there is no {path}: name a run, its folder, a pipeline file or a model.safetensors")
    if path.is_dir() or path.suffix == ".toml":
        return load(path).model_path(stage)
    if stage is not None:
        raise FormatError(f"`stage` needs a run, and {path} is a file of weights")
    return path


def _read(path: Path) -> tuple[dict[str, str], dict[str, torch.Tensor]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError) as error:
        raise FormatError(
            f"{path} is not a safetensors file ({error}): save a state_dict with safetensors.torch.save_file"
        ) from error


def _fill(network: torch.nn.Module, tensors: Mapping[str, Any], path: Path) -> None:
    """Loads the tensors. The counters of batches of batch normalisation, which only training uses, may be missing."""
    counters = "num_batches_tracked"
    wanted = {name for name in network.state_dict() if not name.endswith(counters)}
    given = {name for name in tensors if not name.endswith(counters)}
    for problem, names in (("lacks", wanted - given), ("has, beyond its architecture,", given - wanted)):
        if names:
            raise FormatError(f"{path} {problem} {', '.join(f'`{name}`' for name in sorted(names)[:5])}")
    try:
        network.load_state_dict({name: tensors[name] for name in wanted}, strict=False)
    except RuntimeError as error:
        raise FormatError(f"{path} does not fit its architecture: {error}") from error
