"""The page of the guide and the notebook: their code runs."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import pcamflow

ROOT = Path(__file__).parents[2]


@pytest.mark.filterwarnings("ignore::pcamflow.EngineWarning")
def test_the_page_of_the_guide(inside: Path) -> None:
    """All blocks of code in their order, in one namespace, as a reader would run them."""
    page = (ROOT / "src/guide/python.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) >= 7
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "src/guide/python.md", "exec"), names)
    assert isinstance(names["run"], pcamflow.Run)


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
