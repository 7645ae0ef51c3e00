"""The whole job as the notebook does it: rows of a file one at a time, explanations image by image.

The sizes are those of tests/bench/throughput/notebook.toml.
"""

from __future__ import annotations

import copy
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import torch
from pcamflow._networks import ClassCnn
from sklearn.metrics import classification_report
from sklearn.model_selection import train_test_split
from split import copy_rows
from timing import Measured
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

SIZES = {"train": 256, "validation": 64, "test": 64}
EPOCHS, MORE, EXPLAINED, SEED = 2, 1, 8, 42


class Rows(IterableDataset[tuple[Tensor, Tensor]]):
    """The patches of a file, one at a time."""

    def __init__(self, path: Path, shuffle: bool) -> None:
        self.path, self.shuffle = path, shuffle

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        with h5py.File(self.path) as file:
            rows = np.arange(len(file["x"]))
            if self.shuffle:
                np.random.shuffle(rows)
            for row in rows:
                patch = torch.tensor(file["x"][row].astype("float32") / 255).permute(2, 0, 1)
                yield patch, torch.tensor(float(file["y"][row]))


def draw(data: Path, folder: Path) -> None:
    """Stratified parts of the data, a file each."""
    with h5py.File(data / "labels.h5") as file:
        labels = file["y"][:].reshape(-1)
    left = np.arange(len(labels))
    for name, size in SIZES.items():
        rows, left = train_test_split(left, train_size=size, stratify=labels[left], random_state=SEED)
        copy_rows(data / "images.h5", folder / f"{name}.h5", rows)
        with h5py.File(folder / f"{name}.h5", "a") as file:
            file["y"] = labels[rows]


def predict(network: nn.Module, loader: DataLoader[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    network.eval()
    with torch.no_grad():
        pairs = [(network(patches).sigmoid(), labels) for patches, labels in loader]
    return torch.cat([one for one, _ in pairs]), torch.cat([one for _, one in pairs])


def fit(network: nn.Module, optimizer: torch.optim.Optimizer, folder: Path, epochs: int) -> None:
    """Ends with the weights of the best epoch."""
    train = DataLoader(Rows(folder / "train.h5", shuffle=True), batch_size=64)
    validation = DataLoader(Rows(folder / "validation.h5", shuffle=False), batch_size=64)
    best, weights = float("inf"), network.state_dict()
    for _ in range(epochs):
        network.train()
        for patches, labels in train:
            optimizer.zero_grad()
            loss = nn.functional.binary_cross_entropy_with_logits(network(patches), labels)
            loss.backward()
            optimizer.step()
            loss.item()
        loss_now = nn.functional.binary_cross_entropy(*predict(network, validation)).item()
        if loss_now < best:
            best, weights = loss_now, copy.deepcopy(network.state_dict())
    network.load_state_dict(weights)


def grad_cam(network: ClassCnn, patch: Tensor) -> Tensor:
    kept: list[Tensor] = []
    hook = network.relu4.register_forward_hook(lambda _module, _inputs, output: kept.append(output))
    score = network(patch[None])
    hook.remove()
    (gradient,) = torch.autograd.grad(score, kept)
    cam = (gradient.mean((2, 3), keepdim=True) * kept[0]).sum(1, keepdim=True).relu().detach()
    return nn.functional.interpolate(cam, size=(96, 96), mode="bilinear")[0, 0]


def saliency(network: nn.Module, patch: Tensor) -> Tensor:
    image = patch[None].clone().requires_grad_()
    network.zero_grad()
    network(image).backward()
    assert image.grad is not None
    return image.grad.abs().amax(1)[0]


def occlusion(network: nn.Module, patch: Tensor) -> None:
    with torch.no_grad():
        for top in range(0, 81, 8):
            for left in range(0, 81, 8):
                hidden = patch[None].clone()
                hidden[:, :, top : top + 16, left : left + 16] = 0
                network(hidden).item()


def integrated_gradients(network: nn.Module, patch: Tensor) -> Tensor:
    path = torch.cat([patch[None] * (step / 49) for step in range(50)]).requires_grad_()
    network.zero_grad()
    network(path).sum().backward()
    assert path.grad is not None
    return path.grad.mean(0) * patch


def insertion_deletion(network: nn.Module, patch: Tensor, map_: Tensor) -> None:
    scaled = (map_ - map_.min()) / (map_.max() - map_.min() + 1e-8)
    with torch.no_grad():
        for step in range(51):
            kept = (scaled >= step / 50).float()
            network((patch * kept)[None]).sigmoid().item()
            network((patch * (1 - kept))[None]).sigmoid().item()


def job(data: Path, folder: Path) -> None:
    draw(data, folder)
    network = ClassCnn((32, 64, 128, 256), 256)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    fit(network, optimizer, folder, EPOCHS)
    fit(network, optimizer, folder, MORE)
    probabilities, labels = predict(network, DataLoader(Rows(folder / "test.h5", shuffle=False), batch_size=64))
    classification_report(labels, probabilities > 0.5, zero_division=0)
    for (patch, _), _ in zip(Rows(folder / "test.h5", shuffle=False), range(EXPLAINED)):
        insertion_deletion(network, patch, grad_cam(network, patch))
        insertion_deletion(network, patch, saliency(network, patch))
        occlusion(network, patch)
        integrated_gradients(network, patch)


def notebook(data: Path) -> Measured:
    """Jobs per hour, of one job without a warm-up. Importing the packages is not counted."""
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        job(data, Path(folder))
        return Measured(3600 / (time.perf_counter() - begun))
