"""Puts runs into MLflow: parameters, numbers, the git commit and the report of each run.

Uses MLflow's own client, and asks the program `pcamflow` for everything else. `pcamflow runs export --mlflow` starts
this module.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _binary
from ._arguments import Paths, options
from ._errors import Error, NotFoundError

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

# The tag by which a run is found again.
_TAG = "pcamflow.run"
# MLflow takes so many parameters and numbers at once.
_PARAMETERS, _NUMBERS = 100, 1000
# MLflow's limit for the value of a parameter.
_LONGEST = 6000
_STATES = {"done": "FINISHED", "failed": "FAILED", "interrupted": "KILLED", "killed": "KILLED"}


def export(
    uri: str,
    runs: Iterable[int | str] | None = None,
    *,
    experiment: str | None = None,
    store: Paths | None = None,
) -> dict[int, str]:
    """Puts runs into MLflow. A run that is there already is not put there again.

    Args:
        uri: the tracking server or store of MLflow: `http://localhost:5000`, `sqlite:///mlflow.db`.
        runs: numbers of runs, or `latest`; by default all that have ended.
        experiment: the experiment; by default the name of the pipeline.
        store: the store of pcamflow; `.pcamflow` in the project's folder by default.

    Returns:
        For each run that is in MLflow now, the number of the run and MLflow's ID.

    Raises:
        NotFoundError: MLflow is not installed.
        EngineError: there is no such run.
    """
    client = _client(uri)
    exported = {}
    for word in _all(store) if runs is None else runs:
        [run] = _binary.ask(["runs", "show", str(word), "--json", *options(store=store)])
        if run["state"] in _STATES:
            exported[int(run["id"])] = _export(client, run, experiment or run["pipeline"], store)
    return exported


def _client(uri: str) -> MlflowClient:
    try:
        from mlflow.tracking import MlflowClient
    except ImportError as error:
        raise NotFoundError(f"MLflow is not installed for {sys.executable}: `pip install mlflow`") from error
    return MlflowClient(tracking_uri=uri)


def _all(store: Paths | None) -> list[int]:
    listed = _binary.ask(["runs", "--json", "-n", str(2**31), *options(store=store)])
    return sorted(int(run["id"]) for run in listed if run.get("event") == "run")


def _export(client: MlflowClient, run: dict[str, Any], experiment: str, store: Paths | None) -> str:
    """Exports one run and returns its ID. A run whose export was interrupted is made anew."""
    place = _experiment(client, experiment)
    name = f"{run['host']} {run['started']} {run['id']}"
    for found in client.search_runs([place], filter_string=f"tags.`{_TAG}` = '{name}'"):
        if found.info.status != "RUNNING":
            known: str = found.info.run_id
            return known
        client.delete_run(found.info.run_id)
    started = _milliseconds(run["started"])
    tags = {_TAG: name, "mlflow.runName": f"run {run['id']}", **_tags(run)}
    made: str = client.create_run(place, start_time=started, tags=tags).info.run_id
    _log(client, made, run, started)
    _report(client, made, run, store)
    ended = started + int(1000 * (run.get("seconds") or 0))
    client.set_terminated(made, status=_STATES[run["state"]], end_time=ended)
    return made


def _experiment(client: MlflowClient, name: str) -> str:
    found = client.get_experiment_by_name(name)
    identity: str = client.create_experiment(name) if found is None else found.experiment_id
    return identity


def _tags(run: dict[str, Any]) -> dict[str, str]:
    tags = {
        "pcamflow.pipeline": run["file"],
        "pcamflow.version": run["pcamflow"],
        "pcamflow.host": run["host"],
        "mlflow.source.name": run["file"],
        "mlflow.source.git.commit": (run.get("git") or {}).get("commit"),
        "pcamflow.sweep": (run.get("sweep") or {}).get("id"),
        "pcamflow.trial": (run.get("sweep") or {}).get("trial"),
    }
    return {tag: str(value) for tag, value in tags.items() if value}


def _log(client: MlflowClient, made: str, run: dict[str, Any], time: int) -> None:
    from mlflow.entities import Metric, Param

    parameters = [Param(_name(name), str(value)[:_LONGEST]) for name, value in run.get("parameters", {}).items()]
    numbers = [
        Metric(_name(f"{stage['name']}.{number['name']}"), float(number["value"]), time, 0)
        for stage in run["stages"]
        for number in stage.get("numbers", [])
        if number.get("value") is not None
    ]
    for start in range(0, len(parameters), _PARAMETERS):
        client.log_batch(made, params=parameters[start : start + _PARAMETERS])
    for start in range(0, len(numbers), _NUMBERS):
        client.log_batch(made, metrics=numbers[start : start + _NUMBERS])


def _name(name: str) -> str:
    """A name with the letters that MLflow allows: `train.base@1` becomes `train.base/1`."""
    return "".join(it if it.isalnum() or it in "_-. /" else "/" for it in name)


def _report(client: MlflowClient, made: str, run: dict[str, Any], store: Paths | None) -> None:
    """Adds the texts of the pipeline, and the page of the run if its results are still in the store."""
    for text in run["texts"]:
        client.log_text(made, text["text"], f"pipeline/{os.path.basename(text['name'])}")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        try:
            _binary.call(["report", str(run["id"]), "--to", page, *options(store=store)])
        except Error as error:
            print(f"note: run {run['id']} has no report: {error}", file=sys.stderr)
            return
        client.log_artifact(made, str(page))


def _milliseconds(started: str) -> int:
    import pandas as pd

    return int(pd.Timestamp(started).timestamp() * 1000)


def main(words: Sequence[str] | None = None) -> int:
    """The command that `pcamflow runs export` starts. Prints a line for each run; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m pcamflow.mlflow", description=main.__doc__)
    parser.add_argument("--uri", required=True)
    parser.add_argument("--binary")
    parser.add_argument("--experiment")
    parser.add_argument("--store")
    parser.add_argument("runs", nargs="*")
    given = parser.parse_args(words)
    # Standard output is for the runs; the client would print addresses there.
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    if given.binary:
        os.environ[_binary.VARIABLE] = given.binary
    try:
        exported = export(given.uri, given.runs or None, experiment=given.experiment, store=given.store)
    except Error as error:
        print(f"error: {error}", file=sys.stderr)
        return 3
    except Exception as error:  # MLflow's own errors: of its server, its database, its limits.
        print(f"error: MLflow at {given.uri}: {error}", file=sys.stderr)
        return 3
    for number, identity in exported.items():
        print(f"run {number}: {identity}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
