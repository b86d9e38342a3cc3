"""Annotations of whole images: masks, scans, relations, captions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from abbild.core import Seed, UnknownNameError
from abbild.images.annotate import (
    PREDICATES,
    Relation,
    annotate,
    caption,
    count,
    find_relations,
    instance_mask,
    labels_of,
    mask_box,
    panoptic,
    scan,
    semantic_mask,
)
from abbild.images.annotation import Annotation, Example
from abbild.images.errors import SceneError
from abbild.images.labels import find_layers
from tests.images.labels_stages import BALL, CUBE, SHEET, at, body, camera, stage, turned

ids = arrays.arrays(np.int32, (6, 8), elements=st.integers(0, 5))
NAMES = {1: "cup", 2: "road", 3: "cup", 4: "road"}  # 5 has no label


@given(ids)
def test_masks_of_an_image_are_made_of_its_instances(body_ids):
    kept = instance_mask(body_ids, [1, 3])
    assert (kept == np.where(np.isin(body_ids, [1, 3]), body_ids, 0)).all()
    labels = ["road", "tree", "cup"]
    semantic = semantic_mask(body_ids, NAMES, labels)
    for place, label in enumerate(labels, start=1):
        members = [k for k, name in NAMES.items() if name == label]
        assert ((semantic == place) == np.isin(body_ids, members)).all()


def test_a_label_that_is_no_category_is_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match="'cups'"):
        semantic_mask(np.zeros((2, 2), np.int32), {1: "cup"}, ["cups"])


@given(ids)
def test_panoptic_segments_share_out_the_labelled_pixels(body_ids):
    mask, segments = panoptic(body_ids, NAMES, stuff=["road"])
    assert ((mask > 0) == np.isin(body_ids, list(NAMES))).all()
    assert [s.id for s in segments] == sorted({*np.unique(mask)} - {0})
    assert sum(not s.thing for s in segments) == np.isin(body_ids, [2, 4]).any()
    for s in segments:
        mine = mask == s.id
        assert s.area_px == mine.sum()
        assert s.box == mask_box(mine)
        assert {NAMES[k] for k in np.unique(body_ids[mine])} == {s.label}


# scans


def test_a_scan_of_floor_and_wall_is_that_of_trigonometry():
    floor = body(SHEET, at(0, 0, 0, 100))
    wall = body(SHEET, turned(at(6, 0, 0, 40), np.pi / 2, axis=1))
    pose = turned(at(0, 0, 1.5), 0.0)
    up, around = np.radians([-30, -10, 5]), np.radians([0, 20, 180])
    found = scan(stage(floor, wall), pose, up, around, 20.0)
    # elevation -30 meets the floor all around, -10 the wall ahead, 5 only the wall ahead
    assert found.body.tolist() == [1, 1, 1, 2, 2, 1, 2, 2]
    assert found.ring.tolist() == [0, 0, 0, 1, 1, 1, 2, 2]
    assert found.column.tolist() == [0, 1, 2, 0, 1, 2, 0, 1]
    floor_range = 1.5 / np.sin(np.radians([30, 30, 30, 10]))
    assert np.allclose(found.distance[[0, 1, 2, 5]], floor_range, rtol=1e-5)
    assert np.allclose(found.points[found.body == 1][:, 2], -1.5, atol=1e-5)
    assert np.allclose(found.points[found.body == 2][:, 0], 6, atol=1e-5)
    assert np.allclose(np.linalg.norm(found.points, axis=1), found.distance, rtol=1e-6)
    assert scan(stage(floor, wall), pose, up, around, 2.0).body.size == 0


def test_a_scan_moves_with_its_sensor():
    pose = turned(turned(at(1, 2, 3), 0.4), 0.2, axis=1)
    up, around = np.linspace(-1, 1, 9), np.linspace(0, 6, 31)
    thing = body(BALL, at(0, 0, 0, 5))
    one = scan(stage(thing), pose, up, around, 50)
    local = body(BALL, np.linalg.inv(pose) @ thing.matrix)
    other = scan(stage(local), np.eye(4), up, around, 50)
    assert np.allclose(one.points, other.points, atol=1e-4)


def test_noise_and_dropout_are_as_large_as_said_and_repeat():
    room = stage(body(BALL, at(0, 0, 0, 10)))
    up, around = np.linspace(-0.5, 0.5, 40), np.linspace(0, 6, 100)
    clean = scan(room, np.eye(4), up, around, 30)
    noisy = scan(room, np.eye(4), up, around, 30, noise=0.05, dropout=0.25, seed=Seed(3))
    again = scan(room, np.eye(4), up, around, 30, noise=0.05, dropout=0.25, seed=Seed(3))
    assert noisy.points.tobytes() == again.points.tobytes()
    pulses, kept = 4000, noisy.body.size
    assert abs(kept / pulses - 0.75) < 4 * np.sqrt(0.25 * 0.75 / pulses)
    assert np.allclose(np.linalg.norm(noisy.points, axis=1), noisy.distance, rtol=1e-5)
    place = np.isin(clean.ring * 100 + clean.column, noisy.ring * 100 + noisy.column)
    error = noisy.distance - clean.distance[place]
    assert abs(error.std() / 0.05 - 1) < 4 / np.sqrt(2 * kept)
    with pytest.raises(SceneError, match="need a seed"):
        scan(room, np.eye(4), up, around, 30, noise=0.05)
    with pytest.raises(SceneError, match=r"dropout 1.5"):
        scan(room, np.eye(4), up, around, 30, dropout=1.5, seed=Seed(3))


# relations


WORLD = at(0, -6, 1.0) @ np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1.0]])


def seen(*things):
    """Annotate bodies from a camera that looks along the world's y, z up."""
    view = camera(96, matrix=WORLD)
    scene = stage(*things)
    return annotate(scene, view, find_layers(scene, view))


def related(*things):
    return set(find_relations(seen(*things), WORLD))


def test_a_cup_on_a_table_in_front_of_a_cupboard():
    table = body(CUBE, at(0, 0, 0.5), name="table")
    cup = body(CUBE, at(0.2, -0.2, 1.1, 0.2), name="cup")
    board = body(CUBE, at(0.5, 3, 1, (2, 1, 2)), name="cupboard")
    found = related(table, cup, board)
    assert Relation(2, "on", 1) in found
    assert Relation(1, "on", 2) not in found
    assert Relation(1, "in front of", 3) in found
    assert Relation(3, "behind", 1) in found
    assert Relation(1, "occludes", 3) in found
    assert Relation(2, "occludes", 3) in found
    assert Relation(3, "occludes", 1) not in found
    assert Relation(2, "overlaps", 3) in found


def test_beside_above_and_inside():
    left, right = body(BALL, at(-2, 0, 0, 0.5)), body(BALL, at(2, 0, 1.9, 0.5))
    assert Relation(1, "left of", 2) in related(left, right)
    assert Relation(2, "above", 1) in related(left, right)
    shelf = body(SHEET, turned(at(0, 0, 1, (2, 2, 1)), np.pi / 2, axis=0), name="open box")
    deep = body(CUBE, at(0, 0, 1, (2, 2, 2)), name="box")
    ball = body(BALL, at(0, -0.5, 1, 0.3))
    assert not any(r.predicate == "inside" for r in related(shelf, ball))
    annotations = seen(body(CUBE, at(0, 0, 1, (2, 2, 2))), body(CUBE, at(0.5, -0.99, 1, 0.2)))
    assert not any(r.predicate == "inside" for r in find_relations(annotations, WORLD))
    box = seen(deep)[0]
    inner = seen(ball)[0]
    object.__setattr__(inner, "instance", 2)
    assert Relation(2, "inside", 1) in find_relations([box, inner], WORLD)


@given(
    st.lists(
        st.tuples(st.floats(-3, 3), st.floats(-2, 3), st.floats(-1, 3), st.floats(0.2, 1)),
        min_size=2,
        max_size=5,
    )
)
def test_relations_keep_their_own_logic(places):
    found = related(*(body(CUBE, at(x, y, z, size)) for x, y, z, size in places))
    for r in found:
        assert r.predicate in PREDICATES
        assert r.subject != r.object
        back = {o.predicate for o in found if (o.subject, o.object) == (r.object, r.subject)}
        if r.predicate in ("left of", "above", "on"):
            assert r.predicate not in back
        if r.predicate == "in front of":
            assert "behind" in back
            assert "occludes" not in back
        if r.predicate == "overlaps":
            assert "overlaps" in back
            assert "left of" not in back


# captions


def thing(instance, label, color="", box=(0, 0, 4, 4), **more):
    attributes = {"color_name": color} if color else {}
    return Annotation(
        instance, f"{label}/{instance}", label, box, area_px=9, attributes=attributes, **more
    )


def told(*annotations, label=""):
    return caption(Example(0, "", 32, 32, label=label, annotations=annotations))


def test_captions_count_and_name():
    cubes = [thing(k, "cube", "red") for k in (1, 2, 3)]
    assert told(*cubes, thing(4, "sphere")) == "3 red cubes and a sphere"
    assert told(
        thing(1, "toys/box", "orange"), thing(2, "box", "blue"), thing(3, "box", "blue")
    ) == ("2 blue boxes and an orange box")
    assert told(thing(1, "berry"), thing(2, "berry"), thing(3, "toy"), thing(4, "toy")) == (
        "2 berries and 2 toys"
    )
    assert told(thing(1, "red_cell"), thing(2, "8")) == "a red cell and an 8"
    assert told(label="7") == "a 7"
    assert told() == "nothing that has a label"
    hidden = Annotation(1, "x", "x", None)
    assert told(hidden) == "nothing that has a label"
    assert count([*cubes, thing(4, "ball"), hidden]) == {"ball": 1, "cube": 3}


def test_captions_relate_only_what_is_alone_of_its_kind():
    a, b = thing(1, "cube", "red", (0, 0, 4, 4)), thing(2, "cube", "blue", (8, 0, 12, 4))
    assert told(a, b) == "a red cube and a blue cube; the red cube is left of the blue cube"
    c = thing(3, "cube", "blue", (20, 0, 24, 4))
    assert told(a, b, c) == "2 blue cubes and a red cube"


def test_a_caption_tells_the_relation_that_holds_in_space():
    table = body(CUBE, at(0, 0, 0.5), name="table", label="table")
    cup = body(CUBE, at(0.2, -0.2, 1.1, 0.2), name="cup", label="cup")
    example = Example(0, "", 96, 96, annotations=seen(table, cup), camera=WORLD)
    assert caption(example) == "a table and a cup; the cup is on the table"


def test_labels_of_annotations():
    assert labels_of([thing(4, "cup"), thing(7, "road")]) == {4: "cup", 7: "road"}
