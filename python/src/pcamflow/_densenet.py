"""Densely connected networks as modules of PyTorch, also with rotations and reflections built in.

Knows layers and their names; does not know files. Layers have the names that pcamflow gives them, which are those of
torchvision. No ReLU works in place, so that hooks and Captum see the output of every layer.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class DenseNet(nn.Module):
    """A densely connected network (Huang et al. 2017): a first convolution, dense blocks with transitions between them,
    a norm, the mean over rows and columns (and over the elements of the group), one linear layer.

    Float32 [N, 3, S, S] in [0, 1] to the logits of tumour, float32 [N].
    """

    def __init__(
        self, blocks: Sequence[int], growth: int, channels: int, *, torchvision: bool = False, order: int = 1
    ) -> None:
        """Makes a network with random weights. `blocks` are the numbers of layers; each adds `growth` channels. `order`
        is 4 if quarter turns are built in, and 8 with reflections; channels are then those of each element.
        """
        super().__init__()
        self.normalise: nn.Module = nn.Identity()
        self._order = order
        features: OrderedDict[str, nn.Module] = OrderedDict()
        if torchvision:
            features["conv0"] = nn.Conv2d(3, channels, 7, stride=2, padding=3, bias=False)
            features["norm0"] = nn.BatchNorm2d(channels)
            features["relu0"] = nn.ReLU()
            features["pool0"] = nn.MaxPool2d(3, stride=2, padding=1)
        else:
            features["conv0"] = _convolution(3, channels, 3, order, lifting=True)
        for at, layers in enumerate(blocks, 1):
            features[f"denseblock{at}"] = DenseBlock(layers, channels, growth, torchvision, order)
            channels += layers * growth
            if at < len(blocks):
                after = channels // 2 if torchvision else channels
                features[f"transition{at}"] = Transition(channels, after, torchvision, order)
                channels = after
        features["norm5"] = _norm(channels, order)
        features["relu5"] = nn.ReLU()
        self.features = nn.Sequential(features)
        self.classifier = nn.Linear(channels, 1)

    def forward(self, patches: Tensor) -> Tensor:
        x = self.features(self.normalise(patches))
        # A map holds the channels of one element of the group after the other.
        mean = x.unflatten(1, (self._order, -1)).mean(dim=(1, 3, 4))
        logits: Tensor = self.classifier(mean).squeeze(1)
        return logits


class DenseBlock(nn.Sequential):
    """Layers, each of which reads what the block was given and what all earlier ones added."""

    def __init__(self, layers: int, channels: int, growth: int, torchvision: bool, order: int) -> None:
        super().__init__()
        self._order = order
        for at in range(layers):
            self.add_module(f"denselayer{at + 1}", DenseLayer(channels + at * growth, growth, torchvision, order))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self:
            each = [it.unflatten(1, (self._order, -1)) for it in (x, layer(x))]
            x = torch.cat(each, 2).flatten(1, 2)
        return x


class DenseLayer(nn.Sequential):
    """The channels that a layer adds: a 3x3 convolution after a norm and a ReLU, in torchvision's layout with a 1x1
    convolution before it.
    """

    def __init__(self, channels: int, growth: int, torchvision: bool, order: int) -> None:
        super().__init__()
        self.norm1 = _norm(channels, order)
        self.relu1 = nn.ReLU()
        if torchvision:
            self.conv1: nn.Module = nn.Conv2d(channels, 4 * growth, 1, bias=False)
            self.norm2 = nn.BatchNorm2d(4 * growth)
            self.relu2 = nn.ReLU()
            self.conv2 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)
        else:
            self.conv1 = _convolution(channels, growth, 3, order)


class Transition(nn.Sequential):
    """A 1x1 convolution after a norm and a ReLU, and means of 2x2 pixels."""

    def __init__(self, channels: int, after: int, torchvision: bool, order: int) -> None:
        super().__init__()
        self.norm = _norm(channels, order)
        self.relu = nn.ReLU()
        self.conv = _convolution(channels, after, 1, order)
        self.pool: nn.Module = nn.AvgPool2d(2) if torchvision else Halving()


class Halving(nn.Module):
    """Means of 2x2 pixels. With an odd number of rows, windows overlap, so that the mean of a turned map is the turned
    mean.
    """

    def forward(self, x: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(x, (x.shape[2] // 2, x.shape[3] // 2))


class GroupConvolution(nn.Module):
    """A convolution whose filters are turned and reflected copies of learnt ones (Cohen & Welling 2016).

    An element g < `order` reflects if g >= 4, then turns by g % 4 quarters. Maps are [N, order C, h, w]: of each
    element all channels. Learnt filters are [out, in, order, k, k], where h stands at g^-1 h, or [out, in, k, k] for an image.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, order: int, lifting: bool) -> None:
        super().__init__()
        self._order, self._padding = order, kernel // 2
        group = () if lifting else (order,)
        self.weight = nn.Parameter(torch.empty(outputs, inputs, *group, kernel, kernel))
        nn.init.normal_(self.weight, std=(2 / self.weight[0].numel()) ** 0.5)

    def forward(self, x: Tensor) -> Tensor:
        learnt = self.weight if self.weight.dim() == 5 else self.weight.unsqueeze(2)
        filters = []
        for g in range(self._order):
            turned = torch.rot90(learnt.flip(-1) if g >= 4 else learnt, g % 4, [-2, -1])
            if self.weight.dim() == 5:
                turned = turned[:, :, [_quotient(g, h) for h in range(self._order)]]
            filters.append(turned.transpose(1, 2).flatten(1, 2))
        return F.conv2d(x, torch.cat(filters), padding=self._padding)


def _quotient(g: int, h: int) -> int:
    """The number of g^-1 h. A reflection turns the direction of later turns around."""
    turns, reflected = (h - g if g < 4 else g - h) % 4, (g >= 4) != (h >= 4)
    return turns + 4 * reflected


class GroupNorm(nn.BatchNorm2d):
    """Batch normalisation that all elements of a group share."""

    def forward(self, x: Tensor) -> Tensor:
        n, _, h, w = x.shape
        each = x.reshape(-1, self.num_features, h, w)
        return super().forward(each).reshape(n, -1, h, w)


def _norm(channels: int, order: int) -> nn.Module:
    return nn.BatchNorm2d(channels) if order == 1 else GroupNorm(channels)


def _convolution(inputs: int, outputs: int, kernel: int, order: int, *, lifting: bool = False) -> nn.Module:
    if order == 1:
        return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    return GroupConvolution(inputs, outputs, kernel, order, lifting)
