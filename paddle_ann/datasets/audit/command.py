"""What tools/check_data.py does, once its arguments are parsed."""

from __future__ import annotations

import json
import os
import shlex
import sys
from argparse import Namespace
from pathlib import Path

from paddle_ann.datasets.audit import benchmark, mapping, mend, page, text
from paddle_ann.datasets.audit.plan import Plan, Split, from_folders, from_list, voc_palette
from paddle_ann.datasets.audit.report import Report, check
from paddle_ann.datasets.audit.scan import cores
from paddle_ann.paths import check_file

_NEEDS = {"val_list": "list", "root": "list", "masks": "images", "val_images": "images"}
_NEEDS.update(val_masks="images", opts="config")


def run(args: Namespace) -> int:
    """Checks, prints, writes what was asked for.

    Returns:
        0 if the data set is clean, 1 if something would break or spoil training.

    Raises:
        ValueError, FileNotFoundError, FileExistsError: A user's error.
    """
    _check_arguments(args)
    workers = cores() if args.num_workers is None else args.num_workers
    if args.benchmark:
        print(benchmark.run(args.benchmark, workers))
        return 0
    given = mapping.read(args.mapping) if args.mapping else None
    plan = plan_of(args)
    report = check(plan, workers, args.max_pixels, given, sys.stderr)
    print(text.text(report))
    if args.json:
        content = json.dumps(text.as_json(report), indent=1)
        _write(args.json, content + "\n")
    if args.html:
        _write(args.html, page.page(report, args.max_pixels))
    if args.mend:
        _mend(report, args)
    return report.exit_code


def plan_of(args: Namespace) -> Plan:
    """The data set that the arguments name."""
    if args.config:
        from paddle_ann.datasets.audit.configured import from_config

        return from_config(args.config, args.opts)
    splits, words = _splits(args)
    words += ["--num_classes", str(args.num_classes)]
    if args.ignore_index is not None:
        words += ["--ignore_index", str(args.ignore_index)]
    ignore_index = 255 if args.ignore_index is None else args.ignore_index
    source = shlex.join(words)
    return Plan(splits, args.num_classes, ignore_index, source, palettes=(voc_palette(),))


def _splits(args: Namespace) -> tuple[list[Split], list[str]]:
    """The lists or folders, and the words of the command line that name them."""
    if args.list:
        root = args.root or "."
        words = ["--list", args.list]
        splits = [from_list("train", args.list, root)]
        if args.val_list:
            splits.append(from_list("val", args.val_list, root))
            words += ["--val_list", args.val_list]
        return splits, [*words, "--root", root]
    words = ["--images", args.images, "--masks", args.masks]
    splits = [from_folders("train", args.images, args.masks)]
    if args.val_images:
        splits.append(from_folders("val", args.val_images, args.val_masks))
        words += ["--val_images", args.val_images, "--val_masks", args.val_masks]
    return splits, words


def _check_arguments(args: Namespace) -> None:
    ways = [name for name in ("config", "list", "images", "benchmark") if getattr(args, name)]
    if len(ways) != 1:
        found = " and ".join(f"--{name}" for name in ways) or "none of them"
        raise ValueError(f"Give one of --config, --list, --images, --benchmark; {found} was given.")
    for name, needed in _NEEDS.items():
        if getattr(args, name) and ways != [needed]:
            raise ValueError(f"--{name} goes with --{needed}, not with --{ways[0]}.")
    if args.images and not args.masks:
        raise ValueError("--images needs --masks, the folder of the masks.")
    if bool(args.val_images) != bool(args.val_masks):
        raise ValueError("--val_images and --val_masks go together; give both.")
    if (args.list or args.images) and not args.num_classes:
        raise ValueError("--num_classes is missing: how many classes do the masks have?")
    if args.config and (args.num_classes or args.ignore_index is not None):
        raise ValueError("--num_classes and --ignore_index come from the YAML with --config.")
    if args.mend:
        mend.check_target(args.mend)
    for name in ("html", "json"):
        if getattr(args, name):
            _check_writable(getattr(args, name), f"--{name}")


def _check_writable(path: str, option: str) -> None:
    """A report of ours may be replaced, nothing else."""
    check_file(path, option)
    file = Path(path)
    if file.is_file():
        with file.open("rb") as stream:
            if text.MADE_BY.encode() not in stream.read(400):
                raise FileExistsError(
                    f"{path} exists and was not made by this command. Nothing was written; give "
                    "another name."
                )


def _write(path: str, content: str) -> None:
    """Writes a file whole or not at all."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(file.name + ".part")
    part.write_text(content, encoding="utf-8", errors="backslashreplace")
    os.replace(part, file)
    print(f"Written: {path}")


def _mend(report: Report, args: Namespace) -> None:
    written, left_out = mend.mend(report, args.mend, args.max_pixels, sys.stderr)
    print(f"\nMended copy: {written} pairs in {args.mend}; {len(left_out)} left out.")
    for problem in left_out[:10]:
        print(f"  {text.shown(problem)}")
    words = ["--list", f"{args.mend}/train.txt"]
    if len(report.plan.splits) > 1:
        words += ["--val_list", f"{args.mend}/val.txt"]
    words += ["--root", args.mend, "--num_classes", str(report.plan.num_classes)]
    print(f"Check it: python tools/check_data.py {shlex.join(words)}")
