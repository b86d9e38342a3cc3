import base64
import copy
import json
import math
import re

import pytest

from abbild.images.contact_sheet import sample_pictures
from abbild.images.plans import planned_values
from abbild.images.scene.distributions import Choice, LogUniform, Uniform
from abbild.images.survey import survey
from abbild.report.pictures import render_pictures, write_pictures_report
from abbild.report.spread import columns
from tests.images.pictures import picture
from tests.report.test_page import HOSTILE, Page, leaves

LABELS = ("stop", "yield", "no overtaking")
SCENE = {"light": LogUniform(10, 1000), "tilt": Uniform(-5, 5), "sky": Choice(("clear", "fog"))}
CARD = {
    "command": ["abbild", "render", "road-signs", "-n", "90"],
    "versions": {"abbild": "0.1.0", "mitsuba": "3.9.1"},
    "licences": [{"asset": "studio.hdr", "licence": "CC0-1.0", "source": "drawn by us"}],
}
PARTS = ("images", "labels", "categories", "objects", "boxes", "visibility", "coverage", "pixels")
PARTS += ("duplicates", "checks", "findings")


def values(k):
    return {
        "/light": 10 * 100 ** ((k * 0.618034) % 1),
        "/tilt": -5 + 10 * ((k * 0.414214) % 1),
        "/sky": ("clear", "fog")[k % 2],
        "/paint": f"#{(k * 2654435) % 0xFFFFFF:06x}",
    }


def full(n=90):
    pairs = [picture(k, k % 4, LABELS[k % 3], parameters=values(k)) for k in range(n)]
    pixels = {one.file: shown for shown, one in pairs}
    found = survey(
        [one for _, one in pairs],
        [(3, "sign out of view"), (3, "sign out of view"), (997, "timeout after 60 s")],
        lambda one: pixels[one.file],
        planned=planned_values(SCENE),
        checks={
            "mask against box": {"worst": 0.0, "limit": 0.0, "unit": "px", "n": 137},
            "pose re-projection": {"worst": 0.75, "limit": 0.05, "unit": "px", "n": 137},
        },
    )
    made = {"recipe": "road-signs", "renderer": "quality", "variant": "llvm", "seed": 7}
    return {
        "title": "Signs",
        "made": made | {"seconds": 45.0},
        "survey": found,
        "samples": sample_pictures(pairs, limit=4),
    }


FULL = full()


def check(source):
    page = Page(source)
    assert len(page.ids) == len(set(page.ids))
    assert not {"script", "iframe", "link", "object", "form"} & set(page.tags)
    assert all(page.drawing), "a drawing without a title"
    for tag, key, value in page.attributes:
        assert not key.startswith("on"), (tag, key)
        if key == "src":
            assert tag == "img" and value.startswith("data:image/png;base64,")
        if key == "href":
            assert value.removeprefix("#") in page.ids, "a link leads nowhere"
    return page


def test_page_is_well_formed_and_asks_nothing_of_the_network():
    source = render_pictures(FULL, CARD)
    check(source)
    assert "://" not in source and "url(" not in source and "@import" not in source
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in source


def test_same_input_gives_the_same_bytes_and_is_left_as_it_was():
    report = copy.deepcopy(FULL)
    assert render_pictures(report, CARD) == render_pictures(FULL, copy.deepcopy(CARD))
    assert report == FULL


def test_the_first_thing_said_is_what_was_found():
    words = check(render_pictures(FULL, CARD)).words
    places = [words.index(finding["sentence"][:40]) for finding in FULL["survey"]["findings"]]
    assert places == sorted(places)
    assert places[-1] < words.index("images with labels drawn")
    assert "90 synthetic images of 128 × 96 pixels, made by the recipe road-signs" in words
    assert "with the renderer quality (llvm) in 45.0" in words
    assert "(2 images a second)" in words


def test_only_problems_are_alarms():
    source = render_pictures(FULL, CARD)
    tones = re.findall(r'<li class="(\w+)">', source)
    levels = {"problem": "alarm", "note": "unsure", "fine": "plain"}
    assert tones == [levels[finding["level"]] for finding in FULL["survey"]["findings"]]


def test_samples_are_shown_whole():
    page = check(render_pictures(FULL, CARD))
    shown = [value for tag, key, value in page.attributes if (tag, key) == ("img", "src")]
    assert shown == [f"data:image/png;base64,{one['png']}" for one in FULL["samples"]]
    assert all(value for tag, key, value in page.attributes if (tag, key) == ("img", "alt")), (
        "a picture without words"
    )


def test_categories_are_shown_with_their_objects():
    words = check(render_pictures(FULL, CARD)).words
    for row in FULL["survey"]["categories"]["counts"]:
        assert re.search(rf"{row['name']} {row['objects']:,}\b", words)


@pytest.mark.parametrize("part", ["labels", "checks", "images", "duplicates"])
def test_every_whole_number_is_shown(part):
    words = check(render_pictures(FULL, CARD)).words
    for value in leaves(FULL["survey"][part]):
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            assert f"{value:,}" in words, value


def test_self_checks_stand_with_their_limits_the_broken_ones_first():
    words = check(render_pictures(FULL, CARD)).words
    table = words[words.index("Check Worst") : words.index("Reason an attempt")]
    assert re.search(r"pose re-projection 0\.75\W+px 0\.05\W+px 137 failed", table)
    assert re.search(r"mask against box 0\W+px 0\W+px 137 held", table)
    assert table.index("failed") < table.index("held")


def test_coverage_names_the_plan_and_the_distance():
    words = check(render_pictures(FULL, CARD)).words
    for parameter in FULL["survey"]["coverage"]["parameters"]:
        assert parameter["path"] in words
        if "distance" in parameter:
            assert f"distance {parameter['distance']:.3f}" in words
    assert "planned 10 to 1,000, log-uniform" in words and "planned −5 to 5" in words


def test_columns_are_as_high_as_their_shares():
    drawing = columns([0.5, 0.25, 0.0], ("a", "b", "c"), "t", planned=[0.25, 0.25, 0.5])
    assert 'd="M0.06 100V4H0.94V100zM1.06 100V52H1.94V100z"' in drawing
    assert 'd="M0 52H1V52H2V4H3"' in drawing
    assert columns((), (), "t") == ""


@pytest.mark.parametrize("part", PARTS)
def test_a_page_without_a_part_says_so_or_leaves_it_out(part):
    for gone in ({}, None, [], "nothing", 7):
        report = {**FULL, "survey": {**FULL["survey"], part: gone}}
        check(render_pictures(report, CARD))
    report = {**FULL, "survey": {k: v for k, v in FULL["survey"].items() if k != part}}
    check(render_pictures(report, CARD))


@pytest.mark.parametrize("report", [{}, dict.fromkeys(FULL), {"survey": 3, "samples": "x"}])
def test_an_empty_report_is_still_a_page(report):
    source = render_pictures(report, {})
    check(source)
    assert source.count('class="missing"') >= 9


@pytest.mark.parametrize("reason", ["sign out of view", "timeout after 60 s"])
def test_failures_are_listed_by_reason(reason):
    assert reason in check(render_pictures(FULL, CARD)).words


@pytest.mark.parametrize("nasty", HOSTILE)
def test_hostile_names_stay_text(nasty):
    pairs = [picture(k, 2, nasty, labels=(nasty,), parameters={nasty: nasty}) for k in range(3)]
    found = survey(
        [one for _, one in pairs],
        [(9, nasty)],
        planned={"labels": [nasty, nasty + "x"]},
        checks={nasty: {"worst": 1, "limit": 0, "unit": nasty}},
    )
    samples = [dict(one, file=nasty, caption=nasty) for one in sample_pictures(pairs)]
    made = dict.fromkeys(("recipe", "renderer", "variant", "seed"), nasty)
    report = {"title": nasty, "made": made, "notes": [nasty], "survey": found, "samples": samples}
    card = {"licences": {nasty: nasty}, "versions": {nasty: nasty}, "command": [nasty]}
    source = render_pictures(report, card)
    page = check(source)
    assert page.tags.count("img") == 3
    assert "\u202e" not in source and "\x00" not in source
    assert len(source) < 900_000


@pytest.mark.parametrize(
    "png",
    [
        None,
        3,
        "",
        "x",
        "javascript:alert(1)",
        '"><script>',
        base64.b64encode(b"GIF89a" * 9).decode(),
    ],
)
def test_only_pictures_are_embedded(png):
    samples = [{**FULL["samples"][0], "png": png}, FULL["samples"][1]]
    page = check(render_pictures({**FULL, "samples": samples}, CARD))
    assert page.tags.count("img") == 1


def test_the_page_stays_bounded():
    samples = FULL["samples"] * 40
    assert check(render_pictures({**FULL, "samples": samples}, CARD)).tags.count("img") == 24
    many = {f"/parameter/{k}/strength": float(k % 7) for k in range(700)}
    found = survey([picture(k, 0, f"class {k}", parameters=many)[1] for k in range(150)])
    source = render_pictures({"survey": found}, CARD)
    words = check(source).words
    assert len(source) < 500_000
    assert "The 120 rarest of 150 classes" in words


def test_what_asks_to_be_looked_at_comes_first():
    rows = [{f"/p{j:03d}": float(k % 9) for j in range(90)} | {"/zzz": 4.0} for k in range(30)]
    found = survey([picture(k, 0, parameters=row)[1] for k, row in enumerate(rows)])
    words = check(render_pictures({"survey": found}, CARD)).words
    assert "60 of 91 drawn parameters" in words
    assert words.index("always 4 in 30 values") < words.index("/p000")


def test_what_is_not_a_number_is_no_number():
    report = copy.deepcopy(FULL)
    report["survey"]["objects"]["mean"] = math.nan
    number = next(p for p in report["survey"]["coverage"]["parameters"] if "shares" in p)
    number["min"], number["shares"][0] = math.inf, math.nan
    assert not re.search(r"\b(nan|inf)\b", check(render_pictures(report, CARD)).words)


def test_files_hold_the_numbers_and_the_pictures_are_in_the_page_alone(tmp_path):
    write_pictures_report(FULL, CARD, tmp_path)
    kept = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert kept["survey"] == json.loads(json.dumps(FULL["survey"]))
    assert [set(one) for one in kept["samples"]] == [set(FULL["samples"][0]) - {"png"}] * 4
    assert json.loads((tmp_path / "card.json").read_text(encoding="utf-8")) == CARD
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page == render_pictures(FULL, CARD)
    check(render_pictures(kept, CARD))
