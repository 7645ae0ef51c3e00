"""Reads tables, JSON and HDF5, and turns what is wrong with a file into one clear error.

Knows formats; does not know stages.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ._errors import FormatError

if TYPE_CHECKING:
    import h5py
    import pandas as pd

_ADVICE = "the file is damaged, or another program wrote it; if it is a result, delete it and run the pipeline again"


def table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """A CSV file as it is. `columns` are those that it must have.

    Raises:
        FormatError: not CSV, or a column is missing.
    """
    import pandas as pd

    try:
        found = pd.read_csv(path)
    except (ValueError, OSError) as error:
        raise FormatError(f"{path} is not a table ({error}): {_ADVICE}") from error
    missing = [column for column in columns if column not in found.columns]
    if missing:
        raise FormatError(f"{path} has no column `{missing[0]}`: {_ADVICE}")
    return found


def json_object(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        FormatError: not a JSON object.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise FormatError(f"{path} is not JSON ({error}): {_ADVICE}") from error
    if not isinstance(found, dict):
        raise FormatError(f"{path} is not a JSON object: {_ADVICE}")
    return cast("dict[str, Any]", found)


@contextmanager
def hdf5(path: Path) -> Iterator[h5py.File]:
    """An open HDF5 file.

    Raises:
        FormatError: not HDF5, or something in it cannot be read.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, KeyError, RuntimeError) as error:
        raise FormatError(f"{path} cannot be read as HDF5 ({error}): {_ADVICE}") from error


def dataset(file: h5py.File, name: str, shape: Sequence[int | None]) -> h5py.Dataset:
    """A dataset with a shape; `None` stands for any length.

    Raises:
        FormatError: there is none, or its shape is another.
    """
    import h5py

    found = file.get(name)
    if not isinstance(found, h5py.Dataset):
        raise FormatError(f"{file.filename} has no dataset `{name}`: {_ADVICE}")
    fits = len(found.shape) == len(shape) and all(b in (None, a) for a, b in zip(found.shape, shape))
    if not fits:
        wanted = ", ".join("N" if length is None else str(length) for length in shape)
        raise FormatError(f"{file.filename}: dataset `{name}` has the shape {list(found.shape)}, not [{wanted}]")
    return found
