"""pcamflow in Python: results as tables and arrays, models as modules of PyTorch, runs from a notebook.

The package has no engine of its own. It reads what lies in `out/` and in the store, and starts the program `pcamflow`.

    run = pcamflow.run("pipelines/quickstart.toml")     # or load("out/quickstart")
    run.metrics(), run.predictions(), run.history()     # tables
    run.maps("explain.grad-cam")                        # arrays
    model = pcamflow.load_model(run)                    # a torch.nn.Module

`pcamflow guide python` is a page about it.
"""

from ._engine import run
from ._errors import EngineError, EngineWarning, Error, FormatError, NotFoundError
from ._history import compare, runs
from ._load import load
from ._maps import Maps
from ._model import load_model, to_tensor
from ._results import Run

__all__ = [
    "EngineError",
    "EngineWarning",
    "Error",
    "FormatError",
    "Maps",
    "NotFoundError",
    "Run",
    "compare",
    "load",
    "load_model",
    "run",
    "runs",
    "to_tensor",
]
