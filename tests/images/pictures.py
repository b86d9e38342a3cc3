"""Pictures of discs and bars with true labels, drawn with nothing but numpy."""

import numpy as np

from abbild.images.annotation import Annotation, Example, Keypoint


def tight(mask):
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))


def disc(instance, x, y, radius, label="disc", height=96, width=128):
    i, j = np.mgrid[:height, :width] + 0.5
    mask = (j - x) ** 2 + (i - y) ** 2 < radius**2
    whole = np.pi * radius**2
    seen = min(1.0, mask.sum() / whole)
    return Annotation(
        instance=instance,
        name=f"discs/{instance}",
        label=label,
        box=tight(mask),
        amodal_box=(x - radius, y - radius, x + radius, y + radius),
        mask=mask,
        amodal_mask=mask,
        area_px=int(mask.sum()),
        visible=seen,
        truncated=1 - seen,
        keypoints=(Keypoint("middle", x, y, 2),),
    )


def picture(index=0, discs=3, label="", height=96, width=128, labels=("disc",), parameters=None):
    """Return pixels (h, w, 3) uint8 with noise, and the example."""
    rng = np.random.default_rng((11, index))
    pixels = np.full((height, width, 3), 150.0) + rng.normal(0, 3, (height, width, 3))
    annotations = []
    for k in range(discs):
        radius = rng.uniform(0.06, 0.15) * height
        x, y = rng.uniform(radius, width - radius), rng.uniform(radius, height - radius)
        one = disc(k + 1, x, y, radius, labels[k % len(labels)], height, width)
        pixels[one.mask] = rng.uniform(0, 255, 3)
        annotations.append(one)
    values = {"/light": float(rng.uniform())} if parameters is None else parameters
    example = Example(
        index=index,
        file=f"images/{index:06d}.png",
        width=width,
        height=height,
        label=label,
        annotations=tuple(annotations),
        parameters=values,
    )
    return np.clip(pixels, 0, 255).astype(np.uint8), example
