"""What a model sees and does, as pictures."""

from paddle_ann.visualize.panels import (
    Sample,
    class_names,
    class_palette,
    contact_sheet,
    legend,
    predict_samples,
)

__all__ = ["Sample", "class_names", "class_palette", "contact_sheet", "legend", "predict_samples"]
