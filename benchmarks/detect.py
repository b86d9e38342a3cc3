"""A small detector as plain functions: centres of things in a heat map, and their sizes.

After Zhou et al. (2019), "Objects as points", arXiv 1904.07850: one network, no anchors, no
suppression. About a million weights, minutes on two cores for some hundred pictures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import interpolate, max_pool2d

STRIDE = 4
Boxes = NDArray[np.float64]  # (n, 4) x0 y0 x1 y1


class Detector(nn.Module):
    """Heat map, size and offset for every cell of 4 x 4 pixels."""

    def __init__(self, classes: int, width: int = 32) -> None:
        super().__init__()
        w = width
        self.down2 = nn.Sequential(_step(3, w, 2), _step(w, w, 1))
        self.down4 = nn.Sequential(_step(w, 2 * w, 2), _step(2 * w, 2 * w, 1))
        self.down8 = nn.Sequential(_step(2 * w, 3 * w, 2), _step(3 * w, 3 * w, 1))
        self.down16 = nn.Sequential(
            _step(3 * w, 4 * w, 2), _step(4 * w, 4 * w, 1), _step(4 * w, 4 * w, 1)
        )
        self.up8, self.up4 = _step(7 * w, 3 * w, 1), _step(5 * w, 2 * w, 1)
        self.head = nn.Conv2d(2 * w, classes + 4, 1)
        nn.init.constant_(self.head.bias[:classes], -3.0)
        self.classes = classes

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        a = self.down4(self.down2(pixels))
        b = self.down8(a)
        c = self.down16(b)
        b = self.up8(torch.cat([b, interpolate(c, size=b.shape[2:])], 1))
        a = self.up4(torch.cat([a, interpolate(b, size=a.shape[2:])], 1))
        out = self.head(a)
        return out[:, : self.classes], out[:, self.classes :]


def _step(inputs: int, outputs: int, stride: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def targets(boxes: Boxes, labels: Sequence[int], classes: int, height: int, width: int) -> Tensor:
    """Return (classes + 5, h, w): heat, size (2, in cells of 4 pixels), offset (2), weight."""
    h, w = height // STRIDE, width // STRIDE
    out = np.zeros((classes + 5, h, w), np.float32)
    y, x = np.mgrid[:h, :w]
    for (x0, y0, x1, y1), k in zip(boxes / STRIDE, labels, strict=True):
        cx, cy, bw, bh = (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0
        i, j = min(max(int(cy), 0), h - 1), min(max(int(cx), 0), w - 1)
        sx, sy = max(bw / 8, 0.7), max(bh / 8, 0.7)
        bell = np.exp(-((x - j) ** 2) / (2 * sx**2) - (y - i) ** 2 / (2 * sy**2))
        np.maximum(out[k], bell, out=out[k])
        out[classes:, i, j] = bw, bh, cx - j, cy - i, 1.0
    return torch.from_numpy(out)


def loss_of(heat: Tensor, rest: Tensor, truth: Tensor) -> Tensor:
    classes = heat.shape[1]
    p = torch.sigmoid(heat).clamp(1e-4, 1 - 1e-4)
    t = truth[:, :classes]
    centre = t == 1
    good = torch.log(p) * (1 - p) ** 2 * centre
    bad = torch.log(1 - p) * p**2 * (1 - t) ** 4 * ~centre
    n = centre.sum().clamp(min=1)
    weight = truth[:, -1:]
    off = (rest - truth[:, classes:-1]).abs() * weight
    return -(good.sum() + bad.sum()) / n + (0.1 * off[:, :2].sum() + off[:, 2:].sum()) / n


def train_detector(
    images: NDArray[np.uint8],
    boxes: Sequence[Boxes],
    labels: Sequence[Sequence[int]],
    *,
    classes: int,
    seed: int,
    steps: int,
    batch: int = 8,
) -> Detector:
    """Train on images (n, h, w, 3); flips, brightness and contrast vary."""
    draw = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.random.default_generator.set_state(draw.get_state())
        network = Detector(classes).to(memory_format=torch.channels_last)
    height, width = images.shape[1:3]
    truth = torch.stack(
        [targets(b, k, classes, height, width) for b, k in zip(boxes, labels, strict=True)]
    )
    pixels = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    optimiser = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=1e-4)
    for step in range(steps):
        chosen = torch.randint(len(pixels), (batch,), generator=draw)
        x, t = pixels[chosen].float() / 255, truth[chosen]
        x, t = _flipped(x, t, classes, draw)
        gain = 1 + 0.25 * (torch.rand(batch, 3, 1, 1, generator=draw) - 0.5)
        lift = 0.15 * (torch.rand(batch, 1, 1, 1, generator=draw) - 0.5)
        shown = (x * gain + lift).clamp(0, 1).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            heat, rest = network(shown)
        loss = loss_of(heat.float(), rest.float(), t)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * (0.5 + 0.5 * math.cos(math.pi * step / steps))
    return network.eval()


def _flipped(x: Tensor, t: Tensor, classes: int, draw: torch.Generator) -> tuple[Tensor, Tensor]:
    for axis, place in ((3, classes + 2), (2, classes + 3)):
        if torch.rand(1, generator=draw) < 0.5:
            x, t = x.flip(axis), t.flip(axis).clone()
            t[:, place] = torch.where(t[:, -1] > 0, 1 - t[:, place], t[:, place])
    return x, t


@torch.inference_mode()
def detect(network: Detector, images: NDArray[np.uint8], most: int = 100) -> list[tuple]:
    """Return (boxes (k, 4), labels (k,), scores (k,)) for each image."""
    found = []
    for image in images:
        x = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None].float() / 255
        heat, rest = network(x)
        heat = torch.sigmoid(heat)
        heat = heat * (max_pool2d(heat, 3, 1, 1) == heat)
        scores, place = heat[0].flatten().topk(most)
        h, w = heat.shape[2:]
        k, i, j = place // (h * w), place // w % h, place % w
        bw, bh, ox, oy = (rest[0, c, i, j] for c in range(4))
        cx, cy = j + ox, i + oy
        boxes = torch.stack([cx - bw / 2, cy - bh / 2, cx + bw / 2, cy + bh / 2], 1) * STRIDE
        found.append((boxes.numpy(), k.numpy(), scores.numpy()))
    return found
