"""Turns Python values into arguments of the program.

Knows how the command line writes values; does not know which settings exist.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from typing import Union

from ._errors import FormatError

Value = Union[str, bool, int, float, Sequence["Value"], Mapping[str, "Value"]]
"""What a setting can be: as in TOML."""

Paths = Union[str, "os.PathLike[str]"]
"""A path of a file or a folder."""


def options(set: Mapping[str, Value] | None = None, store: Paths | None = None, data: Paths | None = None) -> list[str]:
    """The options `--set`, `--store` and `--data`, those that are given."""
    words = []
    for key, value in (set or {}).items():
        words += ["--set", f"{key}={toml(value)}"]
    for option, path in (("--store", store), ("--data", data)):
        if path is not None:
            words += [option, os.fspath(path)]
    return words


def toml(value: Value) -> str:
    """A value as TOML writes it.

    Raises:
        FormatError: TOML has no such value, such as `None`.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return repr(float(value)) if math.isfinite(value) else str(float(value))
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml(it)}" for key, it in value.items()) + " }"
    if isinstance(value, Sequence):
        return "[" + ", ".join(toml(it) for it in value) + "]"
    kind = type(value).__name__
    raise FormatError(f"{value!r} ({kind}) is no value of a pipeline: write texts, numbers, booleans, lists or tables")
