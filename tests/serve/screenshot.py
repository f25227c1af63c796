"""Makes docs/images/serve.png: `python tests/serve/screenshot.py EXPORT IMAGE PICTURE`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.browser.driver import visit  # noqa: E402


def main(export: str, image: str, picture: str) -> None:
    command = [sys.executable, str(ROOT / "tools/serve.py"), "--model", export, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            lines = iter(server.stdout.readline, "")
            url = next(
                found[0] for found in (re.search(r"http://\S+", line) for line in lines) if found
            )
            script = Path(__file__).with_name("screenshot.mjs")
            visit(script, url=url, file=image, picture=picture)
        finally:
            server.terminate()
    with Image.open(picture) as taken:  # 256 colours, for a file of less than 300 kB
        small = taken.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    small.save(picture, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
