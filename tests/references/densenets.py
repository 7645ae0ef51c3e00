"""Makes the references of densely connected networks: `densenets.safetensors` and `densenets.json`.

    pip install torch==2.11.0 torchvision==0.26.0 captum==0.9.0 numpy scipy safetensors
    python tests/references/densenets.py

torchvision's own network, narrow, and the network of Veeling et al. 2018 with and without a group, written here with
`torch.rot90` and `torch.flip` of filters: maps are [N, C, |G|, h, w], and norms are `BatchNorm3d`. It shares no code
with pcamflow. Of a gradient by an image and of a map as large, every 11th number is kept.
"""

import copy
import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from captum import attr
from safetensors.numpy import save_file
from scipy.ndimage import gaussian_filter
from torch import nn
from torch.nn import functional as F
from torchvision.models import densenet

HERE = Path(__file__).parent
THIN = 11


def element(number, x):
    """The picture x, reflected if `number` is 4 or more, and then turned by `number % 4` quarter turns."""
    return torch.rot90(torch.flip(x, [-1]) if number >= 4 else x, number % 4, [-2, -1])


def quotient(g, h, order):
    """The k with g k = h, by what the elements do with a picture without any symmetry."""
    picture = torch.arange(9).view(3, 3)
    [k] = [k for k in range(order) if torch.equal(element(g, element(k, picture)), element(h, picture))]
    return k


class GroupConv(nn.Module):
    """[N, in, |G|, h, w], or an image [N, in, h, w], to [N, out, |G|, h, w]."""

    def __init__(self, order, inputs, outputs, kernel, lifting=False):
        super().__init__()
        self.order, self.lifting = order, lifting
        shape = (outputs, inputs, kernel, kernel) if lifting else (outputs, inputs, order, kernel, kernel)
        self.weight = nn.Parameter(torch.empty(shape))
        nn.init.normal_(self.weight, 0, (2 / self.weight[0].numel()) ** 0.5)

    def forward(self, x):
        outputs = []
        for g in range(self.order):
            filters = element(g, self.weight)
            if self.lifting:
                outputs.append(F.conv2d(x, filters, padding=self.weight.shape[-1] // 2))
                continue
            terms = [
                F.conv2d(x[:, :, h], filters[:, :, quotient(g, h, self.order)], padding=self.weight.shape[-1] // 2)
                for h in range(self.order)
            ]
            outputs.append(sum(terms))
        return torch.stack(outputs, 2)


class PcamDenseNet(nn.Module):
    """Dense blocks of 3x3 convolutions. Without a group (order 1), filters have no axis for it."""

    def __init__(self, blocks, growth, channels, order):
        super().__init__()
        self.blocks, self.order = blocks, order
        self.features = nn.Module()
        self.features.conv0 = self.convolution(3, channels, 3, lifting=True)
        for at, layers in enumerate(blocks, 1):
            block = nn.Module()
            for layer in range(1, layers + 1):
                one = nn.Module()
                one.norm1, one.conv1 = self.norm(channels), self.convolution(channels, growth, 3)
                setattr(block, f"denselayer{layer}", one)
                channels += growth
            setattr(self.features, f"denseblock{at}", block)
            if at < len(blocks):
                transition = nn.Module()
                transition.norm, transition.conv = self.norm(channels), self.convolution(channels, channels, 1)
                setattr(self.features, f"transition{at}", transition)
        self.features.norm5 = self.norm(channels)
        self.classifier = nn.Linear(channels, 1)

    def norm(self, channels):
        return nn.BatchNorm2d(channels) if self.order == 1 else nn.BatchNorm3d(channels)

    def convolution(self, inputs, outputs, kernel, lifting=False):
        if self.order == 1:
            return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
        return GroupConv(self.order, inputs, outputs, kernel, lifting)

    def forward(self, x):
        x = self.features.conv0(x)
        for at, layers in enumerate(self.blocks, 1):
            block = getattr(self.features, f"denseblock{at}")
            for layer in range(1, layers + 1):
                one = getattr(block, f"denselayer{layer}")
                x = torch.cat([x, one.conv1(F.relu(one.norm1(x)))], 1)
            if at < len(self.blocks):
                transition = getattr(self.features, f"transition{at}")
                x = transition.conv(F.relu(transition.norm(x)))
                half = x.shape[-1] // 2
                x = F.adaptive_avg_pool2d(x.flatten(1, -3), half).view(*x.shape[:-2], half, half)
        self.last = F.relu(self.features.norm5(x))
        return self.classifier(self.last.flatten(2).mean(2)).squeeze(1)


class TorchvisionDenseNet(densenet.DenseNet):
    """torchvision's, with one output; it keeps the map before the last pooling."""

    def forward(self, x):
        self.last = F.relu(self.features(x))
        return self.classifier(torch.flatten(F.adaptive_avg_pool2d(self.last, 1), 1)).squeeze(1)


def patches(count, side, seed):
    """Blurred noise, [count, side, side, 3]; every second patch is bright at its centre."""
    rng = np.random.default_rng(seed)
    smooth = gaussian_filter(rng.normal(0, 300, (count, side, side, 3)), (0, 3, 3, 0)) + 120
    smooth[1::2, side // 3 : -side // 3, side // 3 : -side // 3] += 60
    return (smooth + rng.normal(0, 10, smooth.shape)).clip(0, 255).astype(np.uint8)


def as_input(images):
    return (torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255).contiguous()


def trained(make, side, steps=40):
    torch.manual_seed(5)
    model, x = make(), as_input(patches(16, side, 1))
    y = torch.arange(16).remainder(2).float()
    optimizer = torch.optim.Adam(model.parameters(), 0.003)
    for _ in range(steps):
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(model(x), y).backward()
        optimizer.step()
    return model.eval()


def weights(model):
    state = model.state_dict().items()
    return {name: tensor.numpy() for name, tensor in state if "num_batches_tracked" not in name}


def learning(model, x):
    """A training step in float64: logits, the gradients of their weighted sum, and a running variance after it."""
    model.last = None
    model = copy.deepcopy(model).double().train()
    logits = model(x.detach().double())
    (logits * torch.tensor([0.3, -0.2], dtype=torch.float64)).sum().backward()
    found = {f"learning.{name}": it.grad for name, it in model.named_parameters()}
    return found | {"learning.logit": logits, "learning.running_var": model.features.norm5.running_var}


def results(model, images, occlusion):
    x = as_input(images).requires_grad_()
    logits = model(x)
    model.last.retain_grad()
    logits.sum().backward()
    alpha = model.last.grad.flatten(3).mean(3) if model.last.dim() == 5 else model.last.grad.mean((2, 3))
    cam = (alpha[..., None, None] * model.last).flatten(1, -3).sum(1).relu()
    found = {"logit": logits, "gradient": x.grad, "grad-cam.features.relu5": cam} | learning(model, x)
    if occlusion:
        options = {"sliding_window_shapes": (3, 16, 16), "strides": (3, 8, 8)}
        with torch.no_grad():
            found["occlusion"] = attr.Occlusion(model).attribute(x, baselines=0, **options)[:, 0]
    found = {name: it.detach().float().numpy() for name, it in found.items()}
    for name in ("gradient", "occlusion"):
        if name in found:
            found[name] = np.ascontiguousarray(found[name].reshape(len(images), -1)[:, ::THIN])
    return found | {f"model.{name}": array for name, array in weights(model).items()}


def digest(model):
    """Of all tensors, in the order of their names."""
    whole = hashlib.sha256()
    for _, array in sorted(weights(model).items()):
        whole.update(array.tobytes())
    return whole.hexdigest()


def initialisations():
    cases = [
        ("densenet121 = {}", 42, lambda: densenet.densenet121(num_classes=1)),
        (
            "densenet = { blocks = [2, 1], growth = 3, channels = 6, layout = 'torchvision' }", 7,
            lambda: densenet.DenseNet(3, (2, 1), 6, num_classes=1),
        ),
    ]  # fmt: skip
    found = []
    for text, seed, make in cases:
        torch.manual_seed(seed)
        found.append({"architecture": text, "seed": seed, "digest": digest(make())})
    return found


def main():
    torch.set_num_threads(1)
    cases = {
        "torchvision": (lambda: TorchvisionDenseNet(3, (2, 1, 1, 1), 6, num_classes=1), 64),
        "none": (lambda: PcamDenseNet((1, 2, 1), 3, 4, 1), 50),
        "p4": (lambda: PcamDenseNet((1, 2), 2, 2, 4), 50),
        "p4m": (lambda: PcamDenseNet((1, 2, 1), 1, 2, 8), 50),
    }
    found = {}
    for name, (make, side) in cases.items():
        images = patches(2, side, 9)
        found[f"images.{side}"] = images
        found |= {f"{name}.{key}": it for key, it in results(trained(make, side), images, side == 64).items()}
    save_file(found, HERE / "densenets.safetensors")
    (HERE / "densenets.json").write_text(json.dumps(initialisations(), indent=1) + "\n")


if __name__ == "__main__":
    main()
