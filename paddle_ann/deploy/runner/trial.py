"""Runs one engine on stored inputs: `python -m runner.trial ENGINE FOLDER INPUTS.npz OUTPUTS.npz`.

An export is tried with each engine in a process of its own, because an engine may end the process.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from .bundle import Bundle


def main(engine: str, folder: str, source: str, target: str) -> None:
    """Run all outputs of the graph on each array; they are stored as `name.output`."""
    bundle = Bundle(Path(folder), engine)
    with np.load(source, allow_pickle=False) as inputs:
        results = {
            f"{name}.{output}": bundle.run(inputs[name], output)
            for name in inputs.files
            for output in bundle.outputs
        }
    np.savez(target, **results)


if __name__ == "__main__":
    main(*sys.argv[1:])
