"""Real blood cells found by a detector that saw only rendered ones, beside real training data.

    python benchmarks/blood_smear.py --images 400 --docs docs/benchmarks.md

Arms: rendered images alone; 20 real images; all real ones that are not tested on; rendered and 20
real. Tested on the same 100 photographs of bccd_train.parquet (ABBILD_DATA or ../shared/data).
Average precision at an overlap of 0.5, by pycocotools.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from detect import detect, train_detector
from page import block, replace
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

import abbild

HERE = Path(__file__).parent
DATA = Path(os.environ.get("ABBILD_DATA", HERE.parents[1] / "shared" / "data"))
NAMES = ("RBC", "WBC", "Platelets")
SIZE = (320, 240)
TESTED = 100
ARMS = ("rendered", "20 real", "all real", "rendered and 20 real")


def photographs() -> tuple[Any, Any, Any]:
    rows = pq.read_table(DATA / "bccd_train.parquet").to_pylist()
    images = [Image.open(io.BytesIO(row["image"])).convert("RGB").resize(SIZE) for row in rows]
    scale = [np.array([SIZE[0] / row["width"], SIZE[1] / row["height"]] * 2) for row in rows]
    boxes = [
        np.array(r["boxes"], float).reshape(-1, 4) * s for r, s in zip(rows, scale, strict=True)
    ]
    labels = [[NAMES.index(name) for name in row["labels"]] for row in rows]
    return np.stack([np.asarray(image) for image in images]), boxes, labels


def rendered(n: int, workers: int, seed: int) -> tuple[Any, Any, Any]:
    out = HERE / "results" / "blood-smear" / f"{n}-{seed}"
    run = abbild.render(
        "blood-smear", n, out, renderer="fast", workers=workers, seed=seed, force=True
    )
    images, boxes, labels = [], [], []
    for example in run.examples():
        picture = Image.open(out / example.file).resize(SIZE, Image.Resampling.BOX)
        scale = np.array([SIZE[0] / example.width, SIZE[1] / example.height] * 2)
        # people draw no box around a sliver at the border
        kept = [a for a in example.annotations if a.truncated < 0.85]
        images.append(np.asarray(picture))
        boxes.append(np.array([a.box for a in kept], float).reshape(-1, 4) * scale)
        labels.append([NAMES.index(a.label) for a in kept])
    return np.stack(images), boxes, labels


def precision(found: Any, boxes: Any, labels: Any) -> dict[str, float]:
    """Return the average precision at 0.5 of each category, and their mean."""
    truth = COCO()
    with contextlib.redirect_stdout(io.StringIO()):
        truth.dataset = {
            "images": [{"id": i} for i in range(len(boxes))],
            "categories": [{"id": k, "name": name} for k, name in enumerate(NAMES)],
            "annotations": [
                {"id": i * 1000 + j + 1, "image_id": i, "category_id": k, "iscrowd": 0,
                 "bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0)}
                for i, (here, kinds) in enumerate(zip(boxes, labels, strict=True))
                for j, ((x0, y0, x1, y1), k) in enumerate(zip(here, kinds, strict=True))
            ],
        }  # fmt: skip
        truth.createIndex()
        results = truth.loadRes([
            {"image_id": i, "category_id": int(k), "score": float(s),
             "bbox": [float(b[0]), float(b[1]), float(b[2] - b[0]), float(b[3] - b[1])]}
            for i, each in enumerate(found) for b, k, s in zip(*each, strict=True)
        ])  # fmt: skip
        result = COCOeval(truth, results, "bbox")
        result.params.iouThrs = np.array([0.5])
        result.evaluate()
        result.accumulate()
    each = {
        name: float(result.eval["precision"][0, :, k, 0, -1].mean()) for k, name in enumerate(NAMES)
    }
    return {**each, "mean": float(np.mean(list(each.values())))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--arms", nargs="*", default=["rendered", "20 real", "all real", "rendered and 20 real"]
    )
    parser.add_argument("--docs", type=Path)
    given = parser.parse_args()
    images, boxes, labels = photographs()
    order = np.random.default_rng(0).permutation(len(images))
    test, rest = order[:TESTED], order[TESTED:]
    made = rendered(given.images, given.workers, given.seed)

    def real(chosen: Any) -> tuple[Any, Any, Any]:
        return images[chosen], [boxes[i] for i in chosen], [labels[i] for i in chosen]

    few = real(rest[:20])
    arms = {
        "rendered": made,
        "20 real": few,
        "all real": real(rest),
        "rendered and 20 real": tuple(
            np.concatenate([a, *[b] * 4]) if k == 0 else [*a, *(4 * list(b))]
            for k, (a, b) in enumerate(zip(made, few, strict=True))
        ),
    }
    lines = [
        "## Real blood cells, found by a detector trained on rendered ones",
        "",
        "| trained on | images | RBC | WBC | Platelets | mean AP at 0.5 |",
        "|---|---|---|---|---|---|",
    ]
    for arm in given.arms:
        pixels, where, what = arms[arm]
        network = train_detector(pixels, where, what, classes=3, seed=given.seed, steps=given.steps)
        tested = [boxes[i] for i in test], [labels[i] for i in test]
        ap = precision(detect(network, images[test]), *tested)
        cells = " | ".join(f"{ap[name]:.3f}" for name in (*NAMES, "mean"))
        lines.append(f"| {arm} | {len(pixels)} | {cells} |")
        print(lines[-1], flush=True)
    if given.docs:
        replace(given.docs, [block("blood-smear", lines)])


if __name__ == "__main__":
    main()
