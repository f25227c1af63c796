"""Trains FCN head, + APNB and + AFNB + APNB on far-away evidence; writes docs/ablation.*."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from paddleseg.datasets import PascalVOC  # noqa: E402
from paddleseg.transforms import Normalize  # noqa: E402

from paddle_ann import ablation, ablation_report  # noqa: E402
from paddle_ann.datasets import toy_voc  # noqa: E402


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("data/toy_context"), help="pictures")
    parser.add_argument(
        "--save_dir",
        type=Path,
        default=Path("output/ablation"),
        help="one folder per run; finished runs are kept",
    )
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="where the results go")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="one run per seed")
    parser.add_argument("--iters", type=int, default=ablation.ITERS, help="iterations of a run")
    parser.add_argument(
        "--rows", type=int, nargs="+", default=[0, 1, 2, 3], help="pictures to show"
    )
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Runs what is missing and writes the results."""
    args = parse_args(argv)
    data = toy_voc.generate(args.data, **ablation.DATA)
    results, models = [], {}
    total = len(ablation.ARMS) * len(args.seeds)
    for arm in ablation.ARMS:
        for seed in args.seeds:
            folder = args.save_dir / f"{ablation.slug(arm)}_seed{seed}"
            results.append(ablation.run(arm, seed, data, folder, args.iters))
            print(f"{len(results)}/{total}  {arm}, seed {seed}: mIoU {results[-1]['mIoU']:.4f}")
            if seed == args.seeds[0]:
                models[arm] = ablation.load(arm, folder, args.iters)
    command = shlex.join(["python", "tools/ablation.py", *(argv or sys.argv[1:])])
    around = ablation_report.circumstances(command)
    ablation_report.write_csv(results, around, args.docs / "ablation.csv")
    ablation_report.insert(args.docs / "ablation.md", ablation_report.markdown(results, around))
    dataset = PascalVOC([Normalize()], str(data), "val")
    sheet = ablation_report.picture(models, dataset, args.rows)
    (args.docs / "images").mkdir(exist_ok=True)
    sheet.save(args.docs / "images" / "ablation.png", optimize=True)
    print(f"Written: {args.docs}/ablation.md, ablation.csv, images/ablation.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
