"""What is wrong with names and files is said in one sentence: what, where, and what to do."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

import pcamflow


@pytest.fixture()
def copied(quickstart: pcamflow.Run, project: Path, tmp_path: Path) -> Path:
    """A copy of the results, to damage."""
    return Path(shutil.copytree(project / "out/quickstart", tmp_path / "quickstart"))


def test_places_without_results(project: Path, quickstart: pcamflow.Run, tmp_path: Path) -> None:
    with pytest.raises(pcamflow.NotFoundError, match="there is no .*nothing: name a folder such as out/quickstart"):
        pcamflow.load(tmp_path / "nothing")
    with pytest.raises(pcamflow.NotFoundError, match="holds no results: name a folder such as out/quickstart"):
        pcamflow.load(tmp_path)
    with pytest.raises(pcamflow.NotFoundError, match="of several pipelines, not of one: did you mean .*out/"):
        pcamflow.load(project / "out")
    with pytest.raises(pcamflow.FormatError, match="`set` and `store` need a pipeline file"):
        pcamflow.load(project / "out/quickstart", set={"a.b": 1})
    with pytest.raises(pcamflow.EngineError, match="has no result yet .*: `pcamflow run .* makes one"):
        pcamflow.load(project / "pipelines/quickstart.toml", set={"pipeline.name": "new"}, store=tmp_path).path(
            "evaluate.test/metrics"
        )


def test_names(quickstart: pcamflow.Run, project: Path) -> None:
    for run in (quickstart, pcamflow.load(project / "pipelines/quickstart.toml")):
        with pytest.raises(pcamflow.NotFoundError, match="`explain.gradcam` in .*: did you mean `explain.grad-cam`?"):
            run.maps("explain.gradcam")
        with pytest.raises(pcamflow.NotFoundError, match="no stage `explain.lime` in .*: there are `explain[.]"):
            run.maps("lime")
        with pytest.raises(pcamflow.Error, match="no stage `train.narow`.*: did you mean `train.narrow`?"):
            run.path("train.narow/model")
        with pytest.raises(pcamflow.Error, match="predictons.csv`.*did you mean"):
            run.path("evaluate.test/predictons.csv")
    with pytest.raises(pcamflow.FormatError, match="`train.narrow` is no artifact: write stage/artifact"):
        quickstart.path("train.narrow")
    with pytest.raises(pcamflow.NotFoundError, match="^explain.grad-cam/maps has no map of row 1000: its rows are "):
        quickstart.maps("grad-cam").of_row(1000)
    with pytest.raises(
        pcamflow.NotFoundError, match="^explain.grad-cam/maps has no `delta`: besides the maps, it has .'native'."
    ):
        quickstart.maps("grad-cam").array("delta")


def test_a_kind_without_results(copied: Path) -> None:
    shutil.rmtree(copied / "evaluate.test")
    with pytest.raises(
        pcamflow.NotFoundError, match="quickstart has no result of the kind `evaluate`: run the pipeline"
    ):
        pcamflow.load(copied).predictions()
    (copied / "train.narrow/model.safetensors").unlink()
    with pytest.raises(pcamflow.NotFoundError, match="no artifact `model` in .*train.narrow: there are `checkpoint"):
        pcamflow.load_model(copied)


def test_damaged_tables_and_json(copied: Path) -> None:
    run = pcamflow.load(copied)
    (copied / "evaluate.test/predictions.csv").write_text("row,label\n1,0\n")
    with pytest.raises(pcamflow.FormatError, match="predictions.csv has no column `probability`: the file is damaged"):
        run.predictions()
    (copied / "evaluate.test/predictions.csv").write_text("")
    with pytest.raises(pcamflow.FormatError, match="predictions.csv is not a table"):
        run.predictions()
    for text in ("{", "[1]"):
        (copied / "evaluate.test/metrics.json").write_text(text)
        with pytest.raises(pcamflow.FormatError, match="metrics.json is not (a )?JSON.*: the file is damaged"):
            run.metrics("evaluate.test")
    (copied / "train.narrow/history.json").write_text("{}")
    with pytest.raises(pcamflow.FormatError, match="history.json has no list `epochs`"):
        run.history()


def test_damaged_hdf5(copied: Path) -> None:
    run = pcamflow.load(copied)
    file = copied / "explain.grad-cam/maps.h5"
    file.chmod(0o644)
    with h5py.File(file, "a") as maps:
        del maps.attrs["method"]
    with pytest.raises(pcamflow.FormatError, match="maps.h5 has no attribute `method`: is it the maps.h5 of an"):
        run.maps("grad-cam")
    with h5py.File(file, "a") as maps:
        del maps["row"]
        maps["row"] = np.arange(3)
    with pytest.raises(pcamflow.FormatError, match=r"dataset `row` has the shape \[3\], not \[6\]"):
        run.maps("grad-cam")
    with h5py.File(file, "a") as maps:
        del maps["map"]
    with pytest.raises(pcamflow.FormatError, match="maps.h5 has no dataset `map`"):
        run.maps("grad-cam")
    file.write_bytes(b"no HDF5")
    with pytest.raises(pcamflow.FormatError, match="maps.h5 cannot be read as HDF5 "):
        run.maps("grad-cam")
    file = copied / "split.patches/test.h5"
    file.unlink()
    file.write_bytes(b"")
    with pytest.raises(pcamflow.FormatError, match="test.h5 cannot be read as HDF5 "):
        run.patches([0])


def test_patches_need_a_place(copied: Path) -> None:
    shutil.copytree(copied / "split.patches", copied / "split.other")
    with pytest.raises(pcamflow.NotFoundError, match="has several splits: say where patches are, as in images='split"):
        pcamflow.load(copied).patches([0])
    for stage in ("split.patches", "split.other", "synthesize.patches"):
        shutil.rmtree(copied / stage)
    with pytest.raises(pcamflow.NotFoundError, match="does not say where patches are: name the HDF5 file as `images`"):
        pcamflow.load(copied).patches([0])
