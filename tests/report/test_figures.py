import math
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from abbild.report import charts
from abbild.report.charts import Mark, Scale
from abbild.report.figures import (
    count,
    decimals,
    duration,
    number,
    percent,
    prose,
    span,
    things,
    visible,
)

FINITE = st.floats(-1e9, 1e9, allow_nan=False)
SHARE = st.floats(0, 1)


def read(text):
    return float(text.replace(",", "").replace("\u2212", "-").replace("\u202f%", ""))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.9314, "0.931"),
        (12.3456, "12.35"),
        (26049.3, "26,049"),
        (-0.25, "\u22120.250"),
        (0, "0.000"),
    ],
)
def test_numbers_are_written_alike(value, text):
    assert number(value) == text


def test_what_is_missing_is_no_number():
    for written in (number(None), percent(None), count(None), duration(None), span(None, None)):
        assert not re.search(r"\d", written)


@given(FINITE, st.integers(0, 6))
def test_a_written_number_is_the_number_rounded(value, digits):
    text = number(value, digits)
    assume("<" not in text and ">" not in text)
    assert read(text) == pytest.approx(value, abs=0.5000001 * 10.0**-digits)


@given(FINITE.filter(bool), st.integers(0, 6))
def test_no_number_is_rounded_to_a_false_zero(value, digits):
    text = number(value, digits)
    assert read(text.strip("<>")) != 0


@given(SHARE)
def test_percent_is_never_a_false_none_or_all(share):
    text = percent(share)
    if share not in (0, 1):
        assert not re.fullmatch(r"(0|100)\.0+\u202f%", text)
    if not text.startswith((">", "<")):
        assert read(text) == pytest.approx(100 * share, abs=0.0500001)


@given(st.lists(st.floats(-9.99, 9.99), min_size=1), st.floats(1e-5, 1))
def test_intervals_are_written_with_two_digits_of_their_width(values, width):
    assert 10.0 ** -decimals(values, [width]) <= max(width / 10, 1e-5) * (1 + 1e-9) or width > 0.01


@pytest.mark.parametrize(
    ("seconds", "text"), [(3.83, "3.8 s"), (125, "2 min 5 s"), (7322, "2 h 2 min")]
)
def test_durations_are_said_as_people_say_them(seconds, text):
    assert duration(seconds).replace("\u202f", " ") == text


@given(st.lists(FINITE, min_size=1, max_size=6))
def test_marks_stay_inside_the_drawing_in_their_order(values):
    scale = Scale.around(values)
    places = [scale.at(value) for value in sorted(values)]
    assert places == sorted(places)
    assert all(0 <= place <= 100 for place in places)


def test_nothing_to_draw_draws_nothing():
    assert Scale.around([None, None]) is None
    assert charts.interval(None, [], "x") == ""


def test_a_histogram_shows_real_as_surface_and_synthetic_as_line():
    root = ET.fromstring(charts.histogram([0.2, 0.8], [0.4, 0.4], ["a", "b"], "two bins"))
    paths = {path.get("class"): path.get("d") for path in root.iter("path")}
    # the tallest bar reaches 4 from the top, the others in proportion
    assert paths["surface"] == "M0 100V76H1V4H2V100Z"
    assert paths["line"] == "M0 100V52H1V52H2V100"
    assert [spot.find("title").text for spot in root.iter("rect")] == ["a", "b"]


def test_an_interval_is_drawn_where_its_numbers_are():
    scale = Scale(0.0, 1.0)
    mark = Mark("synthetic", 0.5, 0.25, 0.75)
    root = ET.fromstring(charts.interval(scale, [mark], "t", reference=Mark("holdout", 1.0)))
    whisker = next(line for line in root.iter("line") if "whisker" in line.get("class"))
    middle = next(svg for svg in root.iter("svg") if svg.get("x"))
    ends = [float(whisker.get(key).rstrip("%")) for key in ("x1", "x2")]
    assert float(middle.get("x").rstrip("%")) == pytest.approx(sum(ends) / 2)
    line = next(line for line in root.iter("line") if line.get("class") == "reference")
    assert float(line.get("x1").rstrip("%")) > ends[1]


def test_a_map_draws_each_pair_once_and_darker_where_stronger():
    values = [[1, 0.0, 0.9], [0.0, 1, None], [0.9, None, 1]]
    root = ET.fromstring(charts.heat(values, ["a", "b", "<c>"], "map", top=0.9))
    cells = {path.get("class"): path.get("d").count("M") for path in root.iter("path")}
    assert cells == {"s0": 1, "s9": 1, "unknown": 1}
    assert [text.text for text in root.iter("text")] == ["a", "b", "<c>"]


def test_a_map_of_differences_tells_the_sign():
    values = [[0, 0, 0], [0.5, 0, 0], [-0.5, 0.0, 0]]
    root = ET.fromstring(charts.heat(values, list("abc"), "map", top=0.5, diverging=True))
    cells = {path.get("class"): path.get("d")[:4] for path in root.iter("path")}
    assert cells == {"p9": "M0 1", "m9": "M0 2", "p0": "M1 2"}  # column, then row


@given(st.lists(SHARE | st.none(), min_size=1, max_size=8), st.text(max_size=20))
def test_drawings_are_well_formed(shares, title):
    assume(all(c.isprintable() for c in title))
    for chart in (
        charts.histogram(shares, shares[::-1], [title] * len(shares), title),
        charts.bars(shares[0], shares[-1], 1.0, title),
        charts.heat([shares] * len(shares), [title] * len(shares), title, top=1.0),
        charts.dumbbell(Scale.around([0.0, 1.0]), shares[0], Mark("synthetic", shares[-1]), title),
    ):
        root = ET.fromstring(chart)
        assert root.find("title").text == (title or None)
        assert "nan" not in chart.replace(title, "")


def test_no_drawing_holds_a_number_that_is_none():
    assert math.isfinite(Scale.around([0.3, 0.3]).at(0.3))


def test_sentences_get_minus_signs_and_nothing_else_does():
    said = "the difference is -0.013 (-0.021 to +0.005), 1 % on 2020-01-05, row-2, classifier's"
    expected = (
        "the difference is −0.013 (−0.021 to +0.005), 1\u202f% on 2020-01-05, row-2, classifier’s"
    )
    assert prose(said) == expected
    assert visible("--seed -5") == "--seed -5"  # a command can be copied


def test_one_thing_is_no_things():
    assert [things(n, "row") for n in (0, 1, 2_000)] == ["0 rows", "1 row", "2,000 rows"]
