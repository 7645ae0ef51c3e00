"""Earlier runs as tables.

Knows `pcamflow runs --json` and `pcamflow compare --json`; does not know the store.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import _binary
from ._arguments import Paths, options

if TYPE_CHECKING:
    import pandas as pd


def runs(file: Paths | None = None, *, n: int = 20, store: Paths | None = None) -> pd.DataFrame:
    """The latest runs, the newest first.

    Args:
        file: only runs of this pipeline (its file or its name); by default all runs of the project in which Python
            works.
        n: how many at most.
        store: the store; `.pcamflow` in the project's folder by default.

    Returns:
        One row per run: `run` (its number), `pipeline`, `state`, `started` (UTC), `seconds`, `set` (a list of
        `key=value`), then a column for each number of each stage: `evaluate.test.accuracy`. NaN where there is none.

    Raises:
        EngineError: there is no store, or no such pipeline.
    """
    import pandas as pd

    words = ["runs", *([os.fspath(file)] if file is not None else []), "--json", "-n", str(n), *options(store=store)]
    rows = [_run(it) for it in _binary.ask(words) if it.get("event") == "run"]
    facts = ["run", "pipeline", "state", "started", "seconds", "set"]
    table = pd.DataFrame(rows, columns=list(dict.fromkeys([*facts, *(key for row in rows for key in row)])))
    table["started"] = pd.to_datetime(table["started"], utc=True)
    return table.sort_values("run", ascending=False, ignore_index=True)


def compare(
    *runs: int | str | os.PathLike[str],
    sweep: str | None = None,
    n: int | None = None,
    sort: str | None = None,
    by: Sequence[str] = (),
    store: Paths | None = None,
) -> pd.DataFrame:
    """Runs side by side: in what they differ, and their results.

    Args:
        runs: numbers of runs, `latest`, `latest~2`, `12..15`, or a pipeline file for its latest runs. By default the
            latest runs of the pipeline that ran last.
        sweep: instead, the trials of a sweep: its id, or `latest`.
        n: the latest n runs of the pipeline.
        sort: a column by which runs are sorted, best first: its name or the end of it.
        by: only these numbers: `evaluate.test.accuracy`, or the end of it.
        store: the store; `.pcamflow` in the project's folder by default.

    Returns:
        One row per run, with the number of the run as index: `started` (UTC), `pipeline`, `trial`, `state`, then a
        column for each difference (as text) and for each number (for stages with `seeds`, the mean). The attribute
        `attrs["better"]` of the table says which direction is better for a column, `higher` or `lower`, if known.

    Raises:
        EngineError: there is no such run.
    """
    import pandas as pd

    words = ["compare", *(str(it) for it in runs), "--json", *options(store=store)]
    for option, value in (("--sweep", sweep), ("-n", n), ("--sort", sort)):
        words += [] if value is None else [option, str(value)]
    words += [word for number in by for word in ("--by", number)]
    [found] = _binary.ask(words)
    columns = [it["name"] for it in found["columns"]]
    facts = ["run", "started", "pipeline", "trial", "state"]
    rows = [
        [*(run.get(it) for it in facts), *(_cell(run["values"].get(it)) for it in columns)] for run in found["runs"]
    ]
    table = pd.DataFrame(rows, columns=[*facts, *columns]).set_index("run")
    table["started"] = pd.to_datetime(table["started"], utc=True)
    table.attrs["better"] = {it["name"]: it["better"] for it in found["columns"] if it.get("better")}
    return table


def _run(record: dict[str, Any]) -> dict[str, Any]:
    row = {name: record.get(name) for name in ("pipeline", "state", "started", "seconds")}
    row.update(run=record["id"], set=record.get("set", []))
    for stage in record.get("stages", []):
        row.update({f"{stage['name']}.{it['name']}": it.get("value") for it in stage.get("numbers", [])})
    return row


def _cell(value: Any) -> Any:
    return value.get("value") if isinstance(value, dict) else value
