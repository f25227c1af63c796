"""Pascal VOC 2012 and SBD, from their archives to the folders that the configurations expect.

Nothing here needs Paddle, and imports within the package are relative, so that
tools/prepare_voc.py can load it by its path without the seconds that `import paddle_ann` takes.
"""

from .archives import SBD, VOC2012, Archive, ChecksumError
from .download import DownloadError, Patience
from .lists import VOC_COUNTS, Counts
from .voc import Prepared, advice, prepare_voc

__all__ = [
    "SBD",
    "VOC2012",
    "VOC_COUNTS",
    "Archive",
    "ChecksumError",
    "Counts",
    "DownloadError",
    "Patience",
    "Prepared",
    "advice",
    "prepare_voc",
]
