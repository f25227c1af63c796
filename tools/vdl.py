"""Shows the logs of trainings with VisualDL in a browser; Ctrl-C ends it."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from pathlib import Path

from command_line import positive, run


def parser() -> argparse.ArgumentParser:
    """Returns the options."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("logdir", help="the --save_dir of a training, or a folder with several of them")
    add("--host", default="127.0.0.1", help="0.0.0.0 lets others in (default: 127.0.0.1)")
    add("--port", type=positive, default=8040, help="(default: 8040)")
    add("--model", metavar="FILE", help="ONNX file to draw, as tools/export.py writes it")
    add("--graph", action="store_true", help="draw the model of each training's run.json too: it "
        "is built and traced in a process of its own")  # fmt: skip
    add("--repair", action="store_true", help="cut logs of killed trainings at their last whole "
        "record, where VisualDL would end")  # fmt: skip
    add("--cache_timeout", type=positive, default=20, metavar="S", help="seconds after which a "
        "page sees new points (default: 20)")  # fmt: skip
    add("--debug", action="store_true", help="show the traceback of an error")
    return parser


def show(args: argparse.Namespace) -> None:
    """Checks the logs, starts the server and waits for it."""
    from paddle_ann.monitor import viewer
    from paddle_ann.monitor.graph import draw_all

    folder = Path(args.logdir)
    viewer.check_folder(folder)
    if args.model and not Path(args.model).is_file():
        raise FileNotFoundError(f"--model {args.model} does not exist.")
    for line in viewer.check_logs(folder, args.repair):
        print(f"Repaired: {line}")
    if args.graph:
        for path in draw_all(folder):
            print(f"Graph: {path}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    more = ("--cache-timeout", str(args.cache_timeout))
    with contextlib.suppress(KeyboardInterrupt):
        with viewer.serving(folder, args.host, args.port, *more, model=args.model) as server:
            print(f"VisualDL shows {folder} at http://{args.host}:{args.port}/ (Ctrl-C ends it)")
            sys.stdout.flush()
            if server.wait() not in (0, -signal.SIGINT, 130):
                raise RuntimeError("VisualDL's server has ended by itself.")


if __name__ == "__main__":
    sys.exit(run(show, parser()))
