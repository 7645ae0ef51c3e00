"""Training and explaining with PyTorch and Captum as people run them: one function for each line of the table.

Each tries some batch sizes and returns the fastest. `data` is the folder with the results of pcamflow: the patches and
the model are those that it explains.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import h5py
import torch
from captum.attr import IntegratedGradients, LayerGradCam, Occlusion, Saliency
from pcamflow import load_model, to_tensor
from timing import Measured, best, rate
from torch import Tensor, nn

STEPS = (10, 20, 50, 100, 200, 400)
TOLERANCE = 0.01
PIXELS = 96 * 96


def model(data: Path) -> nn.Module:
    return load_model(data / "train.model" / "model.safetensors")


def images(data: Path, count: int) -> Tensor:
    """The first test patches."""
    with h5py.File(data / "split.patches" / "test.h5") as file:
        return to_tensor(file["x"][:count])


def training_step(data: Path) -> Measured:
    def step(network: nn.Module, optimizer: torch.optim.Optimizer, patches: Tensor, labels: Tensor) -> None:
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(network(patches), labels).backward()
        optimizer.step()

    candidates = {}
    for name, layout in (("NCHW", torch.contiguous_format), ("channels last", torch.channels_last)):
        network = model(data).train().to(memory_format=layout)
        patches = torch.rand(64, 3, 96, 96).to(memory_format=layout)
        labels = (torch.rand(64) > 0.5).float()
        optimizer = torch.optim.Adam(network.parameters(), 1e-3)
        candidates[name] = (64, functools.partial(step, network, optimizer, patches, labels))
    return best(candidates)


def inference(data: Path) -> Measured:
    network = model(data)
    with torch.no_grad():
        sizes = (1, 8, 64)
        return best({f"batch {size}": (size, functools.partial(network, images(data, size))) for size in sizes})


def grad_cam(data: Path) -> Measured:
    network = model(data)
    explain = LayerGradCam(network, network.relu4).attribute
    return best({f"batch {size}": (size, functools.partial(explain, images(data, size))) for size in (8, 32)})


def saliency(data: Path) -> Measured:
    def explain(patches: Tensor) -> Tensor:
        gradients: Tensor = Saliency(network).attribute(patches.clone().requires_grad_())
        return gradients.amax(1)

    network = model(data)
    return best({f"batch {size}": (size, functools.partial(explain, images(data, size))) for size in (8, 32)})


def occlusion(data: Path) -> Measured:
    explain = functools.partial(
        Occlusion(model(data)).attribute,
        images(data, 1),
        sliding_window_shapes=(3, 16, 16),
        strides=(3, 8, 8),
    )
    sizes = (8, 16, 32, 121)
    return best({f"batch {size}": (1, functools.partial(explain, perturbations_per_eval=size)) for size in sizes})


def integrated_gradients(data: Path, steps: int = 50, patches: int = 2) -> Measured:
    explain = functools.partial(IntegratedGradients(model(data)).attribute, images(data, patches), n_steps=steps)
    sizes = (8, 50)
    return best(
        {f"batch {size}": (patches, functools.partial(explain, internal_batch_size=size)) for size in sizes}
    )


def integrated_gradients_to_delta(data: Path) -> Measured:
    """With the fewest steps for which the relative error of completeness of every patch is small enough.

    They are looked for once: later repeats read them from a file.
    """
    known = data / "steps-to-delta.txt"
    if not known.exists():
        known.write_text(str(steps_to_delta(data)))
    steps = int(known.read_text())
    return Measured(integrated_gradients(data, steps, 1).rate, f"{steps} steps")


def steps_to_delta(data: Path) -> int:
    network, patches = model(data), images(data, 20)
    return next((steps for steps in STEPS if all_within(network, patches, steps)), STEPS[-1])


def all_within(network: nn.Module, patches: Tensor, steps: int) -> bool:
    explain = functools.partial(IntegratedGradients(network).attribute, n_steps=steps, internal_batch_size=50)
    return all(relative_delta(network, explain, patch) <= TOLERANCE for patch in patches.split(1))


def relative_delta(network: nn.Module, explain: Callable[..., tuple[Tensor, Tensor]], patch: Tensor) -> float:
    _, delta = explain(patch, return_convergence_delta=True)
    with torch.no_grad():
        change = network(patch) - network(torch.zeros_like(patch))
    return abs((delta / change).item())


def insertion_deletion(data: Path) -> Measured:
    """The probabilities of 97 points for one map: 96 pixels at a time are deleted, or inserted."""

    def curve(start: Tensor, end: Tensor, size: int) -> Tensor:
        current, end = start.clone().reshape(3, PIXELS), end.reshape(3, PIXELS)
        points = [current.clone()]
        for pixels in order.split(96):
            current[:, pixels] = end[:, pixels]
            points.append(current.clone())
        batches = torch.stack(points).reshape(-1, 3, 96, 96).split(size)
        return torch.cat([network(batch).sigmoid() for batch in batches])

    def both(size: int) -> None:
        curve(patch, black, size)
        curve(black, patch, size)

    network, patch = model(data), images(data, 1)[0]
    black = torch.zeros_like(patch)
    order = torch.rand(PIXELS).argsort(descending=True, stable=True)
    with torch.no_grad():
        return best({f"batch {size}": (1, functools.partial(both, size)) for size in (16, 64)})
