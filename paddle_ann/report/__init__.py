"""Reports of evaluations: numbers with intervals, pictures of what went wrong, comparisons."""

from paddle_ann.report.boundary import areas as boundary_areas
from paddle_ann.report.calibration import Reliability
from paddle_ann.report.comparing import compare
from paddle_ann.report.files import Loaded, check_target, load
from paddle_ann.report.recorder import Recorder
from paddle_ann.report.saving import describe, save

__all__ = [
    "Loaded",
    "Recorder",
    "Reliability",
    "boundary_areas",
    "check_target",
    "compare",
    "describe",
    "load",
    "save",
]
