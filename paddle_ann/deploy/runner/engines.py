"""The engines that run an exported graph, each imported when it is opened."""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Run = Callable[[np.ndarray, int], np.ndarray]  # prepared images, which output -> that output

ENGINES = ("onnxruntime", "openvino", "paddle")
PROGRAMS = ("model.json", "model.pdmodel")  # Paddle 3; Paddle 2
SMALL = 33  # pixels of a side below which a map at output stride 32 has a side of 1
PRECISIONS = ("fp32", "bf16")
PARAMETERS, ONNX = "model.pdiparams", "model.onnx"


def installed(engine: str) -> bool:
    """Tell whether the engine's package is there; it is not imported."""
    return importlib.util.find_spec(engine) is not None


def graph_files(engine: str, folder: Path) -> list[Path]:
    """List the files of a bundle that the engine reads, whether they are there or not."""
    if engine != "paddle":
        return [folder / ONNX]
    found = [folder / name for name in PROGRAMS if (folder / name).is_file()]
    return [*(found[:1] or [folder / PROGRAMS[0]]), folder / PARAMETERS]


def open_engine(
    engine: str, folder: Path, threads: int | None = None, precision: str = "fp32"
) -> Run:
    """Open a bundle's graph on the CPU.

    Args:
        engine: "onnxruntime", "openvino" or "paddle".
        folder: the bundle.
        threads: how many compute; all cores by default.
        precision: "fp32", or "bf16", which OpenVINO alone can and not every processor.

    Raises:
        ImportError: if the engine is not installed.
        ValueError: if there is no such engine or precision, or it cannot read the graph.
    """
    if precision not in PRECISIONS:
        raise ValueError(
            f"precision must be one of {', '.join(PRECISIONS)}; received {precision!r}."
        )
    if precision != "fp32" and engine != "openvino":
        raise ValueError(f"{precision} is computed by openvino alone; received {engine!r}.")
    if engine not in ENGINES:
        raise ValueError(f"engine must be one of {', '.join(ENGINES)}; received {engine!r}.")
    if not installed(engine):
        package = "paddlepaddle" if engine == "paddle" else engine
        raise ImportError(f"{engine} is not installed: pip install {package}")
    files = graph_files(engine, folder)
    try:
        if engine == "openvino":
            return _open_openvino(files, threads, precision)
        return {"onnxruntime": _open_onnxruntime, "paddle": _open_paddle}[engine](files, threads)
    except Exception as error:  # each has a class for each kind, all of its own
        raise ValueError(f"{engine} cannot open the graph in {folder}: {error}") from error


def _open_onnxruntime(files: list[Path], threads: int | None) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads or 0
    session = onnxruntime.InferenceSession(
        str(files[0]), options, providers=["CPUExecutionProvider"]
    )
    source = session.get_inputs()[0].name
    names = [output.name for output in session.get_outputs()]
    return lambda batch, output: np.asarray(session.run([names[output]], {source: batch})[0])


@functools.cache
def _openvino_core() -> Any:
    """Return OpenVINO's core, one for all graphs, which lives as long as the process.

    Its CPU plugin gives the thread that opens the first graph a stack for signal handlers (on
    processors with AMX), and frees that stack with the core: from then on Ctrl-C or SIGTERM, whose
    Python handlers run there, would be a segmentation fault.
    """
    import openvino

    return openvino.Core()


def _open_openvino(files: list[Path], threads: int | None, precision: str) -> Run:
    core = _openvino_core()
    if precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise ValueError("this processor has no bfloat16; use fp32")
    # By itself it computes in bfloat16 where the processor can, and binds each thread to a core,
    # where it waits for any other process on that core.
    settings: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
        "ENABLE_CPU_PINNING": False,
    }
    if threads:
        settings["INFERENCE_NUM_THREADS"] = threads
    compiled = core.compile_model(str(files[0]), "CPU", settings)
    return lambda batch, output: np.array(compiled([batch])[output])


def _open_paddle(files: list[Path], threads: int | None) -> Run:
    """Open the graph with Paddle's settings; small images get an engine without oneDNN.

    With oneDNN, the default of Paddle 3.3 and several times faster, a map of height or width 1 is
    read from the wrong place, silently.
    """
    opened: dict[bool, Run] = {}

    def run(batch: np.ndarray, output: int) -> np.ndarray:
        small = min(batch.shape[2:]) < SMALL
        if small not in opened:
            opened[small] = open_paddle(files, threads, onednn=not small)
        return opened[small](batch, output)

    opened[False] = open_paddle(files, threads)
    return run


def _usual_threads() -> int:
    """The threads that the user has asked for, else one per core."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdigit() and int(asked) else len(os.sched_getaffinity(0))


def open_paddle(files: list[Path], threads: int | None = None, onednn: bool = True) -> Run:
    """Open Paddle's graph, as it is.

    Args:
        files: program and parameters.
        threads: how many compute; all cores by default.
        onednn: compute by oneDNN, Paddle 3.3's default.
    """
    usual = _usual_threads()  # before Paddle is imported, which writes the variable
    from paddle import inference
    from paddle.base import core

    config = inference.Config(*map(str, files))
    config.disable_glog_info()
    config.disable_gpu()
    if not onednn:
        config.disable_mkldnn()
    config.set_cpu_math_library_num_threads(threads or usual)  # 1 if nothing is said
    predictor = inference.create_predictor(config)
    names = predictor.get_output_names()
    source = predictor.get_input_handle(predictor.get_input_names()[0])

    def run(batch: np.ndarray, output: int) -> np.ndarray:
        source.reshape(batch.shape)
        source.copy_from_cpu(batch)
        predictor.run()
        # It leaves the whole process at one thread: a training in it would go on slower, and with
        # other roundings.
        core.set_num_threads(usual)
        return np.asarray(predictor.get_output_handle(names[output]).copy_to_cpu())

    return run
