"""CamVid, road scenes seen from a car, in the three layouts in which people have it.

Brostow, Fauqueur, Cipolla: Semantic object classes in video, 2009. `classes` says which classes
there are, `layouts` which folders; `segnet` and `folders` list the files, `reading` makes ids of a
label file, `dataset` is the data set.
"""

from paddle_ann.datasets.camvid.dataset import CamVid

__all__ = ["CamVid"]
