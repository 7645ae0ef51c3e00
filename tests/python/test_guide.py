"""The README, the page of the guide and the notebook: their code runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch
from nbclient import NotebookClient

import pcamflow

ROOT = Path(__file__).parents[2]


@pytest.mark.filterwarnings("ignore::pcamflow.EngineWarning")
def test_the_page_of_the_guide(inside: Path) -> None:
    """All blocks of code in their order, in one namespace, as a reader would run them."""
    blocks = blocks_of("src/guide/python.md")
    assert len(blocks) >= 7
    assert isinstance(executed(blocks)["run"], pcamflow.Run)


def test_the_readme(inside: Path) -> None:
    """The second block exports the model of the first one. Its predictions are those of its weights."""
    blocks = blocks_of("README.md")
    assert len(blocks) == 2
    names = executed(blocks)
    assert isinstance(names["model"], torch.nn.Module) and len(names["maps"]) > 0
    pipeline = inside / "pipelines/exported.toml"
    pipeline.write_text(EXPORTED)
    run = pcamflow.run(pipeline, stages=["evaluate.exported"], progress=False)
    exported, own = run.predictions("evaluate.exported"), names["run"].predictions("evaluate.test")
    assert (exported["row"] == own["row"]).all()
    assert (exported["logit"] - own["logit"]).abs().max() < 1e-4


EXPORTED = """
extends = "quickstart.toml"

[pipeline]
data = "."

[evaluate.exported]
model = { torchscript = "net.pt" }
output = "logit"
images = "split.patches/test"
"""


def blocks_of(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


def executed(blocks: list[str]) -> dict[str, Any]:
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, "example", "exec"), names)
    return names


def test_the_notebook(inside: Path) -> None:
    notebook = nbformat.read(ROOT / "examples/notebook.ipynb", as_version=4)
    folder = inside / "examples"
    folder.mkdir(exist_ok=True)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}})
    client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) >= 6
    assert not [output for output in outputs if output.output_type == "error"]


def test_progress_in_a_notebook(inside: Path) -> None:
    source = (
        "import pcamflow\n"
        'run = pcamflow.run("pipelines/quickstart.toml", stages=["evaluate.test"], force=["evaluate.test"])'
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(inside)}}).execute()
    texts = [output["data"]["text/plain"] for output in notebook.cells[0].outputs if "data" in output]
    [board] = texts
    assert re.search(r"^train\.narrow +cached, validation-accuracy 0\.\d+$", board, re.MULTILINE)
    assert re.search(r"^evaluate\.test +done in \d+\.\d s, accuracy 0\.\d+$", board, re.MULTILINE)
    assert re.search(r"^1 computed, 3 cached in ", board, re.MULTILINE)
