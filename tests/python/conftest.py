"""The results that the tests read: a small quickstart and a small residual network, made once by the real program.

Knows how to make them; does not know what is tested.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import pcamflow
from pcamflow import _binary

# The quickstart with fewer patches. It still learns enough for maps that are not zero.
SMALLER = {
    "patches = 2000": "patches = 300",
    "train = 1400, validation = 300, test = 300": "train = 200, validation = 40, test = 60",
    "epochs = 12": "epochs = 3",
    "batch-size = 32": "batch-size = 16",
    "learning-rate = 5e-4": "learning-rate = 2e-3",
    "take = 50": "take = 6",
}

RESNET = """
extends = "quickstart.toml"

[pipeline]
name = "resnet"

[train.narrow]
architecture = { resnet = { stages = [1, 2], width = 8 } }

[explain.grad-cam]
method = { grad-cam = { layer = "layer2.0.downsample" } }
"""

# The threads of PyTorch wait for each other actively: on a busy machine one thread is much faster.
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two pipelines and their results."""
    folder = tmp_path_factory.mktemp("project")
    (folder / ".git").mkdir()
    (folder / "pipelines").mkdir()
    quickstart = folder / "pipelines" / "quickstart.toml"
    _binary.call(["init", quickstart])
    text = quickstart.read_text()
    for old, new in SMALLER.items():
        assert old in text
        text = text.replace(old, new)
    quickstart.write_text(text)
    return folder


@pytest.fixture(scope="session")
def quickstart(project: Path) -> pcamflow.Run:
    return pcamflow.run(project / "pipelines/quickstart.toml", progress=False)


@pytest.fixture()
def inside(project: Path, quickstart: pcamflow.Run) -> Iterator[Path]:
    """The folder of the project, in which Python works during a test."""
    before = Path.cwd()
    os.chdir(project)
    yield project
    os.chdir(before)
