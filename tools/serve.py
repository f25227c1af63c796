"""Serves a page that segments images with an exported network; see docs/serve.md."""

from __future__ import annotations

import argparse
import sys

from command_line import not_negative, positive, run


def parser() -> argparse.ArgumentParser:
    """Returns the options."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("--model", required=True, metavar="DIR", help="the --save_dir of tools/export.py")
    add("--host", default="127.0.0.1", help="to listen at; 0.0.0.0: all (default: 127.0.0.1)")
    add("--port", type=not_negative, default=8000, help="0: a free one (default: 8000)")
    add("--names", nargs="+", default=[], metavar="HOST", help="it is also called by, in a proxy")
    add("--debug", action="store_true", help="show the traceback of an error")
    group = parser.add_argument_group("what one may ask of it")
    add = group.add_argument
    add("--max_bytes", type=positive, default=32 << 20, help="of an upload (default: 32 MiB)")
    add("--max_pixels", type=positive, default=4096 * 3072, metavar="N",
        help="width times height, held against before decoding (default: 12582912)")  # fmt: skip
    add("--queue", type=not_negative, default=8, help="requests that may wait (default: 8)")
    add("--timeout", type=float, default=30, metavar="SECONDS", help="for an upload (default: 30)")
    group = parser.add_argument_group("how images are run through the network")
    add = group.add_argument
    add("--engine", default="auto", help="onnxruntime, openvino or paddle (default: the fastest)")
    add("--threads", type=positive, help="that compute (default: all cores)")
    add("--tile", type=positive, metavar="PIXELS", help="slide a window of this side over images")
    add("--overlap", type=float, default=0.25, help="share of a tile seen twice (default: 0.25)")
    return parser


def serve(args: argparse.Namespace) -> None:
    """Serves until Ctrl-C."""
    from paddle_ann.serve import Limits, serve

    limits = Limits(args.max_bytes, args.max_pixels, args.queue, args.timeout)
    options = {name: getattr(args, name) for name in ("engine", "threads", "tile", "overlap")}
    serve(args.model, args.host, args.port, limits, args.names, **options)


if __name__ == "__main__":
    sys.exit(run(serve, parser()))
