"""A small convolutional network for 32 x 32 pictures, to measure what training data is worth.

0.98 million weights. It knows nothing of what the pictures show.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

SIDE = 32  # pixels
BATCH = 64
PEAK_RATE = 0.003  # of AdamW
WEIGHT_DECAY = 0.02
WARM_UP = 0.15  # share of the steps


class Network(nn.Module):
    """Five convolutions with batch normalisation, two dense layers."""

    def __init__(self, classes: int, standardise: bool = False) -> None:
        super().__init__()
        self.standardise = standardise
        self.features = nn.Sequential(
            *_convolution(3, 32, 5),
            nn.MaxPool2d(2),
            *_convolution(32, 64, 3),
            *_convolution(64, 64, 3),
            nn.MaxPool2d(2),
            *_convolution(64, 128, 3),
            *_convolution(128, 128, 3),
            nn.MaxPool2d(2),
        )
        self.dense = nn.Linear(128 * (SIDE // 8) ** 2, 336)
        self.scores = nn.Linear(336, classes)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return scores (n, classes) of pixels (n, 3, 32, 32) within 0..1."""
        mean, spread = 0.45, 0.25
        if self.standardise:  # what is bright and how much is left to the picture itself
            mean = pixels.mean(dim=(1, 2, 3), keepdim=True)
            spread = pixels.std(dim=(1, 2, 3), keepdim=True) + 0.02
        hidden = self.features((pixels - mean) / spread).flatten(1)
        return self.scores(functional.relu(self.dense(hidden)))


def _convolution(inputs: int, outputs: int, size: int) -> tuple[nn.Module, ...]:
    return (
        nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


@dataclass(frozen=True)
class Augmentation:
    """Light, standard changes of each picture, drawn anew each time it is shown."""

    shift: float = 0.06  # of the side, up to this much each way
    scale: float = 0.1  # up to this much larger or smaller
    turn: float = 6.0  # degrees, each way
    brightness: float = 0.25  # factors within 1 - b .. 1 + b
    contrast: float = 0.25


def train_network(
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    *,
    seed: int,
    epochs: int = 12,
    minutes: float = math.inf,
    augmentation: Augmentation | None = None,
    bfloat16: bool = False,
    standardise: bool = False,
) -> Network:
    """Return a network trained with cross entropy on images (n, 32, 32, 3) and labels (n,).

    Parameters
    ----------
    minutes : training ends after the epoch that passes this limit.
    augmentation : changes of the pictures during training; none if not given.
    bfloat16 : half the bits in products; twice as fast on processors that have them.
    standardise : the network first takes mean and spread out of each picture.

    Notes
    -----
    Every draw comes from one generator of this seed; the global generators are left alone.
    About 20 seconds for 10,000 images and one epoch on one core, 11 with bfloat16.
    """
    draw = torch.Generator().manual_seed(seed)
    network = _fresh(int(labels.max()) + 1, standardise, draw)
    pixels = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    targets = torch.from_numpy(np.asarray(labels, np.int64))
    optimiser = torch.optim.AdamW(network.parameters(), PEAK_RATE, weight_decay=WEIGHT_DECAY)
    steps = epochs * math.ceil(len(pixels) / BATCH)
    plan = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step / steps))
    end = time.monotonic() + minutes * 60
    network.train()
    for _ in range(epochs):
        for batch in torch.randperm(len(pixels), generator=draw).split(BATCH):
            shown = pixels[batch].float() / 255
            if augmentation:
                shown = _changed(shown, augmentation, draw)
            shown = shown.contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                loss = functional.cross_entropy(network(shown), targets[batch])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            plan.step()
        if time.monotonic() > end:
            break
    return network.eval()


def predict(model: Network, images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the label (n,) of each of the images (n, 32, 32, 3)."""
    pixels = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    model.eval()
    with torch.inference_mode():
        scores = [model(part.float() / 255).argmax(1) for part in pixels.split(512)]
    return torch.cat(scores).numpy()


def _rate(done: float) -> float:
    """Return the share of the peak rate: a linear rise, then half a cosine to zero."""
    if done < WARM_UP:
        return (done + 0.01) / (WARM_UP + 0.01)
    return 0.5 + 0.5 * math.cos(math.pi * min(1.0, (done - WARM_UP) / (1 - WARM_UP)))


def _fresh(classes: int, standardise: bool, draw: torch.Generator) -> Network:
    """Return a network whose weights come from `draw` (He et al. 2015, arXiv 1502.01852)."""
    with torch.device("meta"):
        network = Network(classes, standardise)
    network.to_empty(device="cpu").to(memory_format=torch.channels_last)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
        elif isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=draw)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    with torch.no_grad():
        network.scores.weight.mul_(0.1)  # nearly even odds at the start
    return network


def _changed(pixels: Tensor, by: Augmentation, draw: torch.Generator) -> Tensor:
    n = len(pixels)

    def within(reach: float, *shape: int) -> Tensor:
        return (2 * torch.rand((n, *shape), generator=draw) - 1) * reach

    angle = within(math.radians(by.turn))
    scale = 1 + within(by.scale)
    cos, sin, shift = torch.cos(angle) * scale, torch.sin(angle) * scale, within(2 * by.shift, 2)
    rows = (torch.stack([cos, -sin, shift[:, 0]], 1), torch.stack([sin, cos, shift[:, 1]], 1))
    grid = functional.affine_grid(torch.stack(rows, 1), list(pixels.shape), align_corners=False)
    moved = functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)
    mean = moved.mean(dim=(1, 2, 3), keepdim=True)
    moved = (moved - mean) * (1 + within(by.contrast, 1, 1, 1)) + mean
    return (moved * (1 + within(by.brightness, 1, 1, 1))).clamp(0, 1)
