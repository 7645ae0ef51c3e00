"""A finished run: its stages and what they made.

Knows which stage kind makes which file; does not know where files are or what is in them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from . import _files, _numbers, _patches, _pictures
from . import _stages as stages
from ._arguments import Paths
from ._errors import FormatError, NotFoundError
from ._maps import Maps
from ._sources import Source

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd


class Run:
    """What `load` and `run` return. Tables have the names of the files as columns, and the column `stage` first."""

    def __init__(self, source: Source) -> None:
        self._source = source

    @property
    def stages(self) -> list[str]:
        """The stages with results: `evaluate.test`; with `seeds`, one for each: `evaluate.test@1`."""
        return self._source.stages()

    def path(self, artifact: str) -> Path:
        """The file of an artifact: `train.narrow/model` or `train.narrow/model.safetensors`. Do not change it.

        Raises:
            NotFoundError: there is no such stage or artifact.
            EngineError: the same, from the program.
        """
        stage, slash, name = artifact.partition("/")
        if not slash:
            raise FormatError(f"`{artifact}` is no artifact: write stage/artifact, such as train.narrow/model")
        return self._source.path(stage, name)

    def metrics(self, stage: str | None = None) -> pd.DataFrame:
        """The numbers of all `evaluate` and `metrics` stages, or of one.

        Returns:
            One row per number: `stage`, `name` (`accuracy`, `per-class.1.recall`, `grad-cam/insertion`), `value`, and
            the 95 % interval `low`, `high` (NaN without one). Measures from 0 to 1, not in percent.

        Raises:
            NotFoundError: there is no such stage.
            FormatError: a file is damaged.
        """
        import pandas as pd

        tables = []
        for name in self._stages(["evaluate", "metrics"], stage):
            kind = name.partition(".")[0]
            path = self._source.path(name, "metrics" if kind == "evaluate" else "summary")
            numbers = _numbers.of(kind, _files.json_object(path), path)
            tables.append(pd.DataFrame(numbers, columns=list(_numbers.Number._fields)))
            tables[-1].insert(0, "stage", name)
        return pd.concat(tables, ignore_index=True).astype({"value": float, "low": float, "high": float})

    def predictions(self, stage: str | None = None) -> pd.DataFrame:
        """The predictions of all `evaluate` stages, or of one.

        Returns:
            One row per patch: `stage`, `row` (in the original file), `label` (1 for tumour), `probability` (of tumour,
            0 to 1), `logit`, `predicted` (0 or 1).

        Raises:
            NotFoundError: there is no such stage.
            FormatError: a file is damaged.
        """
        columns = ["row", "label", "probability", "logit", "predicted"]
        return self._tables(["evaluate"], stage, "predictions", columns)

    def per_image(self, stage: str | None = None) -> pd.DataFrame:
        """The measures of single maps, of all `metrics` stages or of one; of a `sanity` stage only if it is named.

        Returns:
            One row per method and patch: `stage`, `method`, `row`, `label`, `probability`, `group`, `deletion-auc`,
            `insertion-auc`, and the localisation, 0 to 1. Empty cells are NaN: the measure is undefined there.

        Raises:
            NotFoundError: there is no such stage.
            FormatError: a file is damaged.
        """
        kinds = ["metrics", "sanity"] if stage else ["metrics"]
        return self._tables(kinds, stage, "per-image", ["row", "label"])

    def history(self, stage: str | None = None) -> pd.DataFrame:
        """The epochs of all `train` and `resume-train` stages, or of one.

        Returns:
            One row per epoch: `stage`, `epoch` (from 1), `train-loss`, `train-accuracy`, `validation-loss`,
            `validation-accuracy`, `learning-rate` (of the last step). Losses are means over patches, accuracies are
            from 0 to 1.

        Raises:
            NotFoundError: there is no such stage.
            FormatError: a file is damaged.
        """
        import pandas as pd

        tables = []
        for name in self._stages(["train", "resume-train"], stage):
            path = self._source.path(name, "history")
            epochs = _files.json_object(path).get("epochs")
            if not isinstance(epochs, list):
                raise FormatError(f"{path} has no list `epochs`: is it the history of a training?")
            tables.append(pd.DataFrame(epochs))
            tables[-1].insert(0, "stage", name)
        return pd.concat(tables, ignore_index=True)

    def maps(self, stage: str) -> Maps:
        """The maps of an `explain` stage: `explain.grad-cam`, or only `grad-cam`. They stay on the disk until they are
        asked for.

        Raises:
            NotFoundError: there is no such stage.
            FormatError: the file is damaged.
        """
        wanted = stage if stage.startswith("explain.") else f"explain.{stage}"
        name = self._stages(["explain"], wanted)[0]
        return Maps(self._source.path(name, "maps"), f"{name}/maps")

    def model_path(self, stage: str | None = None) -> Path:
        """The weights of a `train` or `resume-train` stage. The stage may be left out if there is only one.

        Raises:
            NotFoundError: there is no such stage, or there are several and none is named.
        """
        found = self._stages(["train", "resume-train"], stage)
        if len(found) > 1:
            names = ", ".join(f"`{it}`" for it in found)
            raise NotFoundError(f"{self._source.name} has several models: say which stage you mean, of {names}")
        return self._source.path(found[0], "model")

    def patches(
        self, rows: Sequence[int] | npt.NDArray[np.int64], images: Paths | None = None
    ) -> npt.NDArray[np.uint8]:
        """Patches by their rows in the original file, uint8 [n, S, S, 3], in the order of `rows`.

        Args:
            rows: as in `predictions()`, `per_image()` and `Maps.rows`.
            images: where they are: an artifact such as `split.pcam/test`, or an HDF5 file. By default, the parts of
                the split, or else the synthetic patches.

        Raises:
            NotFoundError: a row is not there, or it is not known where patches are.
            FormatError: a file is damaged.
        """
        return _patches.read([int(row) for row in rows], self._images(images))

    def overlay(self, row: int, method: str, images: Paths | None = None) -> npt.NDArray[np.uint8]:
        """The map of a patch over the grey patch, uint8 [S, S, 3], in the colours of the panels.

        Args:
            row: the row of the patch in the original file.
            method: the `explain` stage, such as `grad-cam`.
            images: as for `patches`.

        Raises:
            NotFoundError: there is no such stage, map or patch.
            FormatError: a file is damaged.
        """
        maps = self.maps(method)
        return _pictures.overlay(self.patches([row], images)[0], maps.of_row(row), maps.method)

    def __repr__(self) -> str:
        return f"<run {self._source.name}>"

    def _images(self, images: Paths | None) -> dict[str, Path]:
        """The files in which patches are looked for, by name."""
        if images is not None and Path(images).is_file():
            return {os.fspath(images): Path(images)}
        artifacts = [os.fspath(images)] if images else stages.with_patches(self.stages, self._source.name)
        return {artifact: self.path(artifact) for artifact in artifacts}

    def _tables(self, kinds: Sequence[str], stage: str | None, artifact: str, columns: Sequence[str]) -> pd.DataFrame:
        import pandas as pd

        tables = []
        for name in self._stages(kinds, stage):
            tables.append(_files.table(self._source.path(name, artifact), columns))
            tables[-1].insert(0, "stage", name)
        return pd.concat(tables, ignore_index=True)

    def _stages(self, kinds: Sequence[str], stage: str | None) -> list[str]:
        return stages.of_kinds(kinds, stage, self.stages, self._source.name)
