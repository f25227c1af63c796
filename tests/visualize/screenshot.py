"""Takes the documentation's picture of an explorer's page.

python -m tests.visualize.screenshot PAGE.html OUTPUT.png
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image

from tests.browser.driver import visit

if __name__ == "__main__":
    page, output = (Path(word).resolve() for word in sys.argv[1:])
    visit(
        Path(__file__).with_suffix(".mjs"),
        url=page.as_uri(),
        output=str(output),
        width=1180,
        height=800,
        keys=["b", "1"],
    )
    image = Image.open(io.BytesIO(output.read_bytes())).convert("RGB")
    image.quantize(256, dither=Image.Dither.NONE).save(output, optimize=True)
