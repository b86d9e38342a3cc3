"""Damage as geometry: thin strips that lie just above a surface, for their own material."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.grids import grid
from abbild.images.limits import between, positive, whole
from abbild.images.meshes import merge
from abbild.images.stage import Mesh

__all__ = ["Crack", "Scratch"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Crack:
    """A jagged line along +x through the origin with smaller ones that leave it.

    It lies flat, `lift` above z = 0, and faces up: labelled like any object, it is a defect with
    an exact mask.

    Attributes
    ----------
    length : along x, metres
    width : at its widest, metres
    jagged : [0, 1], how far it strays
    branches : lines that leave it
    lift : above the surface, metres
    variant : which crack
    segments : along the line
    """

    length: float = 0.3
    width: float = 0.004
    jagged: float = 0.3
    branches: int = 3
    lift: float = 0.0003
    variant: int = 0
    segments: int = 40

    def check(self) -> None:
        """Raise SceneError for lengths not above zero or numbers out of range."""
        positive(self, "length", "width", "lift")
        between(self, 0, 1, "jagged")
        whole(self, 0, 64, "branches")
        whole(self, 0, 2**62, "variant")
        whole(self, 4, 2048, "segments")

    def mesh(self) -> Mesh:
        """Flat strips; u runs along each, v across."""
        self.check()
        rng = (Seed(self.variant) / "crack").rng()
        x = np.linspace(-0.5, 0.5, self.segments + 1) * self.length
        trunk = np.stack([x, _walk(len(x), rng) * self.jagged * self.length * 0.25], axis=1)
        strips = [_strip(trunk, self.width * _widths(len(x), rng), self.lift)]
        for _ in range(self.branches):
            start = int(rng.integers(len(x) // 6, 5 * len(x) // 6))
            count = max(self.segments // 3, 4)
            reach = self.length * rng.uniform(0.1, 0.35)
            side = rng.choice([-1.0, 1.0]) * np.radians(rng.uniform(20, 65))
            away = np.array([np.cos(side), np.sin(side)])
            stray = _walk(count, rng) * self.jagged * reach * 0.25
            steps = np.linspace(0, reach, count)[:, None]
            line = trunk[start] + steps * away + stray[:, None] * [-away[1], away[0]]
            taper = np.linspace(0.8, 0, count) * _widths(count, rng, ends=False)
            strips.append(_strip(line, self.width * taper, self.lift))
        return merge(strips)


@dataclass(frozen=True)
class Scratch:
    """A smooth, slightly bent, thin line along +x through the origin, flat above z = 0.

    Attributes
    ----------
    length : metres
    width : at its widest, metres
    bend : degrees it turns from end to end
    lift : above the surface, metres
    segments : along the line
    """

    length: float = 0.1
    width: float = 0.0008
    bend: float = 10.0
    lift: float = 0.0003
    segments: int = 16

    def check(self) -> None:
        """Raise SceneError for lengths not above zero or numbers out of range."""
        positive(self, "length", "width", "lift")
        between(self, -180, 180, "bend")
        whole(self, 2, 512, "segments")

    def mesh(self) -> Mesh:
        """Return a flat strip with pointed ends; u runs along it, v across."""
        self.check()
        share = np.linspace(-0.5, 0.5, self.segments + 1)
        turn = np.radians(self.bend) * share
        step = np.stack([np.cos(turn), np.sin(turn)], axis=1) * self.length / self.segments
        line = np.vstack([np.zeros(2), np.cumsum((step[:-1] + step[1:]) / 2, axis=0)])
        line -= line[len(line) // 2]
        return _strip(line, self.width * np.sqrt(np.clip(1 - 4 * share**2, 0, 1)), self.lift)


def _walk(count: int, rng: np.random.Generator) -> Floats:
    """Return a random line of `count` points that starts at zero and stays near one, (n,)."""
    steps = rng.normal(size=count) + 0.8 * np.repeat(rng.normal(size=count), 4)[:count]
    walk = np.cumsum(steps)
    walk -= walk[0]
    return np.asarray(walk / max(float(np.abs(walk).max()), 1e-12))


def _widths(count: int, rng: np.random.Generator, *, ends: bool = True) -> Floats:
    """Irregular widths up to one, thin at both ends if `ends`, (n,)."""
    share = np.linspace(-1, 1, count)
    form = (1 - share**4) if ends else np.ones(count)
    return np.asarray(form * rng.uniform(0.45, 1.0, count))


def _strip(line: Floats, width: Floats, z: float) -> Mesh:
    """Return a flat ribbon of given widths along a line that goes roughly one way."""
    step = np.gradient(line, axis=0)
    step /= np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-300)
    left = np.stack([-step[:, 1], step[:, 0]], axis=1)
    half = 0.5 * np.asarray(width)[:, None] * left
    rows = np.stack([line - half, line + half])
    points = np.concatenate([rows, np.full((*rows.shape[:2], 1), z)], axis=-1)
    run = np.linspace(0, 1, len(line))
    uv = np.stack(np.meshgrid(run, [0.0, 1.0]), axis=-1)
    return grid(points, uv, np.broadcast_to([0.0, 0.0, 1.0], points.shape))
