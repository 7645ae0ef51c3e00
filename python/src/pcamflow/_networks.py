"""The networks of pcamflow as modules of PyTorch.

Knows layers and their names; does not know files. Layers have the names that pcamflow gives them, in pipelines and in
files of weights. No ReLU works in place, so that hooks and Captum see the output of every layer.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class ClassCnn(nn.Module):
    """The network of the notebook: four convolutions with batch normalisation, average pooling from 24x24 to 6x6, two
    linear layers.

    Float32 [N, 3, 96, 96] in [0, 1] to the logits of tumour, float32 [N].
    """

    def __init__(self, channels: Sequence[int], hidden: int) -> None:
        """Makes a network with random weights. `channels` are those of the four convolutions."""
        super().__init__()
        first, second, third, fourth = channels
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
        # The same as AdaptiveAvgPool2d(6) for 24x24.
        self.pool3 = nn.AvgPool2d(4)
        self.fc1 = nn.Linear(fourth * 6 * 6, hidden)
        self.relu5 = nn.ReLU()
        self.fc2 = nn.Linear(hidden, 1)

    def forward(self, patches: Tensor) -> Tensor:
        x = self.relu1(self.bn1(self.conv1(patches)))
        x = self.pool1(self.relu2(self.bn2(self.conv2(x))))
        x = self.pool2(self.relu3(self.bn3(self.conv3(x))))
        x = self.pool3(self.relu4(self.bn4(self.conv4(x))))
        x = self.relu5(self.fc1(x.flatten(1)))
        logits: Tensor = self.fc2(x).squeeze(1)
        return logits


class ResNet(nn.Module):
    """A small residual network (He et al. 2016, section 4.2) with the names of torchvision: a 3x3 convolution with
    stride 2, stages `layer1`, `layer2`, ... of basic blocks, the mean over rows and columns, one linear layer.

    Float32 [N, 3, 96, 96] in [0, 1] to the logits of tumour, float32 [N].
    """

    def __init__(self, stages: Sequence[int], width: int) -> None:
        """Makes a network with random weights. `stages` are the numbers of blocks, `width` the channels of the first
        stage; each later stage doubles them.
        """
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU()
        channels = width
        for stage, count in enumerate(stages):
            outputs = width << stage
            blocks = [Block(channels if at == 0 else outputs, outputs) for at in range(count)]
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
            channels = outputs
        self._stages = len(stages)
        self.fc = nn.Linear(channels, 1)

    def forward(self, patches: Tensor) -> Tensor:
        x = self.relu1(self.bn1(self.conv1(patches)))
        for stage in range(1, self._stages + 1):
            x = self.get_submodule(f"layer{stage}")(x)
        logits: Tensor = self.fc(torch.mean(x, dim=(2, 3))).squeeze(1)
        return logits


class Block(nn.Module):
    """A basic block: two convolutions and a shortcut. With more output than input channels, it halves rows and columns,
    and the shortcut is a 1x1 convolution.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        stride = 1 if inputs == outputs else 2
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module | None = None
        if stride == 2:
            shortcut = nn.Conv2d(inputs, outputs, 1, stride=2, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(outputs))
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        residual = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
        shortcut = x if self.downsample is None else self.downsample(x)
        out: Tensor = self.relu2(residual + shortcut)
        return out
