"""Runs in the real MLflow: its server, its client, and `pcamflow runs export`.

Knows MLflow; does not know how runs are recorded.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import mlflow.tracking
import pcamflow
import pytest
from pcamflow import _binary
from pcamflow.mlflow import export


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a tracking server."""
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["--backend-store-uri", "sqlite:///m.db", "--artifacts-destination", "files", "--workers", "1"]
    log = (folder / "log").open("w")
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", "--port", str(port), *words],
        cwd=folder,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address, process, folder / "log")
        yield address
    finally:
        os.killpg(process.pid, 15)
        process.wait()
        log.close()


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(f"{address}/health", timeout=5)
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(log.read_text())


def test_runs_are_there_once_with_parameters_numbers_and_report(inside: Path, server: str) -> None:
    first = export(server)
    assert export(server) == first and first
    client = mlflow.tracking.MlflowClient(server)
    experiment = client.get_experiment_by_name("quickstart")
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id])
    of_pipeline = pcamflow.runs("quickstart", n=1000)
    assert len(found) == len(of_pipeline)
    run = client.get_run(first[int(of_pipeline["run"].min())])
    assert run.data.params["train.narrow.epochs"] == "3"
    assert run.data.params["train.narrow.architecture"] == "class-cnn"
    accuracy = of_pipeline.sort_values("run")["evaluate.test.accuracy"].iloc[0]
    assert run.data.metrics["evaluate.test.accuracy"] == pytest.approx(accuracy, abs=0)
    assert run.info.status == "FINISHED"
    names = [it.path for it in client.list_artifacts(run.info.run_id)]
    assert "report.html" in names and "pipeline" in names
    page = Path(client.download_artifacts(run.info.run_id, "report.html", str(inside))).read_text()
    assert "<title>quickstart, run" in page


def test_the_command_line_exports_as_well(inside: Path, server: str) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = [_binary.find(), "runs", "export", "latest", "--mlflow", server, "--experiment", "mine"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("run ")
    client = mlflow.tracking.MlflowClient(server)
    experiment = client.get_experiment_by_name("mine")
    assert experiment is not None and len(client.search_runs([experiment.experiment_id])) == 1


def test_a_server_that_is_not_there_is_one_error(inside: Path) -> None:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    }
    command = [_binary.find(), "runs", "export", "latest", "--mlflow", "http://127.0.0.1:9"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "error: MLflow at http://127.0.0.1:9" in done.stderr and "Traceback" not in done.stderr
