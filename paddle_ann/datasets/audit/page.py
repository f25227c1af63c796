"""The report as one HTML file: no scripts, no network, it opens by a double click."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from paddle_ann.datasets.audit import text
from paddle_ann.datasets.audit.findings import KINDS, LEVELS, Finding, Problem
from paddle_ann.datasets.audit.plan import Pair, Split, voc_palette
from paddle_ann.datasets.audit.report import Report
from paddle_ann.datasets.audit.thumbnail import thumbnail

_PICTURES_PER_KIND = 12
_FILES_PER_KIND = 2000

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --bar: #4a7fb5; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 68rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .3rem; }
.verdict { border-left: .4rem solid; padding: .5rem 1rem; background: #8881; }
.breaks { border-color: #c0392b; } .spoils { border-color: #d68910; } .note { border-color: #888; }
.clean { border-color: #2e8b57; }
section { border-left: .25rem solid; padding-left: 1rem; margin: 1.5rem 0; }
table { border-collapse: collapse; } th { text-align: left; font-weight: 600; }
td, th { padding: .15rem .9rem .15rem 0; border-bottom: 1px solid var(--line); }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
.bar { display: inline-block; height: .7rem; background: var(--bar); min-width: 1px; }
.swatch { display: inline-block; width: .8rem; height: .8rem; border: 1px solid var(--line); }
.grid { display: flex; flex-wrap: wrap; gap: 1rem; margin: .8rem 0; }
figure { margin: 0; max-width: 444px; } img { display: block; max-width: 100%; }
figcaption, details, pre { font-size: .8rem; overflow-wrap: anywhere; }
pre { background: #8881; padding: .8rem; overflow-x: auto; }
"""


def page(report: Report, max_pixels: int | None = None) -> str:
    """The page.

    Args:
        report: Of the check.
        max_pixels: See `images.pixel_limit`; for the thumbnails.

    Returns:
        HTML. Names of files are escaped: they come from outside.
    """
    worst = report.findings[0].level if report.findings else "clean"
    level = worst if report.exit_code else "clean"
    parts = [
        f"<!DOCTYPE html><!-- {text.MADE_BY} --><html lang='en'><head><meta charset='utf-8'>",
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; img-src data:; "
        "style-src 'unsafe-inline'\">",
        "<meta name='viewport' content='width=device-width'><title>Data check</title>",
        f"<style>{_STYLE}</style></head><body><h1>Data check</h1>",
        f"<p class='verdict {level}'>{escape(text.verdict(report))}</p>",
        f"<p><code>{_safe(report.plan.source)}</code><br>{escape(text.headline(report))} "
        "Under the masks, ids that are no class are magenta; where pixels are ignored, the image "
        "shows.</p>",
        *_findings(report, max_pixels),
        *_mapping(report),
        *_classes(report),
        *_weights(report),
        "</body></html>\n",
    ]
    return "".join(parts)


def _safe(value: object) -> str:
    return escape(str(value).encode("utf-8", "backslashreplace").decode())


def _findings(report: Report, max_pixels: int | None) -> Iterator[str]:
    pairs = _pairs_of(report)
    for finding in report.findings:
        kind = KINDS[finding.kind]
        yield f"<section class='{kind.level}'><h2>{escape(str(finding))}</h2>"
        yield f"<p><b>{escape(LEVELS[kind.level])}</b>. {escape(kind.advice)}</p>"
        yield "<div class='grid'>"
        for problem in finding.problems[:_PICTURES_PER_KIND]:
            if problem.path in pairs:
                yield _figure(report, problem, *pairs[problem.path], max_pixels)
        yield f"</div>{_files(finding)}</section>"


def _pairs_of(report: Report) -> dict[str, tuple[Split, Pair]]:
    """Split and pair of each file that gets a picture."""
    wanted = {p.path for f in report.findings for p in f.problems[:_PICTURES_PER_KIND]}
    found: dict[str, tuple[Split, Pair]] = {}
    for split in report.plan.splits:
        for pair in split.pairs:
            for path in pair:
                if path in wanted:
                    found.setdefault(path, (split, pair))
    return found


def _figure(
    report: Report, problem: Problem, split: Split, pair: Pair, max_pixels: int | None
) -> str:
    plan = report.plan
    url = thumbnail(
        *pair, plan.num_classes, plan.ignore_index, split.table, max_pixels, problem.other
    )
    return (
        f"<figure><img src='{url}' alt='image, and image under its mask or its copy'>"
        f"<figcaption>{_safe(text.shown(problem))}</figcaption></figure>"
    )


def _files(finding: Finding) -> str:
    lines = [_safe(text.shown(problem)) for problem in finding.problems[:_FILES_PER_KIND]]
    if len(finding.problems) > _FILES_PER_KIND:
        lines.append(f"and {len(finding.problems) - _FILES_PER_KIND} more; --json lists all")
    count = len(finding.problems)
    return f"<details><summary>Files ({count})</summary>{'<br>'.join(lines)}</details>"


def _mapping(report: Report) -> Iterator[str]:
    if report.mapping:
        yield "<h2>A mapping that would mend the masks</h2><p>"
        yield f"{_safe('; '.join(report.mapping.reasons))}.</p>"
        yield f"<pre>{_safe(chr(10).join(text.table(report.mapping)))}</pre>"
        yield "<p>It writes a mended copy, the originals stay as they are:</p>"
        yield f"<pre>{_safe(text.mend_command(report))}</pre>"


def _classes(report: Report) -> Iterator[str]:
    scans = [scan for scan in report.scans if scan.masks]
    if not scans:
        return
    heads = "".join(f"<th>{s.split.name} pixels</th><th>images</th>" for s in scans)
    yield f"<h2>Classes</h2><table><tr><th>id</th><th>class</th>{heads}</tr>"
    palette = voc_palette()
    totals = [max(1, int(scan.counts.pixels.sum())) for scan in scans]
    for index in range(report.plan.num_classes):
        color = ",".join(map(str, palette[index % 256]))
        swatch = f"<span class='swatch' style='background:rgb({color})'></span>"
        yield f"<tr><td>{index}</td><td>{swatch}"
        yield f" {_safe(report.plan.class_name(index))}</td>"
        for scan, total in zip(scans, totals):
            share = scan.counts.pixels[index] / total
            bar = f"<span class='bar' style='width:{8 * share:.2f}rem'></span>"
            yield f"<td class='number'>{bar} {share:.3%}</td>"
            yield f"<td class='number'>{scan.counts.images[index]}</td>"
        yield "</tr>"
    yield "</table>"


def _weights(report: Report) -> Iterator[str]:
    for method, snippet in report.weights().items():
        yield f"<h2>Weights for the loss, by {escape(method)}; for your YAML</h2>"
        yield f"<pre>{escape(snippet)}</pre>"
