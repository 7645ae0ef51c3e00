"""A scripted ResNet-18 of torchvision: pcamflow's explanations are Captum's on the same module."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision
from captum.attr import IntegratedGradients, LayerGradCam, Occlusion, Saliency
from test_model import agree
from torch import Tensor, nn

import pcamflow

PIPELINE = """
extends = "quickstart.toml"

[pipeline]
name = "scripted"
data = "."
normalise = { mean = [0.485, 0.456, 0.406], std = [0.229, 0.224, 0.225] }

[explain.one]
model = { torchscript = "resnet18.pt" }
images = "split.patches/test"
take = 4
method.grad-cam = {}

[explain.two]
model = { torchscript = "resnet18.pt" }
images = "split.patches/test"
take = 4
method.saliency = {}

[explain.three]
model = { torchscript = "resnet18.pt" }
images = "split.patches/test"
take = 4
method.occlusion = { window = 32, stride = 32 }

[explain.four]
model = { torchscript = "resnet18.pt" }
images = "split.patches/test"
take = 4
method.integrated-gradients = { steps = 8 }

[metrics.all]
explanations = { one = "explain.one", two = "explain.two", three = "explain.three", four = "explain.four" }
pixels-per-step = 1536
resamples = 20
"""
STAGES = ["explain.one", "explain.two", "explain.three", "explain.four", "metrics.all"]


class Explainable(nn.Module):
    """torchvision's network in two parts, as Grad-CAM needs them."""

    def __init__(self) -> None:
        super().__init__()
        self.net = torchvision.models.resnet18(num_classes=1)

    @torch.jit.export
    def features(self, x: Tensor) -> Tensor:
        x = self.net.maxpool(self.net.relu(self.net.bn1(self.net.conv1(x))))
        return self.net.layer4(self.net.layer3(self.net.layer2(self.net.layer1(x))))

    @torch.jit.export
    def classifier(self, features: Tensor) -> Tensor:
        return self.net.fc(torch.flatten(self.net.avgpool(features), 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))


class Normalised(nn.Module):
    """The same network on images that are not normalised."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        return self.inner((x - mean[:, None, None]) / std[:, None, None])


@pytest.fixture(scope="module")
def model() -> Explainable:
    torch.manual_seed(5)
    model = Explainable()
    # As after a training: statistics of real patches, and logits of either sign.
    model(torch.rand(8, 3, 96, 96) * 4 - 2)
    nn.init.normal_(model.net.fc.weight, std=0.5)
    return model.eval()


@pytest.fixture(scope="module")
def run(project: Path, quickstart: pcamflow.Run, model: Explainable) -> pcamflow.Run:
    torch.jit.script(model).save(str(project / "resnet18.pt"))
    file = project / "pipelines/scripted.toml"
    file.write_text(PIPELINE)
    return pcamflow.run(file, stages=STAGES, progress=False)


def images_of(run: pcamflow.Run, stage: str) -> tuple[pcamflow.Maps, Tensor]:
    maps = run.maps(stage)
    return maps, pcamflow.to_tensor(run.patches(maps.rows))


def test_grad_cam(run: pcamflow.Run, model: Explainable) -> None:
    maps, x = images_of(run, "explain.one")
    cam = LayerGradCam(Normalised(model), model.net.layer4).attribute(x, relu_attributions=True)
    agree(maps.array("native"), cam[:, 0])


def test_saliency(run: pcamflow.Run, model: Explainable) -> None:
    maps, x = images_of(run, "explain.two")
    gradient = Saliency(Normalised(model)).attribute(x, abs=False)
    agree(maps.array("attribution"), gradient)
    agree(maps[:], gradient.abs().amax(1))


def test_occlusion(run: pcamflow.Run, model: Explainable) -> None:
    maps, x = images_of(run, "explain.three")
    with torch.no_grad():
        drop = Occlusion(Normalised(model)).attribute(x, (3, 32, 32), (3, 32, 32), baselines=0)
    agree(maps[:], drop[:, 0])


def test_integrated_gradients(run: pcamflow.Run, model: Explainable) -> None:
    maps, x = images_of(run, "explain.four")
    integral = IntegratedGradients(Normalised(model)).attribute(x, n_steps=8, method="gausslegendre")
    agree(maps.array("attribution"), integral)
    agree(maps[:], integral.sum(1))


def test_the_metrics_ask_the_same_network(run: pcamflow.Run) -> None:
    assert {"one", "two", "three", "four"} <= set(run.per_image("metrics.all")["method"])
