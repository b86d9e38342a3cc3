"""Real German signs recognised by a network that saw only rendered ones.

    python benchmarks/road_signs.py --arms all --shares 1 0.5 0.25 0.1 --docs docs/benchmarks.md

Renders the recipe with `abbild.render`, trains the network of `classify.py` on it and on nothing
else for the same number of steps whatever the number of images, and tests on the photographs of
gtsrb_train_32px.parquet (ABBILD_DATA or ../shared/data), which no training ever sees. Whoever
changes the recipe after looking at these numbers has used the photographs for development: the last
word has other photographs.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from classify import Augmentation, predict, train_network
from page import block, replace
from PIL import Image

import abbild

HERE = Path(__file__).parent
CLASSES = 43
DATA = Path(os.environ.get("ABBILD_DATA", HERE.parents[1] / "shared" / "data"))

NONE: Mapping[str, Any] = {}
ARMS: Mapping[str, Mapping[str, Any]] = {
    "the recipe": NONE,
    "light fixed": {
        "/sky/sun_elevation": 40,
        "/sky/sun_azimuth": 240,
        "/sky/clouds": 0.3,
        "/sky/strength": 1.0,
        "/objects/tree/present": False,
    },
    "no wear": {"/objects/sign/material/wear": ()},
    "no occluders": {f"/objects/{name}/present": False for name in ("twig", "neighbour", "panel")},
    "plain background": {"/backdrop": None},
    "no weather": {"/weather": ()},
    "a perfect camera": {
        f"/cameras/camera/sensor/{name}": value
        for name, value in {
            "exposure": 0.7, "gain_noise": 0.0, "shot_noise": 0.0, "blur": 0.0, "motion": (0, 0),
            "saturation": 1.0, "contrast": 1.0, "gamma": 1.0, "downscale": 1.0,
            "white_balance": (1, 1, 1), "jpeg_quality": 0,
        }.items()
    },
}  # fmt: skip


def photographs() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return pixels (n, 32, 32, 3), labels (n,) and the track each photograph belongs to."""
    table = pq.read_table(DATA / "gtsrb_train_32px.parquet")
    pixels = [np.asarray(Image.open(io.BytesIO(b.as_py())).convert("RGB")) for b in table["image"]]
    tracks = np.array([f"{a}/{b}" for a, b in zip(table["label"], table["track"], strict=True)])
    return np.stack(pixels), np.asarray(table["label"]), tracks


def rendered(
    n: int, settings: Mapping[str, Any], renderer: str, workers: int, seed: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return pixels (n, 32, 32, 3), labels and the seconds it took; what exists is read again."""
    key = json.dumps([n, renderer, seed, sorted(settings.items())], default=repr)
    name = hashlib.blake2b(key.encode(), digest_size=6).hexdigest()
    out = HERE / "results" / "road-signs" / name
    start = time.perf_counter()
    run = abbild.render(
        "road-signs",
        n,
        out,
        renderer=renderer,
        set=settings,
        workers=workers,
        seed=seed,
        force=True,
    )
    seconds = time.perf_counter() - start
    examples = list(run.examples())
    pixels = [
        np.asarray(Image.open(out / e.file).resize((32, 32), Image.Resampling.BOX))
        for e in examples
    ]
    return np.stack(pixels), np.array([int(e.label) for e in examples]), seconds


def interval(right: np.ndarray, tracks: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of the accuracy; frames of one track are one draw (bootstrap)."""
    names, place = np.unique(tracks, return_inverse=True)
    hits = np.bincount(place, right.astype(float))
    sizes = np.bincount(place)
    rng = np.random.default_rng(0)
    chosen = rng.integers(len(names), size=(2000, len(names)))
    shares = hits[chosen].sum(axis=1) / sizes[chosen].sum(axis=1)
    return tuple(np.quantile(shares, [0.025, 0.975]))


def measure(images: Any, labels: Any, real: Any, epochs: int, seed: int) -> dict[str, Any]:
    start = time.perf_counter()
    network = train_network(
        images, labels, seed=seed, epochs=epochs, augmentation=Augmentation(), bfloat16=True
    )
    pixels, truth, tracks = real
    right = predict(network, pixels) == truth
    low, high = interval(right, tracks)
    each = [float(right[truth == k].mean()) for k in range(CLASSES)]
    return {
        "images": len(images),
        "accuracy": float(right.mean()),
        "low": low,
        "high": high,
        "mean of classes": float(np.mean(each)),
        "worst": sorted((round(v, 2), k) for k, v in enumerate(each))[:5],
        "train s": time.perf_counter() - start,
    }


def table(rows: Mapping[tuple[str, int], Sequence[dict[str, Any]]]) -> list[str]:
    """Return the lines of the page; several seeds of one arm are one row."""
    lines = [
        "## Real signs, recognised by a network trained on rendered ones",
        "",
        "A network of 0.98 million weights, the same number of steps for every row. The interval",
        "is that of the first seed over tracks of photographs; the recipe was developed on these",
        "photographs, so the last word has others.",
        "",
        "| trained on | images | accuracy of each seed | 95 % interval | mean of classes |",
        "|---|---|---|---|---|",
    ]
    for (name, images), seeds in rows.items():
        first = seeds[0]
        each = ", ".join(f"{row['accuracy']:.3f}" for row in seeds)
        lines.append(
            f"| {name} | {images:,} | {each} | "
            f"{first['low']:.3f} to {first['high']:.3f} | {first['mean of classes']:.3f} |"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=200, help="images a class")
    parser.add_argument("--epochs", type=int, default=16, help="with all images")
    parser.add_argument("--renderers", nargs="*", default=["fast"], help="for the recipe")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--arms", nargs="*", default=["the recipe"], choices=[*ARMS, "all"])
    parser.add_argument("--shares", nargs="*", type=float, default=[1.0], help="of the images")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0], help="for the recipe")
    parser.add_argument("--docs", type=Path)
    given = parser.parse_args()
    real = photographs()
    rows: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for name, arm, renderer, seed in _runs(given):
        images, labels, seconds = rendered(
            given.each * CLASSES, ARMS[arm], renderer, given.workers, seed
        )
        whole = arm == "the recipe" and seed == given.seeds[0]
        for share in given.shares if whole else [1.0]:
            n = round(share * given.each) * CLASSES
            row = measure(images[:n], labels[:n], real, round(given.epochs / share), seed)
            rows.setdefault((name, n), []).append(row)
            print(name, seed, json.dumps(row), f"rendered in {seconds:.0f} s", flush=True)
    if given.docs:
        replace(given.docs, [block("road-signs", table(rows))])


def _runs(given: argparse.Namespace) -> Iterator[tuple[str, str, str, int]]:
    """Yield name, arm, renderer and seed."""
    for arm in ARMS if "all" in given.arms else given.arms:
        if arm == "the recipe":
            for renderer in given.renderers:
                for seed in given.seeds:
                    yield f"{arm}, {renderer}", arm, renderer, seed
        else:
            yield f"{arm}, {given.renderers[0]}", arm, given.renderers[0], given.seeds[0]


if __name__ == "__main__":
    main()
