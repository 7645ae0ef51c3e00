"""Event files, read by the real TensorBoard.

Knows TensorBoard; does not know how trainings report their epochs.
"""

from __future__ import annotations

from pathlib import Path

import pcamflow
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def test_tensorboard_shows_every_epoch_of_a_training(project: Path) -> None:
    text = (project / "pipelines/quickstart.toml").read_text()
    file = project / "pipelines/board.toml"
    file.write_text(text.replace("[run]", "[run]\nlogs = { tensorboard = true, steps = true }"))
    if "[run]" not in text:
        file.write_text(text + "\n[run]\nlogs = { tensorboard = true, steps = true }\n")
    run = pcamflow.run(file, stages=["train.narrow"], force=["train.narrow"], progress=False)
    [folder] = (project / "out").glob("quickstart*/tensorboard/train.narrow")
    board = EventAccumulator(str(folder)).Reload()
    assert sorted(board.Tags()["scalars"]) == [
        "accuracy/train",
        "accuracy/validation",
        "loss/step",
        "loss/train",
        "loss/validation",
    ]
    history = run.history("train.narrow")
    shown = board.Scalars("loss/validation")
    assert [it.step for it in shown] == list(history["epoch"])
    assert [it.value for it in shown] == pytest.approx(list(history["validation-loss"]), rel=1e-6)
    steps = board.Scalars("loss/step")
    assert [it.step for it in steps] == list(range(1, len(steps) + 1)) and len(steps) % len(history) == 0
    assert sum(it.value for it in steps) / len(steps) == pytest.approx(history["train-loss"].mean(), rel=0.05)
