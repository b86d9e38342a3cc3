"""Annotators: from layers to everything that is true of an image, without any renderer."""

from abbild.images.annotate.bodies import annotate
from abbild.images.annotate.boxes import (
    Placed,
    box_corners,
    mask_box,
    place_body,
    silhouette_box,
)
from abbild.images.annotate.captions import caption
from abbild.images.annotate.checks import LIMITS, self_checks
from abbild.images.annotate.keypoints import find_keypoints
from abbild.images.annotate.lidar import Scan, scan
from abbild.images.annotate.masks import (
    Segment,
    instance_mask,
    labels_of,
    panoptic,
    semantic_mask,
)
from abbild.images.annotate.relations import PREDICATES, Relation, count, find_relations

__all__ = [
    "LIMITS",
    "PREDICATES",
    "Placed",
    "Relation",
    "Scan",
    "Segment",
    "annotate",
    "box_corners",
    "caption",
    "count",
    "find_keypoints",
    "find_relations",
    "instance_mask",
    "labels_of",
    "mask_box",
    "panoptic",
    "place_body",
    "scan",
    "self_checks",
    "semantic_mask",
    "silhouette_box",
]
