"""Converts weights between PyTorch and Paddle; see docs/convert.md."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from command_line import run

PEERS = ("mmseg", "authors", "tutorial", "torchvision", "timm")


def parser() -> argparse.ArgumentParser:
    """Returns the options."""
    parser = argparse.ArgumentParser(
        description="Convert a peer's weights into this package's, or (--to) back.",
        allow_abbrev=False,
    )
    parser.add_argument("--source", choices=PEERS, help="whose network the input is of")
    parser.add_argument("--to", choices=("torch", *PEERS), help="whose network the output is for")
    parser.add_argument("--input", required=True, type=Path, help="the file to convert")
    parser.add_argument(
        "--output", required=True, type=Path, help="a new .pdparams, .safetensors, .npz or .pth"
    )
    parser.add_argument(
        "--opts",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="arguments that tensors cannot tell, e.g. align_corners=True output_stride=16",
    )
    parser.add_argument(
        "--trust", action="store_true", help="read a .pth by torch.load, which runs code in it"
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def options_of(pairs: list[str]) -> dict[str, Any]:
    """Reads KEY=VALUE pairs, the values as YAML."""
    import yaml

    for pair in pairs:
        if "=" not in pair:
            raise ValueError(f"--opts takes KEY=VALUE; received {pair!r}.")
    return {key: yaml.safe_load(value) for key, _, value in (p.partition("=") for p in pairs)}


def convert(args: argparse.Namespace) -> None:
    """Converts in the direction that was asked for."""
    import yaml

    from paddle_ann.convert import from_torch, read_state, save_state, to_torch
    from paddle_ann.convert.writing import check_output

    check_output(args.output)
    if (args.source is None) == (args.to is None):
        raise ValueError("Give --source (from PyTorch) or --to (to PyTorch), one of the two.")
    if args.source is None:
        state = to_torch(read_state(args.input, args.trust), args.to)
        save_state(state, args.output)
        print(f"{len(state)} tensors for {args.to} written to {args.output}")
        return
    model, report = from_torch(args.input, args.source, args.trust, **options_of(args.opts))
    save_state(model.state_dict(), args.output)
    print(f"{report}\nwritten to {args.output}; as YAML, the model is\n")
    print(yaml.safe_dump({"model": report.yaml()}, sort_keys=False))


if __name__ == "__main__":
    sys.exit(run(convert, parser()))
