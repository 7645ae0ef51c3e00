"""Makes `explainers.safetensors`: more explanations, by PyTorch 2.11, Captum 0.9.0 and pytorch-grad-cam 1.5.5.

    pip install torch==2.11.0 captum==0.9.0 grad-cam==1.5.5 scipy safetensors
    python tests/references/explainers.py

Two small networks on synthetic patches of two sizes; the residual one normalises its images. Everything is float64 and
explains the labelled class: the logit, or its negative. Random numbers are those of pcamflow, whose generator (ChaCha20)
is written out here; Captum gets them in the place of its own. RISE has no library here: `rise` is its formula. To save
space, only every 61st number of a large map is kept.
"""

import copy
import struct
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from captum import attr
from captum.attr._utils.lrp_rules import EpsilonRule, GammaRule
from captum.attr._utils.custom_modules import Addition_Module
from pytorch_grad_cam import AblationCAM, GradCAMPlusPlus, LayerCAM, ScoreCAM, XGradCAM
from safetensors.numpy import save_file
from scipy.ndimage import gaussian_filter
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import fuse_conv_bn_eval

HERE = Path(__file__).parent
THIN = 61
SEED = 42
ROWS = [100, 101]
SIGNS = torch.tensor([-1.0, 1.0], dtype=torch.float64)  # The labels are 0 and 1.
SMOOTH = {"samples": 4, "noise": 0.1}
SHAP = {"samples": 6, "noise": 0.1}
RISE = {"masks": 20, "cells": 4, "probability": 0.4}
MEAN, STD = [0.7, 0.5, 0.4], [0.2, 0.25, 0.5]


# Networks: every ReLU and every sum is a module of its own, as Captum needs it.


class ClassCNN(nn.Module):
    def __init__(self, channels=(3, 4, 5, 6), hidden=6):
        super().__init__()
        inputs = 3
        for at, outputs in enumerate(channels, 1):
            setattr(self, f"conv{at}", nn.Conv2d(inputs, outputs, 3, padding=1))
            setattr(self, f"bn{at}", nn.BatchNorm2d(outputs))
            setattr(self, f"relu{at}", nn.ReLU())
            inputs = outputs
        self.pool1, self.pool2, self.pool3 = nn.MaxPool2d(2), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(6)
        self.fc1, self.relu5, self.fc2 = nn.Linear(inputs * 36, hidden), nn.ReLU(), nn.Linear(hidden, 1)

    def forward(self, x):
        x = self.relu1(self.bn1(self.conv1(x)))
        # "+ 0": a ReLU would hand on what its max-pooling got, not what Captum's rule makes of that, and DeepLIFT would
        # not be complete (both hooks would be of one tensor).
        x = self.pool1(self.relu2(self.bn2(self.conv2(x))) + 0)
        x = self.pool2(self.relu3(self.bn3(self.conv3(x))) + 0)
        x = self.pool3(self.relu4(self.bn4(self.conv4(x))))
        return self.fc2(self.relu5(self.fc1(x.flatten(1))))


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)
        self.relu1, self.add, self.relu2 = nn.ReLU(), Addition_Module(), nn.ReLU()
        self.downsample = None
        if stride != 1:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
        return self.relu2(self.add(y, x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    def __init__(self, width=3):
        super().__init__()
        self.conv1, self.bn1, self.relu1 = nn.Conv2d(3, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        self.layer1 = nn.Sequential(Block(width, width, 1))
        self.layer2 = nn.Sequential(Block(width, 2 * width, 2))
        self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(2 * width, 1)

    def forward(self, x):
        x = self.layer2(self.layer1(self.relu1(self.bn1(self.conv1(x)))))
        return self.fc(self.pool(x).flatten(1))


class Normalising(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(normalised(x))


def normalised(x):
    mean, std = (torch.tensor(values, dtype=torch.float64).view(3, 1, 1) for values in (MEAN, STD))
    return (x - mean) / std


def as_if_trained(model, seed):
    """In inference mode, with statistics and biases that are not those of an untrained network."""
    random = np.random.default_rng(seed)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if "num_batches" not in name:
                reach = 0.3 if tensor.ndim == 1 else 0.1
                tensor += torch.from_numpy(random.uniform(-reach, reach, tensor.shape)).to(tensor.dtype)
    return model.eval()


def without_norms(model):
    """Each batch normalisation as part of its convolution."""
    model = copy.deepcopy(model)
    for module in list(model.modules()):
        names = dict(module.named_children())
        for name, norm in names.items():
            before = {"bn": "conv", "1": "0"}.get(name.rstrip("0123456789") or name)
            if isinstance(norm, nn.BatchNorm2d):
                convolution = before + name[2:] if name != "1" else before
                setattr(module, convolution, fuse_conv_bn_eval(names[convolution], norm))
                setattr(module, name, nn.Sequential())
    return model


# Images


def patches(side, seed):
    random = np.random.default_rng(seed)
    smooth = gaussian_filter(random.uniform(0, 255, (2, side, side, 3)), (0, 3, 3, 0)) * 3 - 255
    return (smooth + random.normal(0, 12, smooth.shape)).clip(0, 255).astype(np.uint8)


def as_input(images):
    """Images as pcamflow reads them: float32 in [0, 1]; then float64."""
    return (torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255).contiguous().double()


# pcamflow's random numbers


def chacha20(key, count):
    """The first `count` 64-bit numbers of ChaCha20 with a 64-bit counter."""
    rotate = lambda x, n: ((x << np.uint32(n)) | (x >> np.uint32(32 - n))).astype(np.uint32)
    blocks = -(-count // 8)
    words = struct.unpack("<8I", key)
    state = np.zeros((16, blocks), np.uint32)
    state[:4] = np.array(struct.unpack("<4I", b"expand 32-byte k"), np.uint32)[:, None]
    state[4:12] = np.array(words, np.uint32)[:, None]
    state[12] = np.arange(blocks, dtype=np.uint32)
    x = state.copy()

    def quarter(a, b, c, d):
        x[a] += x[b]; x[d] = rotate(x[d] ^ x[a], 16)  # noqa: E702
        x[c] += x[d]; x[b] = rotate(x[b] ^ x[c], 12)  # noqa: E702
        x[a] += x[b]; x[d] = rotate(x[d] ^ x[a], 8)  # noqa: E702
        x[c] += x[d]; x[b] = rotate(x[b] ^ x[c], 7)  # noqa: E702

    with np.errstate(over="ignore"):
        for _ in range(10):
            for column in range(4):
                quarter(column, column + 4, column + 8, column + 12)
            for column in range(4):
                quarter(column, 4 + (column + 1) % 4, 8 + (column + 2) % 4, 12 + (column + 3) % 4)
        x += state
    numbers = x.T.reshape(-1).astype(np.uint64)
    return (numbers[0::2] | (numbers[1::2] << np.uint64(32)))[:count]


def key(*parts):
    return b"".join(parts).ljust(32, b"\0")


def of_row(row, label):
    return key(struct.pack("<Q", SEED), struct.pack("<q", row), label)


def units(numbers):
    return (numbers >> np.uint64(11)).astype(np.float64) / 2**53


def noise(row, samples, deviation, side):
    """Normal noise [samples, 3, side, side] (Box and Muller)."""
    u = units(chacha20(of_row(row, b"noise"), samples * side * side * 3)) + 2.0**-53
    radius, angle = deviation * np.sqrt(-2 * np.log(u[0::2])), 2 * np.pi * u[1::2]
    values = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).astype(np.float32)
    return torch.from_numpy(values.reshape(samples, side, side, 3)).permute(0, 3, 1, 2).double()


def rise_masks(side):
    count, cells = RISE["masks"], RISE["cells"]
    numbers = chacha20(key(struct.pack("<Q", SEED), b"rise"), count * (cells**2 + 2)).reshape(count, -1)
    grids = (units(numbers[:, :-2]) < RISE["probability"]).reshape(count, 1, cells, cells)
    cell = -(-side // cells)
    large = F.interpolate(torch.from_numpy(grids).double(), size=((cells + 1) * cell,) * 2, mode="bilinear")
    shifts = [[int(number) * cell >> 64 for number in row[-2:]] for row in numbers]
    return torch.stack([one[:, y : y + side, x : x + side] for one, (y, x) in zip(large, shifts)])


# Explanations


def targets():
    return [lambda output, sign=sign: sign * output[0] for sign in SIGNS.tolist()]


def cams(model, net, x, layer, variants):
    """The maps before ReLU's caller scales them: its own `get_cam_image`."""
    classes = {
        "plus-plus": GradCAMPlusPlus, "layer": LayerCAM, "xgrad": XGradCAM,
        "score-cam": ScoreCAM, "ablation-cam": AblationCAM,
    }  # fmt: skip
    found = {}
    # pcamflow enlarges masks with half-pixel centres, as the authors of Score-CAM do.
    enlarge = lambda size: lambda tensor: F.interpolate(tensor, size=size, mode="bilinear", align_corners=False)
    for variant in variants:
        seen = []
        with classes[variant](model=model, target_layers=[net.get_submodule(layer)]) as cam:
            own = cam.get_cam_image
            cam.get_cam_image = lambda *arguments: seen.append(own(*arguments)) or seen[0]
            with mock.patch("torch.nn.UpsamplingBilinear2d", enlarge):
                cam(input_tensor=x.clone(), targets=targets())
        maps = torch.from_numpy(np.asarray(seen[0], dtype=np.float64))
        if variant == "ablation-cam":
            # The package divides by the score; pcamflow by its magnitude.
            with torch.no_grad():
                maps = maps * torch.sign(SIGNS * model(x)[:, 0]).view(-1, 1, 1)
        found[f"grad-cam.{variant}.{layer}"] = maps.relu().numpy()
    return found


def signed(model):
    """The score as a function; `signs` is one number per image."""
    return lambda x, signs: model(x)[:, 0] * signs


def under_noise(model, x):
    found = {}
    side, samples = x.shape[-1], SMOOTH["samples"]
    kinds = {"smoothgrad": "mean", "smoothgrad_sq": "square", "vargrad": "variance"}
    methods = {"saliency": attr.Saliency(signed(model)), "input-x-gradient": attr.InputXGradient(signed(model))}
    for name, method in methods.items():
        plain = {"abs": False} if name == "saliency" else {}
        for kind, statistic in kinds.items():
            maps = []
            for image, row, sign in zip(x, ROWS, SIGNS):
                deviation = SMOOTH["noise"] * (image.max() - image.min()).item()
                draws = noise(row, samples, deviation, side)
                tunnel = attr.NoiseTunnel(method)
                with mock.patch("torch.normal", lambda *_, **__: draws):
                    maps.append(tunnel.attribute(
                        image[None].clone(), nt_type=kind, nt_samples=samples, stdevs=1.0,
                        additional_forward_args=sign.view(1), **plain,
                    ))  # fmt: skip
            found[f"{name}.{statistic}"] = torch.cat(maps)
    maps = []
    for image, row in zip(x, ROWS):
        deviation = SMOOTH["noise"] * (image.max() - image.min()).item()
        copies = image + noise(row, samples, deviation, side)
        gradient = attr.Saliency(lambda x: model(x)[:, 0]).attribute(copies)
        maps.append(gradient.amax(1).var(0, unbiased=False))
    found["saliency.variance.map"] = torch.stack(maps)
    return found


def shap(model, x):
    side, samples = x.shape[-1], SHAP["samples"]
    maps = []
    for image, row, sign in zip(x, ROWS, SIGNS):
        deviation = SHAP["noise"] * (image.max() - image.min()).item()
        draws = noise(row, samples, deviation, side)
        shares = units(chacha20(of_row(row, b"share"), samples))
        white = torch.ones_like(image[None])
        with mock.patch("torch.normal", lambda *_, **__: draws), mock.patch("numpy.random.uniform", lambda *_: shares):
            method = attr.GradientShap(signed(model))
            maps.append(method.attribute(
                image[None].clone(), white, n_samples=samples, stdevs=1.0, additional_forward_args=sign.view(1),
            ))  # fmt: skip
    return torch.cat(maps)


def rise(model, x):
    masks = rise_masks(x.shape[-1])
    maps = []
    for image, sign in zip(x, SIGNS):
        with torch.no_grad():
            scores = sign * model(image * masks)[:, 0]
        maps.append((scores.view(-1, 1, 1) * masks[:, 0]).sum(0) / (len(masks) * RISE["probability"]))
    return torch.stack(maps)


def relevance(net, x, epsilon, gamma):
    """Of the logit, with its sign: relevance is proportional to where it starts."""
    net = without_norms(net)
    for module in net.modules():
        # The first convolution reads an image, which can be negative after its normalisation.
        if isinstance(module, nn.Conv2d) and gamma and module is not net.conv1:
            module.rule = GammaRule(gamma)
            module.rule.STABILITY_FACTOR = epsilon
        elif isinstance(module, (nn.Conv2d, nn.Linear, nn.MaxPool2d, nn.AdaptiveAvgPool2d, Addition_Module)):
            # The largest input of a window is its own sum, so no epsilon is needed.
            module.rule = EpsilonRule(1e-300 if isinstance(module, nn.MaxPool2d) else epsilon)
    for name, module in list(net.named_modules()):
        for child, norm in list(module.named_children()):
            if isinstance(norm, nn.Sequential) and len(norm) == 0:
                setattr(module, child, nn.Dropout(0))  # Captum knows no empty module; this one is never active.
    return attr.LRP(net.eval()).attribute(x.clone(), target=0) * SIGNS.view(-1, 1, 1, 1)


def explanations(name, net, side, seed, layers, wrap):
    images = patches(side, seed)
    x, net = as_input(images), as_if_trained(net.double(), seed)
    for _, tensor in net.state_dict().items():
        if tensor.dtype == torch.float64:
            tensor.copy_(tensor.float())  # What pcamflow reads.
    model = wrap(net)
    with torch.no_grad():
        found = {"logit": model(x)[:, 0]}
    for layer, variants in layers.items():
        found |= cams(model, net, x, layer, variants)
    forward, options = signed(model), {"additional_forward_args": SIGNS}
    found["input-x-gradient"] = attr.InputXGradient(forward).attribute(x.clone(), **options)
    found |= under_noise(model, x)
    found["gradient-shap"], found["rise"] = shap(model, x), rise(model, x)
    turned = Turned(model)
    found["guided-backprop"] = torch.cat([
        attr.GuidedBackprop(turned.by(sign)).attribute(image[None].clone()) for image, sign in zip(x, SIGNS.tolist())
    ])  # fmt: skip
    for baseline, value in {"black": 0.0, "white": 1.0}.items():
        lift = attr.DeepLift(model).attribute(x.clone(), baselines=torch.full_like(x, value), target=0)
        found[f"deep-lift.{baseline}"] = lift * SIGNS.view(-1, 1, 1, 1)
    first = normalised(x) if wrap is Normalising else x
    found["lrp.epsilon"] = relevance(net, first, 1e-3, 0)
    found["lrp.gamma"] = relevance(net, first, 1e-6, 0.25)
    arrays = {key: thinned(value) for key, value in found.items()}
    state = {f"model.{key}": value.numpy() for key, value in net.state_dict().items() if "num_batches" not in key}
    arrays |= {key: np.ascontiguousarray(value.astype(np.float32)) for key, value in state.items()}
    arrays["images"] = images
    print(name, {key: float(np.abs(value).max()) for key, value in arrays.items() if "model" not in key})
    return {f"{name}.{key}": value for key, value in arrays.items()}


class Turned(nn.Module):
    """A network whose score is that of one class."""

    def __init__(self, net):
        super().__init__()
        self.net, self.sign = net, 1.0

    def by(self, sign):
        self.sign = sign
        return self

    def forward(self, x):
        return self.sign * self.net(x)[:, 0]


def thinned(value):
    array = np.asarray(value.detach() if isinstance(value, torch.Tensor) else value, dtype=np.float32)
    if array.ndim > 1 and array[0].size > 1000:
        array = array.reshape(len(array), -1)[:, ::THIN]
    return np.ascontiguousarray(array)


def main():
    torch.set_num_threads(1)
    all_variants = ["plus-plus", "layer", "xgrad", "score-cam", "ablation-cam"]
    torch.manual_seed(1)
    cnn = {"relu4": all_variants, "relu2": ["ablation-cam", "plus-plus"], "conv3": ["layer", "score-cam"]}
    found = explanations("class-cnn", ClassCNN(), 48, 3, cnn, lambda net: net)
    torch.manual_seed(2)
    resnet = {"layer2": all_variants, "layer1": all_variants, "layer2.0.relu1": ["ablation-cam", "xgrad"]}
    found |= explanations("resnet", ResNet(), 40, 4, resnet, Normalising)
    save_file(found, HERE / "explainers.safetensors")


if __name__ == "__main__":
    main()
