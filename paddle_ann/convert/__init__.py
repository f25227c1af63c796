"""Weights between PyTorch and Paddle: the peers' published files into our models, and back."""

from paddle_ann.convert.incoming import from_state, from_torch
from paddle_ann.convert.outgoing import to_torch
from paddle_ann.convert.reading import read_state
from paddle_ann.convert.report import Report
from paddle_ann.convert.sources import SOURCES
from paddle_ann.convert.writing import save_state

__all__ = ["Report", "SOURCES", "from_state", "from_torch", "read_state", "save_state", "to_torch"]
