"""Trained networks outside of the training machine: an export that proves itself, and its use."""

from paddle_ann.deploy.exporting import export
from paddle_ann.deploy.parity import Report
from paddle_ann.deploy.prediction import Prediction
from paddle_ann.deploy.predictor import Predictor

__all__ = ["Prediction", "Predictor", "Report", "export"]
