"""Trained networks outside of the training machine: one export, which proves itself."""

from paddle_ann.deploy.exporting import export
from paddle_ann.deploy.parity import Report

__all__ = ["Report", "export"]
