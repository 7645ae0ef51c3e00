"""The numbers of `evaluate` and `metrics` stages as rows of one table.

Knows `metrics.json` and `summary.json`; does not read files.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Optional

from ._errors import FormatError

_INTERVAL = "-interval"


class Number(NamedTuple):
    """One number, with its 95 % interval if it has one."""

    name: str
    value: float
    low: Optional[float] = None
    high: Optional[float] = None


def of(kind: str, content: dict[str, Any], path: Path) -> list[Number]:
    """The numbers of the result of a stage of the kind `evaluate` or `metrics`.

    Raises:
        FormatError: it is not such a result.
    """
    try:
        return _evaluation(content) if kind == "evaluate" else _faithfulness(content)
    except (KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"{path} is not the result of a stage `{kind}` ({error!r})") from error


def _evaluation(metrics: dict[str, Any]) -> list[Number]:
    """The numbers of `metrics.json`, named by their place: `accuracy`, `confusion.0.1`, `per-class.1.recall`."""
    return list(_flat(metrics, ""))


def _faithfulness(summary: dict[str, Any]) -> list[Number]:
    """The means of `summary.json`, named as in the report: `grad-cam/insertion`, `grad-cam/mask-pointing`."""
    return [number for method in summary["methods"] for number in _of_method(method)]


def _flat(value: Any, name: str) -> Iterator[Number]:
    """The numbers in a JSON value. An interval stands beside its number, under its name and `-interval`."""
    if isinstance(value, dict):
        for key, it in value.items():
            interval = value.get(key + _INTERVAL)
            place = f"{name}.{key}" if name else key
            if _is_number(it) and isinstance(interval, dict):
                yield Number(place, float(it), interval["low"], interval["high"])
            elif not key.endswith(_INTERVAL):
                yield from _flat(it, place)
    elif isinstance(value, list):
        for index, it in enumerate(value):
            yield from _flat(it, f"{name}.{index}")
    elif _is_number(value):
        yield Number(name, float(value))


def _of_method(method: dict[str, Any]) -> Iterator[Number]:
    label = method["label"]
    for name in ("insertion", "deletion"):
        yield from _mean(f"{label}/{name}", method[name])
    for region, measures in (method.get("localisation") or {}).items():
        for name in ("energy", "pointing", "rank"):
            score = ((measures or {}).get(name) or {}).get("score")
            yield from _mean(f"{label}/{region}-{name}", score)


def _mean(name: str, statistics: dict[str, Any] | None) -> Iterator[Number]:
    if statistics and statistics.get("mean") is not None:
        interval = statistics.get("interval") or {}
        yield Number(name, float(statistics["mean"]), interval.get("low"), interval.get("high"))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
