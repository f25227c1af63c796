"""Entry of the process that measures one side's peak memory: prints one line of JSON."""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any

from paddle_ann.benchmark import catalogue
from paddle_ann.benchmark.case import Settings
from paddle_ann.benchmark.memory import peak_on_cpu, peak_on_gpu

STEPS = 2  # the second begins with the gradients of the first still there, as in a training


def main(order: dict[str, Any]) -> int:
    """Returns the peak in bytes of the side that the order names."""
    settings = Settings(**order["settings"])
    catalogue.use_device(settings)
    case = catalogue.find(order["case"], settings)
    workload = case.sides[order["side"]]()
    steps = STEPS if workload.trains else 1

    def run() -> None:
        with workload.around():
            for _ in range(steps):
                workload.run()

    if settings.device == "cpu":
        return peak_on_cpu(run)
    return peak_on_gpu(run, catalogue.cuda(case))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps({"bytes": main(json.loads(sys.argv[1]))}))
