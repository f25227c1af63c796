"""Runs an exported ANN with NumPy and one engine alone; every export holds a copy of this package.

Nothing here imports `paddle_ann`, PaddleSeg or OpenCV. In the exported folder:

    python run.py image.jpg --output masks

    from runner import Bundle  # with the folder on sys.path
    ids = Bundle("folder").predict(rgb)  # (H, W, 3) uint8 -> (H, W) class numbers
"""

from .bundle import Bundle

__all__ = ["Bundle"]
