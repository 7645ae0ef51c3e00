"""Runs that Python starts: their events, their errors, and the history of runs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

import pcamflow
from pcamflow import _arguments, _binary

CHANGED = """
extends = "quickstart.toml"
remove = ["metrics.faithfulness", "sanity.grad-cam", "explain.occlusion", "explain.integrated-gradients"]
"""

FAILING = """
[pipeline]
name = "failing"

[command.bad]
shell = "echo boom >&2; exit 3"
artifacts = { x = "x.txt" }
"""


def test_events_reach_the_caller_and_warnings_are_pythons(project: Path, quickstart: pcamflow.Run) -> None:
    events: list[dict[str, object]] = []
    file = project / "pipelines/quickstart.toml"
    run = pcamflow.run(file, stages=["evaluate.test"], progress=events.append)
    assert events[0]["event"] == "began" and events[-1]["event"] == "ended"
    assert set(run.stages) == {"synthesize.patches", "split.patches", "train.narrow", "evaluate.test"}
    assert all(event["cached"] for event in events if event["event"] == "finished")
    other = project / "pipelines/other.toml"
    other.write_text(CHANGED)
    with pytest.warns(pcamflow.EngineWarning, match="explain.grad-cam: .* maps are 0 everywhere"):
        pcamflow.run(
            other,
            set={"train.narrow.epochs": 1, "train.narrow.optimizer.adam.learning-rate": 1e-7},
            stages=["explain.grad-cam"],
            progress=False,
        )


def test_lines_outside_of_notebooks(project: Path, quickstart: pcamflow.Run, capfd: pytest.CaptureFixture[str]) -> None:
    pcamflow.run(project / "pipelines/quickstart.toml", stages=["evaluate.test"])
    out, err = capfd.readouterr()
    assert "evaluate.test: cached, accuracy 0." in err and out == ""


def test_a_mistake_has_the_words_of_the_program(project: Path, quickstart: pcamflow.Run) -> None:
    with pytest.raises(pcamflow.EngineError, match="unknown key `epoch`\n(.|\n)*did you mean `epochs`") as mistake:
        pcamflow.run(project / "pipelines/quickstart.toml", set={"train.narrow.epoch": 3}, progress=False)
    assert mistake.value.exit_code == 2 and mistake.value.failed == {}
    with pytest.raises(pcamflow.EngineError, match="cannot read the pipeline .*nothing.toml: No such file"):
        pcamflow.run(project / "nothing.toml", progress=False)


def test_a_stage_that_failed(project: Path) -> None:
    file = project / "pipelines/failing.toml"
    file.write_text(FAILING)
    with pytest.raises(
        pcamflow.EngineError, match="command.bad failed: the script failed: exit code 3\n  boom"
    ) as error:
        pcamflow.run(file, progress=False)
    assert error.value.exit_code == 1
    assert list(error.value.failed) == ["command.bad"]
    assert isinstance(error.value, pcamflow.Error)


def test_frozen_and_requirements(project: Path, quickstart: pcamflow.Run) -> None:
    file = project / "pipelines/quickstart.toml"
    pcamflow.run(file, frozen=True, progress=False)
    with pytest.raises(pcamflow.EngineError, match="train.narrow is not cached: .*epochs") as error:
        pcamflow.run(file, set={"train.narrow.epochs": 9}, stages=["train.narrow"], frozen=True, progress=False)
    assert error.value.exit_code == 4
    requirement = "evaluate.test.accuracy >= 1.01"
    with pytest.raises(pcamflow.EngineError, match=rf"not met: {requirement} \(evaluate.test 0\.") as error:
        pcamflow.run(file, stages=["evaluate.test"], require=[requirement], progress=False)
    assert error.value.exit_code == 5


def test_values_are_written_as_toml() -> None:
    values = {"a": True, "b": [1, 2.5], "c": {"d e": 'x"y', "f": 1e-05}}
    assert _arguments.toml(values) == '{ "a" = true, "b" = [1, 2.5], "c" = { "d e" = "x\\"y", "f" = 1e-05 } }'
    with pytest.raises(pcamflow.FormatError, match=r"None \(NoneType\) is no value of a pipeline"):
        _arguments.toml(None)  # type: ignore[arg-type]


def test_runs_and_compare(inside: Path) -> None:
    file = Path("pipelines/compared.toml")
    file.write_text(CHANGED)
    for epochs in (1, 2):
        run = pcamflow.run(file, set={"train.narrow.epochs": epochs}, stages=["evaluate.test"], progress=False)
    runs = pcamflow.runs(file)
    assert list(runs.columns[:6]) == ["run", "pipeline", "state", "started", "seconds", "set"]
    assert runs["set"][0] == ["train.narrow.epochs=2"]
    assert runs["run"].is_monotonic_decreasing and runs["state"][0] == "done"
    assert isinstance(runs["started"].dtype, pd.DatetimeTZDtype)
    accuracy = run.metrics("evaluate.test").set_index("name").loc["accuracy", "value"]
    assert runs["evaluate.test.accuracy"][0] == accuracy
    assert len(pcamflow.runs(n=1)) == 1

    first, latest = int(runs["run"].iloc[-1]), int(runs["run"][0])
    table = pcamflow.compare(first, latest)
    assert table.loc[runs["run"][0], "train.narrow.epochs"] == "2"
    assert table.loc[runs["run"][0], "evaluate.test.accuracy"] == accuracy
    assert table.attrs["better"]["evaluate.test.accuracy"] == "higher"
    assert list(pcamflow.compare(first, latest, by=["accuracy"]).index) == [first, latest]
    with pytest.raises(pcamflow.EngineError, match="999"):
        pcamflow.compare(999)


def test_the_program_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(_binary.VARIABLE, raising=False)
    assert _binary.find().parent == Path(sys.executable).parent
    monkeypatch.setenv(_binary.VARIABLE, str(tmp_path / "nothing"))
    with pytest.raises(pcamflow.NotFoundError, match="PCAMFLOW_BINARY is .*nothing, which is not a program"):
        pcamflow.runs()
    program = tmp_path / "pcamflow"
    program.write_text("#!/bin/sh\necho hello\n")
    program.chmod(0o755)
    monkeypatch.setenv(_binary.VARIABLE, str(program))
    assert _binary.find() == program
    with pytest.raises(pcamflow.FormatError, match="printed something that is not JSON: is its version another one"):
        pcamflow.runs()
    monkeypatch.delenv(_binary.VARIABLE)
    monkeypatch.setattr(_binary, "_scripts", lambda: tmp_path / "empty")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert _binary.find() == program
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(pcamflow.NotFoundError, match="neither in .*empty nor on the PATH: install the wheel, or set"):
        _binary.find()


def test_an_interrupt_stops_the_program(project: Path) -> None:
    script = (
        "import os, signal, pcamflow\n"
        # A test in the background of a shell inherits that SIGINT is ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def stop(event):\n"
        "    if event['event'] == 'epoch': os.kill(os.getpid(), signal.SIGINT)\n"
        "try: pcamflow.run('pipelines/quickstart.toml', set={'train.narrow.epochs': 500}, progress=stop)\n"
        "except KeyboardInterrupt: print('interrupted')\n"
        "print(pcamflow.runs()['state'][0])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=project, capture_output=True, text=True, timeout=400)
    assert done.stdout.split() == ["interrupted", "interrupted"], done.stderr


def test_the_program_ends_with_python(project: Path) -> None:
    script = (
        "import os, signal, pcamflow\n"
        "def die(event):\n"
        "    if event['event'] == 'epoch': os.kill(os.getpid(), signal.SIGKILL)\n"
        "pcamflow.run('pipelines/quickstart.toml', set={'train.narrow.epochs': 501}, progress=die)\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=project, check=False, timeout=400)
    for _ in range(100):
        latest = pcamflow.runs(project / "pipelines/quickstart.toml").iloc[0]
        if latest["state"] != "running":
            break
        time.sleep(0.2)
    assert latest["state"] == "interrupted" and latest["set"] == ["train.narrow.epochs=501"]


def test_the_package_is_light() -> None:
    script = "import sys, pcamflow; print([m for m in ('torch', 'pandas', 'h5py', 'numpy') if m in sys.modules])"
    environment = {**os.environ, "PYTHONSAFEPATH": "1"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "[]"
