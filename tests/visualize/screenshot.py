"""Takes the documentation's picture of an explorer's page.

python -m tests.visualize.screenshot PAGE.html OUTPUT.png
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.browser.driver import visit

if __name__ == "__main__":
    page, output = (Path(word).resolve() for word in sys.argv[1:])
    visit(
        Path(__file__).with_suffix(".mjs"),
        url=page.as_uri(),
        output=str(output),
        width=980,
        height=660,
        keys=["b", "1"],
    )
