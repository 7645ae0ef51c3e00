"""Makes the reference results in this folder with PyTorch, Captum, SciPy and scikit-learn.

    pip install torch==2.11.0 torchvision captum==0.9.0 scikit-learn scipy safetensors
    python tests/references/make.py [SHARED]

SHARED is the folder with real patches and start weights, for `twenty-steps.safetensors`.

The tests of pcamflow compare with these files, so parity can be tested without any data. The images are
synthetic and the networks small. The script shares no code with pcamflow: networks are `torch.nn` modules,
explanations come from Captum, statistics from scikit-learn. The numbers are defined in src/guide/explanations.md.

Seeds are fixed and PyTorch uses one thread, so the same versions (`made-with.json`) on the same kind of
machine write the same bytes. To save space, only every 11th pixel of a large map is kept.
"""

import copy
import hashlib
import json
import sys
from pathlib import Path
from unittest import mock

import captum
import numpy as np
import scipy
import sklearn
import torch
import torchvision
from captum import attr
from safetensors.numpy import save_file
from scipy.ndimage import gaussian_filter
from sklearn import metrics
from sklearn.model_selection import train_test_split
from sklearn.utils.class_weight import compute_class_weight
from torch import nn
from torch.nn import functional as F
from torch.optim import lr_scheduler
from torchvision.models import resnet
from torchvision.models.resnet import BasicBlock, Bottleneck

HERE = Path(__file__).parent
THIN = 11


class ClassCNN(nn.Module):
    def __init__(self, channels=(32, 64, 128, 256), hidden=256):
        super().__init__()
        inputs = 3
        for at, outputs in enumerate(channels, 1):
            setattr(self, f"conv{at}", nn.Conv2d(inputs, outputs, 3, padding=1))
            setattr(self, f"bn{at}", nn.BatchNorm2d(outputs))
            setattr(self, f"relu{at}", nn.ReLU())
            inputs = outputs
        self.pool1, self.pool2, self.pool3 = nn.MaxPool2d(2), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(6)
        self.fc1, self.fc2 = nn.Linear(inputs * 36, hidden), nn.Linear(hidden, 1)

    def forward(self, x):
        x = self.relu1(self.bn1(self.conv1(x)))
        x = self.pool1(self.relu2(self.bn2(self.conv2(x))))
        x = self.pool2(self.relu3(self.bn3(self.conv3(x))))
        x = self.pool3(self.relu4(self.bn4(self.conv4(x))))
        return self.fc2(F.relu(self.fc1(x.flatten(1)))).squeeze(1)


class ResNet(nn.Module):
    """torchvision's basic blocks after a 3x3 convolution."""

    def __init__(self, stages=(2, 2, 2), width=16):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU()
        self.names, inputs = [], width
        for at, blocks in enumerate(stages):
            outputs = width * 2**at
            first = {}
            if at > 0:
                shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, 2, bias=False), nn.BatchNorm2d(outputs))
                first = {"stride": 2, "downsample": shortcut}
            layer = [BasicBlock(inputs, outputs, **first)]
            layer += [BasicBlock(outputs, outputs) for _ in range(1, blocks)]
            self.names.append(f"layer{at + 1}")
            setattr(self, self.names[-1], nn.Sequential(*layer))
            inputs = outputs
        self.fc = nn.Linear(inputs, 1)

    def forward(self, x):
        x = self.relu1(self.bn1(self.conv1(x)))
        for name in self.names:
            x = getattr(self, name)(x)
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1)).squeeze(1)


class NarrowResNet(resnet.ResNet):
    """torchvision's network with other widths, which are fixed in its constructor, and one output."""

    def __init__(self, block, stages, width):
        nn.Module.__init__(self)
        self._norm_layer, self.inplanes = nn.BatchNorm2d, width
        self.dilation, self.groups, self.base_width = 1, 1, 64
        self.conv1, self.bn1 = nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width)
        self.relu, self.maxpool = nn.ReLU(), nn.MaxPool2d(3, 2, 1)
        for at, blocks in enumerate(stages):
            layer = self._make_layer(block, width * 2**at, blocks, stride=1 if at == 0 else 2)
            setattr(self, f"layer{at + 1}", layer)
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(self.inplanes, 1)

    def forward(self, x):
        return super().forward(x).squeeze(1)


def by_default(make):
    """torchvision's own network with one output, without the initialisation that it draws after PyTorch's default."""
    with mock.patch.object(nn.init, "kaiming_normal_"):
        return make(num_classes=1)


def seeded(make, seed):
    torch.manual_seed(seed)
    return make()


def weights(model):
    state = model.state_dict().items()
    return {name: tensor.numpy() for name, tensor in state if "num_batches_tracked" not in name}


# Images


def coarse_patches(count, seed):
    """Colours [count, 8, 8, 3] and labels. Positive patches have bright squares at the centre."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(count) % 2).astype(np.uint8)
    colours = rng.integers(40, 160, (count, 8, 8, 3))
    for patch, label in zip(colours, labels):
        patch[3:5, 3:5] = rng.integers(130, 256, (2, 2, 3)) if label else rng.integers(60, 170, (2, 2, 3))
    return colours.astype(np.uint8), labels


def enlarged(coarse):
    """Enlarges each colour to a square of 12x12 pixels."""
    return coarse.repeat(12, axis=1).repeat(12, axis=2)


def detailed_patches(count, seed):
    """The same kind of patches, [count, 96, 96, 3], blurred and noisy to avoid ties between pixels."""
    coarse, labels = coarse_patches(count, seed)
    smooth = gaussian_filter(enlarged(coarse).astype(float), (0, 4, 4, 0))
    noisy = smooth + np.random.default_rng(seed + 1).normal(0, 12, smooth.shape)
    return noisy.clip(0, 255).astype(np.uint8), labels


def as_input(images):
    """Images as float32 in [0, 1], [N, 3, 96, 96]."""
    return (torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255).contiguous()


# Initialisation


def initialisations():
    cases = [
        ("class-cnn = {}", 42, ClassCNN),
        ("class-cnn = { channels = [3, 5, 7, 9], hidden = 11 }", 7, lambda: ClassCNN((3, 5, 7, 9), 11)),
        ("resnet = {}", 42, ResNet),
        ("resnet = { stages = [1, 2], width = 4 }", 7, lambda: ResNet((1, 2), 4)),
        ("resnet18 = {}", 42, lambda: by_default(resnet.resnet18)),
        ("resnet50 = {}", 7, lambda: by_default(resnet.resnet50)),
    ]
    digest = lambda array: hashlib.sha256(array.tobytes()).hexdigest()
    return [
        {
            "architecture": text,
            "seed": seed,
            "tensors": {name: digest(array) for name, array in weights(seeded(make, seed)).items()},
        }
        for text, seed, make in cases
    ]


# Training


def trainings(patches, validation, cases):
    """The losses of every epoch, in row order. `table` has the same settings in a pipeline file."""
    # float64: float32 statistics of PyTorch's batch normalisation depend on layout and threads, by up to 4e-4.
    ready = lambda images, labels: (as_input(enlarged(images)).double(), torch.from_numpy(labels).double())
    (x, y), (vx, vy) = ready(*patches), ready(*validation)
    results = []
    for case in cases:
        model = seeded(case["make"], 42).double()
        optimizer = case["optimizer"](model.parameters())
        epochs, batch = 3, 10
        steps = -(-len(y) // batch)
        by_epoch = case.get("by-epoch", lambda _: None)(optimizer)
        by_step = case.get("by-step", lambda *_: None)(optimizer, epochs * steps)
        class_weights = torch.tensor(case.get("class-weights", [1.0, 1.0]), dtype=torch.float64)
        losses = []
        for _ in range(epochs):
            model.train()
            total = 0.0
            for at in range(0, len(y), batch):
                xb, yb = x[at : at + batch], y[at : at + batch]
                loss = F.binary_cross_entropy_with_logits(model(xb), yb, weight=class_weights[yb.long()])
                optimizer.zero_grad()
                loss.backward()
                if "clip" in case:
                    nn.utils.clip_grad_norm_(model.parameters(), case["clip"])
                optimizer.step()
                if by_step:
                    by_step.step()
                total += loss.item() * len(yb)
            if by_epoch:
                by_epoch.step()
            model.eval()
            with torch.no_grad():
                validation_loss = F.binary_cross_entropy_with_logits(model(vx), vy).item()
            losses.append([total / len(y), validation_loss])
        results.append({"name": case["name"], "table": case["table"], "losses": losses})
    return results


def twenty_steps(shared):
    """The losses of twenty steps of Adam on real patches in float64, and the smaller tensors after them."""
    import h5py
    from safetensors.torch import load_file

    start = load_file(shared / "oracle/train.safetensors")
    data = f"{shared}/data/pcam-mini/camelyonpatch_level_2_split_train_"
    x = as_input(h5py.File(f"{data}x.h5")["x"][:]).double()
    y = torch.from_numpy(h5py.File(f"{data}y.h5")["y"][:].reshape(-1)).double()
    model = ClassCNN((8, 16, 32, 64), 32)
    initial = {name: start[f"initial.{name}"] for name in model.state_dict() if f"initial.{name}" in start}
    model.load_state_dict(initial, strict=False)
    model = model.double().train()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    losses = []
    for batch in start["batches"].long():
        loss = F.binary_cross_entropy_with_logits(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    small = {name: tensor for name, tensor in model.state_dict().items() if 1 < tensor.numel() < 3000}
    arrays = {name: tensor.numpy().astype(np.float32) for name, tensor in small.items()}
    save_file({**arrays, "losses": np.array(losses)}, HERE / "twenty-steps.safetensors")


def training_cases(labels):
    small = "architecture.class-cnn = { channels = [4, 6, 8, 10], hidden = 8 }\n"
    cnn = lambda: ClassCNN((4, 6, 8, 10), 8)
    sgd = lambda **options: lambda parameters: torch.optim.SGD(parameters, **options)
    balanced = compute_class_weight("balanced", classes=np.array([0, 1]), y=labels)
    return [
        {"name": "adam", "make": cnn, "table": small, "optimizer": torch.optim.Adam},
        {
            "name": "adamw-cosine",
            "make": cnn,
            "table": small + "optimizer.adamw = { learning-rate = 0.002, weight-decay = 0.1 }\n"
            "schedule.cosine = { eta-min = 0.0001 }\n",
            "optimizer": lambda parameters: torch.optim.AdamW(parameters, lr=0.002, weight_decay=0.1),
            "by-epoch": lambda optimizer: lr_scheduler.CosineAnnealingLR(optimizer, 3, eta_min=0.0001),
        },
        {
            "name": "sgd-step",
            "make": cnn,
            "table": small + "optimizer.sgd = { learning-rate = 0.02, momentum = 0.8, nesterov = true, "
            "weight-decay = 0.01 }\nschedule.step = { step-size = 1, gamma = 0.3 }\n",
            "optimizer": sgd(lr=0.02, momentum=0.8, nesterov=True, weight_decay=0.01),
            "by-epoch": lambda optimizer: lr_scheduler.StepLR(optimizer, 1, gamma=0.3),
        },
        {
            "name": "sgd-one-cycle",
            "make": cnn,
            "table": small + "optimizer.sgd = { learning-rate = 0.01, momentum = 0.9 }\nschedule.one-cycle = {}\n",
            "optimizer": sgd(lr=0.01, momentum=0.9),
            "by-step": lambda optimizer, steps: lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=steps),
        },
        {
            "name": "adam-balanced-clipped",
            "make": cnn,
            "table": small + "optimizer.adam = { learning-rate = 0.002, beta1 = 0.8, weight-decay = 0.05 }\n"
            "class-weights = 'balanced'\nclip-gradients.norm = 0.5\n",
            "optimizer": lambda parameters: torch.optim.Adam(
                parameters, lr=0.002, betas=(0.8, 0.999), weight_decay=0.05
            ),
            "class-weights": balanced,
            "clip": 0.5,
        },
        {
            "name": "resnet",
            "make": lambda: ResNet((1, 1, 1), 4),
            "table": "architecture.resnet = { stages = [1, 1, 1], width = 4 }\n"
            "optimizer.sgd = { learning-rate = 0.01 }\nclass-weights = [1.0, 2.5]\n",
            "optimizer": sgd(lr=0.01),
            "class-weights": [1.0, 2.5],
        },
    ]


# Explanations


def trained(make, seed, steps=60):
    """A network after a short training, in inference mode."""
    images, labels = detailed_patches(32, 100)
    x, y = as_input(images), torch.from_numpy(labels).float()
    model = seeded(make, seed)
    optimizer = torch.optim.Adam(model.parameters(), 0.003)
    for step in range(steps):
        rows = torch.arange(step * 8, step * 8 + 8) % 32
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(model(x[rows]), y[rows]).backward()
        optimizer.step()
    return model.eval()


def rise_kernel():
    impulse = np.zeros((11, 11))
    impulse[5, 5] = 1
    return gaussian_filter(impulse, 5)


def blurred(x):
    kernel = torch.from_numpy(rise_kernel()).float().expand(3, 1, 11, 11)
    return F.conv2d(x, kernel, padding=5, groups=3)


def curve(model, maps, start, end):
    """The scores while pixels of `end` replace those of `start`, 96 at a time, largest map values first."""
    scores = []
    for image, (a, b) in enumerate(zip(start, end)):
        order = np.argsort(-maps[image].reshape(-1), kind="stable")
        frames = [a.clone()]
        for pixels in order.reshape(-1, 96):
            frame = frames[-1].clone()
            frame.view(3, -1)[:, pixels] = b.view(3, -1)[:, pixels]
            frames.append(frame)
        with torch.no_grad():
            scores.append(torch.sigmoid(model(torch.stack(frames)).double()).numpy())
    return np.stack(scores)


def localisation(maps):
    """For the central 32x32 pixels: share of positive mass, largest pixel, share of the 1024 largest."""
    box = np.zeros((96, 96), bool)
    box[32:64, 32:64] = True
    results = {"energy": [], "pointing": [], "rank": []}
    for one in maps:
        positive, order = one.clip(min=0).astype(float), np.argsort(-one.reshape(-1), kind="stable")
        # pcamflow omits the energy of a map without positive values.
        results["energy"].append(positive[box].sum() / positive.sum() if positive.any() else 0)
        results["pointing"].append(int(box.reshape(-1)[order[0]]))
        results["rank"].append(box.reshape(-1)[order[:1024]].mean())
    types = {"energy": np.float32, "pointing": np.int64, "rank": np.float32}
    return {name: np.array(values, types[name]) for name, values in results.items()}


def explanations(make, seed, layers, last, count=3):
    images, labels = (array[1:] for array in detailed_patches(count + 1, 200))
    x, model = as_input(images), trained(make, seed)
    black, white = torch.zeros_like(x), torch.ones_like(x)
    with torch.no_grad():
        logits = model(x)
    found = {"images": images, "labels": labels.astype(np.int64), "logit": logits.numpy()}
    found |= {f"model.{name}": array for name, array in weights(model).items()}

    for layer in layers:
        cam = attr.LayerGradCam(model, getattr(model, layer)).attribute(x, relu_attributions=True)
        found[f"grad-cam.{layer}"] = cam[:, 0].detach().numpy()
        if layer == last:
            resized = F.interpolate(cam, (96, 96), mode="bilinear", align_corners=False)
            found[f"grad-cam.{layer}.upsampled"] = resized[:, 0].detach().numpy()
    times = attr.LayerGradientXActivation(model, getattr(model, last)).attribute(x)
    found[f"hires-cam.{last}"] = times.sum(1).relu().detach().numpy()

    gradient = attr.Saliency(model).attribute(x, abs=False)
    found["gradient"], found["saliency"] = gradient.numpy(), gradient.abs().amax(1).numpy()

    occlusion = attr.Occlusion(model)
    for name, window, stride, value in [
        ("occlusion", 16, 8, 0), ("occlusion.w15", 15, 8, 0),
        ("occlusion.w20s12", 20, 12, 0), ("occlusion.white", 16, 8, 1),
    ]:  # fmt: skip
        options = {"sliding_window_shapes": (3, window, window), "strides": (3, stride, stride)}
        with torch.no_grad():
            found[name] = occlusion.attribute(x, baselines=value, **options)[:, 0].numpy()

    integrated = attr.IntegratedGradients(model)
    for name, baseline, rule in [
        ("ig.gauss-legendre", black, "gausslegendre"), ("ig.midpoint", black, "riemann_middle"),
        ("ig.white", white, "gausslegendre"),
    ]:  # fmt: skip
        options = {"n_steps": 50, "method": rule, "return_convergence_delta": True}
        maps, delta = integrated.attribute(x, baselines=baseline, **options)
        found[name], found[f"{name}.delta"] = maps.detach().numpy(), delta.detach().numpy()
    nodes, node_weights = np.polynomial.legendre.leggauss(50)
    found["ig.nodes"], found["ig.weights"] = (1 + nodes) / 2, node_weights / 2

    found["rise.kernel"], found["rise.blurred"] = rise_kernel(), blurred(x).numpy()
    methods = {
        "grad-cam": found[f"grad-cam.{last}.upsampled"],
        "saliency": found["saliency"],
        "occlusion": found["occlusion"],
        "ig": found["ig.gauss-legendre"].sum(1),
    }
    for method, maps in methods.items():
        curves = {"deletion": curve(model, maps, x, black), "insertion": curve(model, maps, blurred(x), x)}
        for name, scores in curves.items():
            areas = [metrics.auc(np.linspace(0, 1, 97), one) for one in scores]
            found[f"{name}.{method}"], found[f"{name}.{method}.auc"] = scores, np.array(areas)
        found |= {f"localisation.{method}.{name}": array for name, array in localisation(maps).items()}
    found["spearman.saliency.occlusion"] = np.array(
        [scipy.stats.spearmanr(a.reshape(-1), b.reshape(-1)).statistic
         for a, b in zip(methods["saliency"], methods["occlusion"])]
    )  # fmt: skip
    return {name: stored(name, array, count) for name, array in found.items()}


def stored(name, array, count):
    """An array as stored: large maps are thinned, and only a few arrays need float64."""
    if array.dtype == np.float64 and not name.startswith(("ig.nodes", "ig.weights", "spearman")):
        array = array.astype(np.float32)
    if array.dtype == np.float32 and not name.startswith("model.") and array[0].size >= 96 * 96:
        array = array.reshape(count, -1)[:, ::THIN]
    return np.ascontiguousarray(array)


def learning(model, x):
    """A training step in float64: the logits, and some gradients of their weighted sum."""
    model = copy.deepcopy(model).double().train()
    logits = model(x.detach().double())
    (logits * torch.tensor([0.3, -0.2], dtype=torch.float64)).sum().backward()
    some = ("conv1.weight", "layer1.0.conv2.weight", "layer2.0.downsample.0.weight", "bn1.weight", "fc.weight")
    parameters = dict(model.named_parameters())
    return {"learning.logit": logits, **{f"learning.{name}": parameters[name].grad for name in some}}


def torchvision_layouts():
    """Narrow networks of torchvision's layouts: weights, logits, gradients, and a map inside."""
    images = detailed_patches(3, 300)[0][1:]
    found = {"images": images}
    cases = {"resnet18": (BasicBlock, (2, 1, 1, 1), 3), "resnet50": (Bottleneck, (2, 1, 1, 1), 3)}
    for name, case in cases.items():
        x, model = as_input(images).requires_grad_(), trained(lambda: NarrowResNet(*case), 9)
        kept = {}
        hook = model.layer3.register_forward_hook(lambda module, inputs, output: kept.update(layer3=output))
        logits = model(x)
        logits.sum().backward()
        hook.remove()
        cam = attr.LayerGradCam(model, model.layer4).attribute(x, relu_attributions=True)
        with torch.no_grad():
            options = {"sliding_window_shapes": (3, 16, 16), "strides": (3, 8, 8), "perturbations_per_eval": 11}
            occluded = attr.Occlusion(model).attribute(x, baselines=0, **options)[:, 0]
        results = {"logit": logits, "gradient": x.grad, **kept, "grad-cam.layer4": cam[:, 0], "occlusion": occluded}
        results |= learning(model, x)
        results = {key: value.detach().numpy() for key, value in results.items()} | {
            f"model.{key}": array for key, array in weights(model).items()
        }
        # Of each map every 11th pixel, as elsewhere.
        results = {key: stored(key, array, len(images)) for key, array in results.items()}
        found |= {f"{name}.{key}": array for key, array in results.items()}
    return found


# Evaluation and splits


def evaluations():
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 2, 300)
    smooth = (0.35 * labels + rng.beta(2, 3, 300) * 0.65).round(6)
    skewed = (rng.random(150) < 0.06).astype(int)
    cases = {
        "distinct": (labels, smooth, 0.5),
        "ties": (labels, smooth.round(1), 0.5),
        "other threshold": (labels, smooth, 0.3),
        "equal scores": (labels, np.full(300, 0.5), 0.5),
        "certain and wrong": (labels, np.where(smooth > 0.5, 1.0, 0.0), 0.5),
        "rare class": (skewed, rng.random(150).round(3), 0.9),
        "perfect": (labels, np.where(labels == 1, 0.75, 0.25), 0.5),
        "negatives only": (np.zeros(25, int), rng.random(25).round(2), 0.5),
        "positives only": (np.ones(25, int), rng.random(25).round(2), 0.5),
        "nothing predicted": (labels, smooth / 3, 0.5),
    }
    return {name: evaluation(*case) for name, case in cases.items()}


def evaluation(labels, probabilities, threshold):
    predicted = (probabilities > threshold).astype(int)
    options = {"labels": [0, 1], "zero_division": 0}
    per_class = metrics.precision_recall_fscore_support(labels, predicted, **options)
    both = len(set(labels)) == 2
    case = {
        "labels": labels,
        "probabilities": probabilities,
        "threshold": threshold,
        "confusion": metrics.confusion_matrix(labels, predicted, labels=[0, 1]),
        "accuracy": metrics.accuracy_score(labels, predicted),
        **dict(zip(("precision", "recall", "f1", "support"), per_class)),
        "classification_report": metrics.classification_report(
            labels, predicted, target_names=["Non cancerous", "Cancerous"], **options
        ),
        "brier": metrics.brier_score_loss(labels, probabilities, pos_label=1),
        "log_loss": metrics.log_loss(labels, probabilities, labels=[0, 1]),
        "mcc": metrics.matthews_corrcoef(labels, predicted),
        "ece15": calibration_error(labels, probabilities),
        "roc_auc": metrics.roc_auc_score(labels, probabilities) if both else None,
        "average_precision": metrics.average_precision_score(labels, probabilities) if both else None,
    }
    if both:
        fpr, tpr, _ = metrics.roc_curve(labels, probabilities, drop_intermediate=False)
        case["roc"] = {"fpr": fpr, "tpr": tpr}
    return case


def calibration_error(labels, probabilities):
    bins = np.minimum(np.floor(15 * probabilities), 14)
    groups = [bins == at for at in range(15) if (bins == at).any()]
    return sum(group.mean() * abs(probabilities[group].mean() - labels[group].mean()) for group in groups)


def splits():
    sources = {
        "1 if i % 7 < 3 else 0, i in 0..1001": [int(i % 7 < 3) for i in range(1001)],
        "1 if i % 4 == 0 else 0, i in 0..262144": [int(i % 4 == 0) for i in range(262144)],
    }
    sizes = {
        "odd sizes": ("1 if i % 7 < 3 else 0, i in 0..1001", (601, 201, 99)),
        "large, 1 in 4 positive": ("1 if i % 4 == 0 else 0, i in 0..262144", (30001, 4000, 3999)),
    }
    cases = []
    for name, (labels, (train, validation, test)) in sizes.items():
        for seed in (11, 12):
            y = np.array(sources[labels])
            draw = lambda rows, size: train_test_split(rows, stratify=y[rows], random_state=seed, **size)
            subset = draw(np.arange(len(y)), {"train_size": train + validation + test})[0]
            first, rest = draw(subset, {"train_size": train})
            second, third = draw(rest, {"test_size": test})
            parts = {"train": first, "validation": second, "test": third}
            digest = lambda rows: hashlib.sha256(rows.astype("<i8").tobytes()).hexdigest()
            cases.append({
                "name": name, "labels": labels, "seed": seed,
                "sizes": {"train": train, "validation": validation, "test": test},
                **{part: {"first": rows[:10], "sha256_i64le": digest(rows)} for part, rows in parts.items()},
            })  # fmt: skip
    return cases


def write(name, value):
    plain = lambda value: value.tolist() if isinstance(value, (np.ndarray, np.generic)) else str(value)
    (HERE / name).write_text(json.dumps(value, default=plain, separators=(",", ":")) + "\n")


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    modules = [torch, torchvision, captum, sklearn, scipy, np]
    write("made-with.json", {module.__name__: module.__version__ for module in modules})
    write("init.json", initialisations())
    patches, validation = coarse_patches(44, 1), coarse_patches(16, 2)
    # Remove six negatives, so that the balanced weights differ.
    kept = np.flatnonzero((patches[1] == 1) | (np.arange(44) >= 12))
    patches = tuple(array[kept] for array in patches)
    parts = {"train": patches, "validation": validation}
    arrays = {f"{part}.{what}": array for part, pair in parts.items() for what, array in zip("xy", pair)}
    save_file(arrays, HERE / "train.safetensors")
    write("train.json", trainings(patches, validation, training_cases(patches[1])))
    if len(sys.argv) > 1:
        twenty_steps(Path(sys.argv[1]))
    layers = ["conv4", "bn4", "relu4", "relu3", "pool3"]
    cnn = explanations(lambda: ClassCNN((4, 6, 8, 10), 8), 8, layers, "relu4")
    save_file(cnn, HERE / "explain-class-cnn.safetensors")
    layers = ["bn1", "relu1", "layer1", "layer2", "layer3"]
    resnet = explanations(lambda: ResNet((1, 1, 1), 4), 7, layers, "layer3")
    save_file(resnet, HERE / "explain-resnet.safetensors")
    save_file(torchvision_layouts(), HERE / "resnets.safetensors")
    write("evaluate.json", evaluations())
    write("split.json", splits())


if __name__ == "__main__":
    main()
