"""The real TensorBoard shows a training while it runs.

Knows TensorBoard's server and its addresses; does not know the format of event files.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pcamflow
from pcamflow import _binary

RUN = "train.narrow"


def test_curves_grow_in_tensorboard_while_a_network_trains(project: Path, quickstart: pcamflow.Run) -> None:
    text = (project / "pipelines/quickstart.toml").read_text()
    text = text.replace('name = "quickstart"', 'name = "live"').replace("epochs = 3", "epochs = 40")
    (project / "pipelines/live.toml").write_text(text + "\n[run]\nlogs = { tensorboard = true }\n")
    with server(project / "out/live/tensorboard") as address:
        command = [str(_binary.find()), "run", "pipelines/live.toml", RUN]
        training = subprocess.Popen(
            command,
            cwd=project,
            env=_binary.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            early = wait(lambda: points(address), training)
            assert training.poll() is None, training.communicate()[1]
        finally:
            training.send_signal(2)
            training.communicate()
    assert 0 < len(early) < 40 and [step for step, _ in early] == list(range(1, len(early) + 1))
    assert all(loss > 0 for _, loss in early)


def wait(look: Callable[[], list[tuple[int, float]]], training: subprocess.Popen[str]) -> list[tuple[int, float]]:
    """The first points that there are."""
    for _ in range(600):
        found = look()
        if found or training.poll() is not None:
            return found
        time.sleep(0.1)
    raise AssertionError("TensorBoard shows nothing after a minute")


def points(address: str) -> list[tuple[int, float]]:
    """The epochs and training losses that TensorBoard shows."""
    try:
        tag = f"{address}/data/plugin/scalars/scalars?run={RUN}&tag=loss%2Ftrain"
        with urllib.request.urlopen(tag, timeout=10) as answer:
            return [(step, value) for _, step, value in json.load(answer)]
    except urllib.error.HTTPError:
        return []  # It has not yet seen the run.


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """TensorBoard, on a free port."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder), "--port", "0", "--host", "127.0.0.1"]
    process = subprocess.Popen(
        [*command, "--reload_interval", "0.2", "--load_fast", "false"], stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        found = next(filter(None, (re.search(r"http://127\.0\.0\.1:\d+", line) for line in process.stderr)))
        yield found.group()
    finally:
        process.terminate()
        process.communicate()
