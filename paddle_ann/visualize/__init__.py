"""What a model sees and does, as pictures."""

from paddle_ann.visualize.attending import Attention, BlockAttention, attention
from paddle_ann.visualize.attention_files import write_attention
from paddle_ann.visualize.classes import class_names, class_palette, configured_classes
from paddle_ann.visualize.drawing import attention_picture
from paddle_ann.visualize.panels import Sample, contact_sheet, legend, predict_samples
from paddle_ann.visualize.preparing import Prepared, prepare

__all__ = [
    "Attention",
    "BlockAttention",
    "Prepared",
    "Sample",
    "attention",
    "attention_picture",
    "class_names",
    "class_palette",
    "configured_classes",
    "contact_sheet",
    "legend",
    "predict_samples",
    "prepare",
    "write_attention",
]
