"""The suite passes what is right and catches what renderers get wrong."""

from dataclasses import replace

import numpy as np
import pytest

from abbild.images.conformance import LENSES, check_renderer_hits
from abbild.images.labels import find_hits, trace


def failures(find, **options):
    return {verdict.name for verdict in check_renderer_hits(find, **options) if not verdict.passed}


@pytest.mark.parametrize("find", [find_hits, trace])
def test_both_engines_conform_through_every_lens(find):
    verdicts = check_renderer_hits(find)
    assert [verdict for verdict in verdicts if not verdict.passed] == []
    assert {verdict.name.split(":")[0] for verdict in verdicts} == {*LENSES, "sphere", "checker"}


def shifted(stage, view):
    return find_hits(stage, replace(view, cx=view.cx + 0.5, cy=view.cy + 0.5))


def by_distance(stage, view):
    hits = find_hits(stage, view)
    row, column = np.mgrid[: view.height, : view.width] + 0.5
    x, y = (column - view.cx) / view.fx, (row - view.cy) / view.fy
    return replace(hits, z=(hits.z * np.sqrt(1 + x * x + y * y)).astype(np.float32))


def swapped_weights(stage, view):
    hits = find_hits(stage, view)
    return replace(hits, weights=hits.weights[..., ::-1].copy())


def renamed(stage, view):
    hits = find_hits(stage, view)
    return replace(hits, body=np.where(hits.body == 2, 3, hits.body).astype(np.int32))


def straight(stage, view):
    return find_hits(stage, replace(view, distortion=()))


def mirrored(stage, view):
    hits = find_hits(stage, view)
    return replace(hits, body=hits.body[:, ::-1].copy(), part=hits.part[:, ::-1].copy())


def blind(stage, view):
    return find_hits(replace(stage, bodies=()), view)


@pytest.mark.parametrize(
    ("find", "caught"),
    [
        (shifted, "pinhole: place of hits, pixels"),
        (shifted, "sphere: middle, pixels"),
        (by_distance, "pinhole: z, share"),
        (by_distance, "sphere: z, share"),
        (by_distance, "checker: z, share"),
        (swapped_weights, "pinhole: flow, pixels"),
        (swapped_weights, "checker: squares, share wrong"),
        (renamed, "pinhole: masks, 1 - IoU"),
        (straight, "distorted: place of hits, pixels"),
        (straight, "fisheye: place of hits, pixels"),
        (mirrored, "orthographic: masks, 1 - IoU"),
        (blind, "pinhole: z, share"),
        (blind, "checker: mask, 1 - IoU"),
    ],
)
def test_planted_faults_are_caught(find, caught):
    lenses = ["distorted", "fisheye"] if find is straight else ["pinhole", "orthographic"]
    assert caught in failures(find, lenses=lenses, size=96)
