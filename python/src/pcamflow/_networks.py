"""The networks of pcamflow as modules of PyTorch.

Knows layers and their names; does not know files. Layers have the names that pcamflow gives them, in pipelines and in
files of weights. No ReLU works in place, so that hooks and Captum see the output of every layer.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Normalise(nn.Module):
    """Images as a network wants them: (x - mean) / std for each channel. Has no tensors in a state_dict."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """`mean` and `std` of red, green and blue."""
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def forward(self, patches: Tensor) -> Tensor:
        normalised: Tensor = (patches - self.mean) / self.std
        return normalised


class ClassCnn(nn.Module):
    """The network of the notebook: four convolutions with batch normalisation, average pooling to 6x6, two
    linear layers.

    Float32 [N, 3, S, S] in [0, 1] to the logits of tumour, float32 [N].
    """

    def __init__(self, channels: Sequence[int], hidden: int) -> None:
        """Makes a network with random weights. `channels` are those of the four convolutions."""
        super().__init__()
        first, second, third, fourth = channels
        self.normalise: nn.Module = nn.Identity()
        self.conv1 = nn.Conv2d(3, first, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(first)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(first, second, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(second)
        self.relu2 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(2)
        self.conv3 = nn.Conv2d(second, third, 3, padding=1)
        self.bn3 = nn.BatchNorm2d(third)
        self.relu3 = nn.ReLU()
        self.pool2 = nn.MaxPool2d(2)
        self.conv4 = nn.Conv2d(third, fourth, 3, padding=1)
        self.bn4 = nn.BatchNorm2d(fourth)
        self.relu4 = nn.ReLU()
        self.pool3 = nn.AdaptiveAvgPool2d(6)
        self.fc1 = nn.Linear(fourth * 6 * 6, hidden)
        self.relu5 = nn.ReLU()
        self.fc2 = nn.Linear(hidden, 1)

    def forward(self, patches: Tensor) -> Tensor:
        x = self.relu1(self.bn1(self.conv1(self.normalise(patches))))
        x = self.pool1(self.relu2(self.bn2(self.conv2(x))))
        x = self.pool2(self.relu3(self.bn3(self.conv3(x))))
        x = self.pool3(self.relu4(self.bn4(self.conv4(x))))
        x = self.relu5(self.fc1(x.flatten(1)))
        logits: Tensor = self.fc2(x).squeeze(1)
        return logits


class ResNet(nn.Module):
    """A residual network (He et al. 2016) with the names of torchvision: a 3x3 convolution with stride 2, or a 7x7 one
    and a max-pooling; stages `layer1`, `layer2`, ... of blocks; the mean over rows and columns; one linear layer.

    Float32 [N, 3, S, S] in [0, 1] to the logits of tumour, float32 [N].
    """

    def __init__(
        self, stages: Sequence[int], width: int, *, imagenet: bool = False, bottleneck: bool = False
    ) -> None:
        """Makes a network with random weights. `stages` are the numbers of blocks, `width` the channels of the first
        stage; each later stage doubles them.
        """
        super().__init__()
        self.normalise: nn.Module = nn.Identity()
        kernel = 7 if imagenet else 3
        self.conv1 = nn.Conv2d(3, width, kernel, stride=2, padding=kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU()
        self.maxpool: nn.Module | None = nn.MaxPool2d(3, stride=2, padding=1) if imagenet else None
        kind: type[Block | Bottleneck] = Bottleneck if bottleneck else Block
        channels = width
        for stage, count in enumerate(stages):
            blocks: list[Block | Bottleneck] = []
            for at in range(count):
                blocks.append(kind(channels, width << stage, 2 if stage > 0 and at == 0 else 1))
                channels = blocks[-1].outputs
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        self._stages = len(stages)
        self.fc = nn.Linear(channels, 1)

    def forward(self, patches: Tensor) -> Tensor:
        x = self.relu1(self.bn1(self.conv1(self.normalise(patches))))
        if self.maxpool is not None:
            x = self.maxpool(x)
        for stage in range(1, self._stages + 1):
            x = self.get_submodule(f"layer{stage}")(x)
        logits: Tensor = self.fc(torch.mean(x, dim=(2, 3))).squeeze(1)
        return logits


def _downsample(inputs: int, outputs: int, stride: int) -> nn.Module | None:
    """The 1x1 convolution of a shortcut, if shapes change."""
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs))


class Block(nn.Module):
    """A basic block: two 3x3 convolutions and a shortcut."""

    def __init__(self, inputs: int, inside: int, stride: int) -> None:
        super().__init__()
        self.outputs = inside
        self.conv1 = nn.Conv2d(inputs, inside, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(inside)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(inside, inside, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(inside)
        self.downsample = _downsample(inputs, self.outputs, stride)
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        residual = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
        shortcut = x if self.downsample is None else self.downsample(x)
        out: Tensor = self.relu2(residual + shortcut)
        return out


class Bottleneck(nn.Module):
    """A bottleneck: a 1x1, a 3x3 and a 1x1 convolution, which makes four times as many channels, and a shortcut."""

    def __init__(self, inputs: int, inside: int, stride: int) -> None:
        super().__init__()
        self.outputs = 4 * inside
        self.conv1 = nn.Conv2d(inputs, inside, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inside)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(inside, inside, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(inside)
        self.relu2 = nn.ReLU()
        self.conv3 = nn.Conv2d(inside, self.outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(self.outputs)
        self.downsample = _downsample(inputs, self.outputs, stride)
        self.relu3 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        x_inside = self.relu2(self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x))))))
        residual = self.bn3(self.conv3(x_inside))
        shortcut = x if self.downsample is None else self.downsample(x)
        out: Tensor = self.relu3(residual + shortcut)
        return out
