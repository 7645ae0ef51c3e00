"""Tables, maps and patches of a run: what the package says is what the files say."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import h5py
import numpy as np
import pytest

import pcamflow


def test_stages_and_paths(quickstart: pcamflow.Run, project: Path) -> None:
    assert len(quickstart.stages) == 11
    assert quickstart.stages[0] == "synthesize.patches"
    shown = pcamflow.load(project / "out/quickstart")
    assert shown.stages == sorted(quickstart.stages)
    for artifact, file in [
        ("train.narrow/model", "model.safetensors"),
        ("evaluate.test/confusion", "confusion.png"),
        ("evaluate.test/confusion.svg", "confusion.svg"),
    ]:
        path = shown.path(artifact)
        assert path == project / "out/quickstart" / artifact.split("/")[0] / file
        assert path.read_bytes() == quickstart.path(artifact).read_bytes()


def test_metrics(quickstart: pcamflow.Run) -> None:
    file = json.loads(quickstart.path("evaluate.test/metrics").read_text())
    table = quickstart.metrics("evaluate.test").set_index("name")
    assert table.loc["accuracy", "value"] == file["accuracy"]
    assert table.loc["accuracy", "low"] == file["accuracy-interval"]["low"]
    assert table.loc["confusion.0.1", "value"] == file["confusion"][0][1]
    assert table.loc["per-class.1.recall", "high"] == file["per-class"][1]["recall-interval"]["high"]
    assert np.isnan(table.loc["brier", "low"])
    assert not any(name.endswith("-interval") for name in table.index)

    everything = quickstart.metrics()
    assert list(everything.columns) == ["stage", "name", "value", "low", "high"]
    assert set(everything["stage"]) == {"evaluate.test", "metrics.faithfulness"}
    summary = json.loads(quickstart.path("metrics.faithfulness/summary").read_text())
    of_maps = everything.set_index(["stage", "name"]).loc["metrics.faithfulness"]
    for method in summary["methods"]:
        assert of_maps.loc[f"{method['label']}/insertion", "value"] == method["insertion"]["mean"]
        assert of_maps.loc[f"{method['label']}/deletion", "high"] == method["deletion"]["interval"]["high"]
        pointing = method["localisation"]["mask"]["pointing"]["score"]["mean"]
        assert of_maps.loc[f"{method['label']}/mask-pointing", "value"] == pointing


@pytest.mark.parametrize(
    ("read", "artifact"),
    [("predictions", "evaluate.test/predictions"), ("per_image", "metrics.faithfulness/per-image")],
)
def test_tables(quickstart: pcamflow.Run, read: str, artifact: str) -> None:
    table = getattr(quickstart, read)()
    lines = list(csv.DictReader(quickstart.path(artifact).read_text().splitlines()))
    assert list(table.columns) == ["stage", *lines[0]]
    assert len(table) == len(lines) > 5
    for at, line in enumerate(lines):
        assert table["row"][at] == int(line["row"])
        assert table["probability"][at] == float(line["probability"])
    assert set(table["stage"]) == {artifact.split("/")[0]}


def test_measures_of_sanity_are_read_if_it_is_named(quickstart: pcamflow.Run) -> None:
    table = quickstart.per_image("sanity.grad-cam")
    assert {"depth", "layer", "spearman"} <= set(table.columns)


def test_history(quickstart: pcamflow.Run) -> None:
    table = quickstart.history()
    assert list(table["epoch"]) == [1, 2, 3]
    epochs = json.loads(quickstart.path("train.narrow/history").read_text())["epochs"]
    assert list(table["validation-loss"]) == [epoch["validation-loss"] for epoch in epochs]


def test_maps(quickstart: pcamflow.Run) -> None:
    maps = quickstart.maps("explain.integrated-gradients")
    with h5py.File(maps.path) as file:
        every, attribution = file["map"][()], file["attribution"][()]
        assert list(maps.rows) == list(file["row"])
        assert list(maps.labels) == list(file["label"])
        assert list(maps.probabilities) == list(file["probability"])
    assert len(maps) == 6 and (maps.method, maps.target, maps.score) == ("integrated-gradients", "tumor", "logit")
    assert maps.parameters["steps"] == 50
    assert np.array_equal(np.asarray(maps), every)
    assert np.array_equal(maps[2], every[2]) and np.array_equal(maps[-1], every[-1])
    assert np.array_equal(maps[1:4], every[1:4]) and np.array_equal(maps[::-1], every[::-1])
    assert np.array_equal(maps[[5, 0, 5]], every[[5, 0, 5]])
    assert np.array_equal(maps.of_row(int(maps.rows[3])), every[3])
    assert maps.datasets == ["attribution", "delta", "steps"]
    assert np.array_equal(maps.array("attribution"), attribution)
    assert quickstart.maps("integrated-gradients").path == maps.path
    with pytest.raises(IndexError):
        maps[6]


def test_patches_are_found_by_row_in_any_order(quickstart: pcamflow.Run) -> None:
    with h5py.File(quickstart.path("synthesize.patches/images")) as file:
        original = file["x"][()]
    rows = [299, 0, 17, 17, 42]
    assert np.array_equal(quickstart.patches(rows), original[rows])
    file_of_all = quickstart.path("synthesize.patches/images")
    assert np.array_equal(quickstart.patches(rows, file_of_all), original[rows])
    test = quickstart.predictions()["row"].to_numpy()
    assert np.array_equal(quickstart.patches(test, "split.patches/test"), original[test])
    with pytest.raises(pcamflow.NotFoundError, match="row 300 is in none of: split.patches/test, .*/train$"):
        quickstart.patches([300])


def test_results_are_the_same_from_the_store_and_from_out(quickstart: pcamflow.Run, project: Path) -> None:
    stored, shown = (pcamflow.load(project / path) for path in ("pipelines/quickstart.toml", "out/quickstart"))
    assert set(stored.stages) == set(quickstart.stages)
    assert ".pcamflow/objects" in str(stored.path("evaluate.test/predictions"))
    for run in (stored, shown):
        assert run.predictions().equals(quickstart.predictions())
        assert run.per_image().equals(quickstart.per_image())
        assert np.array_equal(run.maps("saliency")[:], quickstart.maps("saliency")[:])
        assert np.array_equal(run.patches([5, 4]), quickstart.patches([5, 4]))


def test_a_run_keeps_its_results_when_another_one_follows(project: Path, quickstart: pcamflow.Run) -> None:
    file = project / "pipelines/changed.toml"
    file.write_text('extends = "quickstart.toml"\n')
    first = pcamflow.run(file, stages=["train.narrow"], set={"train.narrow.epochs": 1}, progress=False)
    second = pcamflow.run(file, stages=["train.narrow"], set={"train.narrow.epochs": 2}, progress=False)
    assert (len(first.history()), len(second.history())) == (1, 2)
    assert len(pcamflow.load(project / "out/changed").history()) == 2
    with pytest.warns(pcamflow.EngineWarning, match="train.narrow: an older result, not what the pipeline asks for"):
        pcamflow.load(file, set={"train.narrow.epochs": 7}).history()


def test_repeats_are_stages_with_seeds(project: Path, quickstart: pcamflow.Run) -> None:
    run = pcamflow.run(
        project / "pipelines/quickstart.toml",
        set={"train.narrow.seeds": [1, 2], "train.narrow.epochs": 1, "pipeline.name": "repeats"},
        stages=["evaluate.test"],
        progress=False,
    )
    assert run.stages == sorted(run.stages, key=run.stages.index)
    assert {"train.narrow@1", "train.narrow@2", "evaluate.test@1", "evaluate.test@2"} <= set(run.stages)
    assert set(run.predictions("evaluate.test")["stage"]) == {"evaluate.test@1", "evaluate.test@2"}
    assert set(run.predictions("evaluate.test@2")["stage"]) == {"evaluate.test@2"}
    with pytest.raises(pcamflow.NotFoundError, match="several models: .*`train.narrow@1`, `train.narrow@2`"):
        pcamflow.load_model(run)
    pcamflow.load_model(run, "train.narrow@2")
