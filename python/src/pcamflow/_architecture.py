"""The architecture of a file of weights.

Knows how the file names it, and what the shapes of tensors tell; does not know PyTorch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count, takewhile
from typing import Any, Union

from ._errors import FormatError

METADATA = "pcamflow"
"""The entry of the metadata of a safetensors file: a JSON object with `architecture`."""

Shapes = Mapping[str, "list[int]"]


@dataclass(frozen=True)
class ClassCnn:
    """Four convolutions with these channels, and a hidden layer with this many units."""

    channels: tuple[int, ...]
    hidden: int


@dataclass(frozen=True)
class ResNet:
    """Stages of so many blocks; the first has `width` channels, each later one twice as many."""

    stages: tuple[int, ...]
    width: int
    imagenet: bool = False
    """Whether it begins as torchvision's: a 7x7 convolution and a max-pooling."""
    bottleneck: bool = False
    """Whether a block has three convolutions."""


@dataclass(frozen=True)
class DenseNet:
    """Dense blocks of so many layers, each of which adds `growth` channels."""

    blocks: tuple[int, ...]
    growth: int
    channels: int
    """Of the first convolution."""
    torchvision: bool = False
    """Whether stem, layers and transitions are torchvision's."""
    order: int = 1
    """Rotations and reflections: 4 for `p4`, 8 for `p4m`."""


Architecture = Union[ClassCnn, ResNet, DenseNet]


def architecture(metadata: Mapping[str, str], shapes: Shapes, name: str) -> Architecture:
    """The architecture as the metadata says it, else as the shapes of the tensors tell it. `name` is the file.

    Raises:
        FormatError: it is none that pcamflow knows.
    """
    if any(it.startswith("last.model.") for it in shapes):
        raise FormatError(f"{name} is the checkpoint of a training: take the `model.safetensors` beside it")
    if METADATA in metadata:
        return _stated(metadata[METADATA], name)
    found = _inferred(shapes)
    if found is None:
        raise FormatError(f"{name} holds no network that pcamflow knows: `class-cnn`, `resnet` or `densenet`")
    return found


def normalise(metadata: Mapping[str, str]) -> tuple[list[float], list[float]] | None:
    """The mean and the standard deviation with which the metadata says that images are normalised, if it says so."""
    try:
        said = json.loads(metadata.get(METADATA, "{}"))["input"]["normalise"]
        return [float(it) for it in said["mean"]], [float(it) for it in said["std"]]
    except (ValueError, KeyError, TypeError):
        return None


def _inferred(shapes: Shapes) -> Architecture | None:
    if "features.conv0.weight" in shapes:
        return _densenet(shapes)
    return _resnet(shapes) if "layer1.0.conv1.weight" in shapes else _class_cnn(shapes)


def _stated(text: str, name: str) -> Architecture:
    try:
        [(kind, settings)] = json.loads(text)["architecture"].items()
        if kind == "class-cnn":
            return ClassCnn(_integers(settings["channels"]), int(settings["hidden"]))
        if kind == "resnet":
            stem, block = settings.get("stem", "small"), settings.get("block", "basic")
            return ResNet(
                _integers(settings["stages"]),
                int(settings["width"]),
                _is(stem, "imagenet", "small"),
                _is(block, "bottleneck", "basic"),
            )
        if kind == "densenet":
            return DenseNet(
                _integers(settings["blocks"]),
                int(settings["growth"]),
                int(settings["channels"]),
                _is(settings["layout"], "torchvision", "pcam"),
                _ORDERS[settings["group"]],
            )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"{name}: its metadata `{METADATA}` names no architecture ({error!r})") from error
    raise FormatError(f"{name} has the architecture `{kind}`, which this version of pcamflow does not know: update it")


_ORDERS = {"none": 1, "p4": 4, "p4m": 8}


def _is(word: str, wanted: str, other: str) -> bool:
    if word not in (wanted, other):
        raise ValueError(f"{word} is neither {wanted} nor {other}")
    return word == wanted


def _integers(values: Any) -> tuple[int, ...]:
    return tuple(int(value) for value in values)


def _class_cnn(shapes: Shapes) -> ClassCnn | None:
    names = ["conv1.weight", "conv2.weight", "conv3.weight", "conv4.weight", "fc1.weight"]
    if not all(shapes.get(name) for name in names):
        return None
    *channels, hidden = (shapes[name][0] for name in names)
    return ClassCnn(tuple(channels), hidden)


def _densenet(shapes: Shapes) -> DenseNet | None:
    stem = shapes["features.conv0.weight"]
    if len(stem) != 4 or stem[2:] not in ([3, 3], [7, 7]):
        return None
    torchvision = stem[2:] == [7, 7]

    def convolution(block: int, layer: int, number: int) -> list[int]:
        return shapes.get(f"features.denseblock{block}.denselayer{layer}.conv{number}.weight", [])

    def layers(block: int) -> int:
        return sum(1 for _ in takewhile(lambda layer: convolution(block, layer, 1), count(1)))

    last = convolution(1, 1, 2 if torchvision else 1)
    if len(last) not in (4, 5):
        return None
    blocks = tuple(takewhile(bool, map(layers, count(1))))
    return DenseNet(blocks, last[0], stem[0], torchvision, last[2] if len(last) == 5 else 1)


def _resnet(shapes: Shapes) -> ResNet | None:
    stem = shapes.get("conv1.weight", [])
    if len(stem) != 4 or stem[2:] not in ([3, 3], [7, 7]):
        return None

    def blocks(stage: int) -> int:
        return sum(1 for _ in takewhile(lambda at: f"layer{stage}.{at}.conv1.weight" in shapes, count()))

    stages = tuple(takewhile(bool, map(blocks, count(1))))
    return ResNet(stages, stem[0], stem[2:] == [7, 7], "layer1.0.conv3.weight" in shapes)
