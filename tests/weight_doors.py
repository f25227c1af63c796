"""Every way by which a file of weights gets in; and a process that tries files through all of them.

`python -m tests.weight_doors GOOD FILE...`: each file through each door, watched by an audit hook
and with 1 GiB of memory beyond what the imports take. GOOD is a checkpoint folder of the tiny
model, read first by every door, so that nothing is imported later. It prints a line of JSON for
each try: door, file, kind of the error, its text; and at last the events that are none of a
reader's business.
"""

from __future__ import annotations

import encodings.cp437  # noqa: F401  zipfile does, when it is needed
import json
import os
import resource
import shutil
import sys
import warnings
from pathlib import Path

import paddle
from paddleseg import utils

import paddle_ann  # noqa: F401
from paddle_ann import session
from paddle_ann.backbones import ResNet
from paddle_ann.checkpoint.model_state import load_model
from paddle_ann.convert import from_torch, read_state
from paddle_ann.weights import load_state, read_weights
from tests.compat import tiny


def _resume(file: Path) -> None:
    model = tiny.tiny_model()
    utils.resume(model, tiny.sgd(model), str(file.parent))


def _resume_optimizer(file: Path) -> None:
    """The same, with the file as the optimizer's state."""
    folder = file.parent / "as_optimizer" / "iter_2"
    _copy(file.parent / "good.pdparams", folder / "model.pdparams")
    _copy(file, folder / "model.pdopt")
    model = tiny.tiny_model()
    utils.resume(model, tiny.sgd(model), str(folder))


def _read_pth(file: Path) -> None:
    renamed = file.with_suffix(".pth")
    _copy(file, renamed)
    read_state(renamed)


def _copy(file: Path, target: Path) -> None:
    """Copy a file unwatched."""
    global _watching
    before, _watching = _watching, False
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, target)
    _watching = before


DOORS = {
    "weights.read_weights": read_weights,
    "weights.load_state": load_state,
    "convert.read_state .pdparams": read_state,
    "convert.read_state .pth": _read_pth,
    "convert.from_torch": lambda file: from_torch(file, "mmseg"),
    "load_pretrained_model": lambda file: utils.load_pretrained_model(tiny.tiny_model(), str(file)),
    "load_entire_model": lambda file: utils.load_entire_model(tiny.tiny_model(), str(file)),
    "backbone pretrained": lambda file: ResNet(
        blocks=(1, 1, 1, 1), stage_channels=(3, 5, 7, 11), stem_channels=(3,), pretrained=str(file)
    ),
    "session.weights_path": lambda file: session.weights_path(str(file)),
    "checkpoint.load_model": lambda file: load_model(file.parent, tiny.tiny_model()),
    "resume": _resume,
    "resume, optimizer": _resume_optimizer,
}

# What reading weights has no need of; "exec" is every import of a module, too.
HARMLESS = (  # of numpy's arrays, in the good model beside a hostile optimizer
    *((f"numpy.{module}.multiarray", "_reconstruct") for module in ("core", "_core")),
    *(("numpy", name) for name in ("ndarray", "dtype")),
)
_watching = False
_seen: list[str] = []
FORBIDDEN = ("os.system", "os.exec", "os.posix_spawn", "os.fork", "os.putenv", "subprocess.Popen")
FORBIDDEN += ("exec", "pickle.find_class", "socket.connect", "ctypes.dlopen", "import")
FORBIDDEN += ("os.remove", "os.rename", "os.chmod", "os.link", "os.symlink", "shutil.rmtree")


def _watch(event: str, arguments: tuple) -> None:
    if not _watching:
        return
    if event in FORBIDDEN and arguments not in HARMLESS:
        _seen.append(f"{event} {arguments}"[:200])
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & 3
    if writes or event == "os.mkdir":
        _seen.append(f"{event} {arguments}"[:200])


def attempt(door: str, file: Path) -> tuple[str, str]:
    """Try a file; return the kind and the text of the error, or '' twice."""
    try:
        DOORS[door](file)
    except BaseException as error:
        return type(error).__name__, str(error)
    return "", ""


def main(good: Path, files: list[Path]) -> None:
    global _watching
    warnings.simplefilter("ignore")
    sys.addaudithook(_watch)
    paddle.set_device("cpu")
    room = good.parent / "iter_2"
    room.mkdir(exist_ok=True)
    for name in ("model.pdparams", "model.pdopt"):
        shutil.copy(good / name, room / name)
    shutil.copy(good / "model.pdparams", room / "good.pdparams")
    file = room / "model.pdparams"
    for door in DOORS:
        attempt(door, file)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**30,) * 2)
    for given in files:
        for door in DOORS:
            shutil.copy(given, file)
            _watching = True
            kind, text = attempt(door, file)
            _watching = False
            print(json.dumps({"door": door, "file": given.name, "kind": kind, "text": text}))
    print(json.dumps({"events": _seen}))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main(Path(sys.argv[1]), [Path(line) for line in sys.stdin.read().splitlines()])
