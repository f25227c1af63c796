"""The whole job on generated pictures: data, training, scores, predictions, and where it all is."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
CONFIG = next((ROOT / "configs/ann").glob("ann_resnet18_os8_toyvoc_*.yml"))
MARK = "made_by_demo.txt"
NUM_PICTURES = 8
SHOWN = ("[TRAIN]", "[EVAL] #Images", "[EVAL] The model", "error", "Error", "Warning")


def main() -> int:
    """Runs the stages and prints the results."""
    args = parse_args()
    seconds: dict[str, float] = {}
    run_dir = fresh_folder(Path(args.save_dir))
    opts = ["--opts", *(f"{part}_dataset.dataset_root={args.data}" for part in ("train", "val"))]
    with stage("Generate the data", seconds):
        generate(Path(args.data))
    with stage("Train", seconds):
        tool(
            "train",
            run_dir,
            "--do_eval",
            "--use_vdl",
            "--seed",
            str(args.seed),
            "--save_dir",
            str(run_dir),
            "--save_interval",
            "250",
            "--log_iters",
            "10",
            "--keep_checkpoint_max",
            "1",
            *(["--iters", str(args.iters)] if args.iters else []),
            *opts,
        )
    weights = ["--model_path", str(run_dir / "best_model")]
    with stage("Evaluate", seconds):
        tool("val", run_dir, *weights, "--save_json", str(run_dir / "scores.json"), *opts)
    with stage("Predict", seconds):
        images = copy_images(Path(args.data), run_dir / "images")
        tool(
            "predict",
            run_dir,
            *weights,
            "--image_path",
            str(images),
            "--save_dir",
            str(run_dir / "pictures"),
            *opts,
        )
        tool(
            "contact_sheet",
            run_dir,
            *weights,
            "--num_images",
            str(NUM_PICTURES),
            "--output",
            str(run_dir / "contact_sheet.png"),
            *opts,
        )
    report(run_dir, seconds)
    return 0


def parse_args() -> argparse.Namespace:
    """Returns the options; none is needed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="data/toy_voc", help="data set (default: %(default)s)")
    parser.add_argument("--save_dir", default="output/demo", help="results (default: %(default)s)")
    parser.add_argument("--iters", type=int, help="training steps (default: the configuration's)")
    parser.add_argument("--seed", type=int, default=0, help="of the training (default: 0)")
    return parser.parse_args()


@contextmanager
def stage(title: str, seconds: dict[str, float]) -> Iterator[None]:
    """Prints the title and keeps the time that the stage takes."""
    print(f"\n== {title}", flush=True)
    start = time.perf_counter()
    yield
    seconds[title] = time.perf_counter() - start


def fresh_folder(path: Path) -> Path:
    """Returns an empty folder: `path`, cleared of an earlier demo only, or one with a number."""
    if (path / MARK).is_file():
        print(f"{path} holds an earlier demo, which this one replaces.")
        shutil.rmtree(path)
    wanted, number = path, 1
    while path.exists() and (not path.is_dir() or any(path.iterdir())):
        number += 1
        path = wanted.with_name(f"{wanted.name}-{number}")
    if path != wanted:
        print(f"{wanted} holds something else, which stays; the results go to {path}.")
    path.mkdir(parents=True, exist_ok=True)
    (path / MARK).write_text(
        "Written by tools/demo.py, which replaces this folder when run again.\n"
    )
    return path


def generate(root: Path) -> None:
    """Writes the toy data, or says that it is there."""
    from paddle_ann.datasets import toy_voc

    known = root.exists()
    toy_voc.generate(root, num_train=600)
    print(f"{root}: {'found complete' if known else 'written'}.")


def tool(name: str, run_dir: Path, *args: str) -> None:
    """Runs tools/<name>.py; everything goes to a log file, the essentials to the screen."""
    command = [sys.executable, str(ROOT / f"tools/{name}.py"), "--config", str(CONFIG), *args]
    log_path = run_dir / f"{name}.log"
    print(
        f"$ python tools/{name}.py {' '.join(command[2:])}\n  (all output: {log_path})", flush=True
    )
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with (
        log_path.open("w", encoding="utf-8") as log,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=environment,
        ) as process,
    ):
        for line in process.stdout or ():
            log.write(line)
            if any(word in line for word in SHOWN):
                print("  " + line.rstrip().split("\t")[-1], flush=True)
    if process.returncode:
        sys.exit(f"tools/{name}.py ended with code {process.returncode}; see {log_path}.")


def copy_images(data: Path, folder: Path) -> Path:
    """Copies a few validation images, as a user's folder of images would be."""
    voc = data / "VOC2012"
    stems = (voc / "ImageSets/Segmentation/val.txt").read_text(encoding="utf-8").split()
    folder.mkdir()
    for stem in stems[:NUM_PICTURES]:
        shutil.copy(voc / "JPEGImages" / f"{stem}.jpg", folder)
    return folder


def report(run_dir: Path, seconds: dict[str, float]) -> None:
    """Prints the scores, where everything is, and what the time went to."""
    from paddle_ann.scores import table

    scores = json.loads((run_dir / "scores.json").read_text(encoding="utf-8"))
    print(f"\n== Results\n{table(scores)}")
    for title, path in (
        ("best weights", run_dir / "best_model/model.pdparams"),
        ("pictures", run_dir / "pictures"),
        ("contact sheet", run_dir / "contact_sheet.png"),
        ("VisualDL logs", run_dir),
    ):
        print(f"{title + ':':<15}{path}")
    visualdl = Path(sys.executable).with_name("visualdl")
    print(
        f"Curves:        {visualdl} --logdir {run_dir} --host 127.0.0.1 --port 8040 -L en "
        "--disable-telemetry\n               and open http://127.0.0.1:8040"
    )
    spent = ", ".join(f"{title.lower()} {value:.0f} s" for title, value in seconds.items())
    print(f"Time:          {sum(seconds.values()):.0f} s ({spent})")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except (OSError, ValueError) as error:
        sys.exit(f"demo.py: error: {error}")
