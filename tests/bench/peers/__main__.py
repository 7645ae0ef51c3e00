"""The Python side of the benchmark beside pcamflow: `python tests/bench/peers WORK --data DIR`.

Measures one line of the table and prints a JSON object: units per second, and what they were reached with. For
`ceiling`: operations and copied bytes per second of the machine. Does not know what pcamflow reaches.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

import ceiling
import notebook
import split
import torch
import work

WORKS = {
    "training-step": work.training_step,
    "inference": work.inference,
    "grad-cam": work.grad_cam,
    "saliency": work.saliency,
    "occlusion": work.occlusion,
    "integrated-gradients": work.integrated_gradients,
    "integrated-gradients-to-delta": work.integrated_gradients_to_delta,
    "insertion-deletion": work.insertion_deletion,
    "split": split.split,
    "notebook": notebook.notebook,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", choices=["ceiling", *WORKS])
    parser.add_argument("--data", type=Path, required=True, help="what the work reads")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    if arguments.work == "ceiling":
        answer = ceiling.ceiling()
    else:
        answer = dataclasses.asdict(WORKS[arguments.work](arguments.data))
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
