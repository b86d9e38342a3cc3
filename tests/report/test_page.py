import copy
import json
import math
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abbild.report import Report, render, write_report
from abbild.report.content import plain
from abbild.report.figures import number, percent
from tests.report.samples import CARD, full, score, without

VOID = {"meta", "br", "col", "link", "img", "hr", "input"}
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></title><b>",
    "{{ 7 * 7 }}{% raw %}",
    "عمود من اليمين",
    "\u202eoops",
    "👩‍👩‍👧‍👦",
    "Straße_und_Größe",
    "x" * 10_000,
    "",
    "a\x00b\nc",
    "\ud800",
]


class Page(HTMLParser):
    """Reads a page strictly: tags balance, and what matters is kept."""

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.attributes, self.ids, self.text = [], [], [], [], []
        self.nameless, self.drawing = 0, []
        self.feed(source)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, key, value or "") for key, value in attrs]
        self.ids += [value for key, value in attrs if key == "id"]
        if tag == "svg" and not {"svg"} & set(self.open):
            self.drawing.append("aria-hidden" in dict(attrs))
        if tag == "title" and "svg" in self.open:
            self.drawing[-1] = True
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> in the wrong place"

    def handle_data(self, data):
        if "style" not in self.open and "svg" not in self.open:
            self.text.append(data)

    @property
    def words(self):
        return re.sub(r"\s+", " ", " ".join(self.text))


def check(source):
    page = Page(source)
    assert len(page.ids) == len(set(page.ids))
    assert "script" not in page.tags
    assert all(page.drawing), "a drawing without a title"
    for tag, key, value in page.attributes:
        assert not key.startswith("on"), (tag, key)
        assert key not in ("src", "action", "srcset", "style") or "url" not in value
        if key == "href":
            assert value.removeprefix("#") in page.ids, "a link leads nowhere"
    return page


def leaves(value):
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]


def test_page_is_well_formed_and_asks_nothing_of_the_network():
    source = render(full(), CARD)
    check(source)
    assert "://" not in source
    assert "url(" not in source
    assert "@import" not in source
    assert "default-src 'none'" in source


def test_same_input_gives_the_same_bytes():
    assert render(full(), CARD) == render(copy.deepcopy(full()), copy.deepcopy(CARD))


def test_input_is_left_as_it_was():
    report = full()
    render(report, CARD)
    assert report == full()


def test_every_score_is_shown_with_interval_baseline_and_records():
    words = check(render(full(), CARD)).words
    for arm in full()["arms"]:
        assert arm["label"] in words
        for entry in arm["scores"]:
            shown = [
                {number(entry[key], digits) for digits in (3, 4, 5)}
                for key in ("value", "low", "high", "baseline")
            ]
            assert all(any(text in words for text in options) for options in shown), entry
    assert "5,417" in words


@pytest.mark.parametrize(
    "part", ["detection", "utility", "ranking", "attacks", "copies", "rules", "columns", "tails"]
)
def test_every_number_of_the_evidence_is_shown(part):
    words = check(render(full(), CARD)).words
    for value in leaves(full()["evidence"][part]):
        if isinstance(value, int):
            assert f"{value:,}" in words
        if isinstance(value, float):
            options = {number(value, digits) for digits in (0, 1, 2, 3, 4)}
            options |= {percent(value), percent(value / 100)}
            assert any(option in words for option in options), value


def test_pairs_that_differ_most_are_named_with_their_numbers():
    report = full()
    report["evidence"]["dependence"]["synthetic"][3][1] = 0.0321
    report["evidence"]["dependence"]["synthetic"][4][2] = 0.9876
    words = check(render(report, CARD)).words
    first = r"column 4 +column 2 +0\.267 +0\.988 +0\.721 +"
    assert re.search(first + r"column 3 +column 1 +0\.267 +0\.032 +−0\.235", words)


@pytest.mark.parametrize("part", list(full()["evidence"]))
def test_a_missing_part_says_so(part):
    words = check(render(without(part), CARD)).words
    if part not in ("columns", "tails", "missing"):  # these only add to a section
        assert "Not computed: this run did not include it." in words


def test_a_missing_part_says_why():
    report = without("attacks")
    report["arms"][0]["scores"] = [
        {**score("membership", math.nan, None), "status": "not computed", "reason": "no holdout"}
    ]
    words = check(render(report, CARD)).words
    assert "Not computed: no holdout" in words
    assert words.count("no holdout") >= 3  # beside the score, in its section, under "not tested"


@pytest.mark.parametrize("value", [math.nan, 0.0])
def test_a_score_that_was_not_computed_is_no_zero(value):
    report = full()
    report["arms"] = report["arms"][:1]
    report["arms"][0]["scores"] = [
        {**score("fidelity.tails", value, math.nan), "n": 0, "status": "not computed"}
    ]
    words = check(render(report, CARD)).words
    row = words[words.index("Distance of the tails") : words.index("Distributions, column")]
    assert "Not computed" in row
    assert "0.0" not in row.split("this proxy", 1)[1]


def test_an_inconclusive_score_keeps_its_number_and_says_so():
    report = full()
    report["arms"][0]["scores"][0] |= {"status": "inconclusive", "reason": "only 40 people"}
    words = check(render(report, CARD)).words
    assert "Too weak to say: only 40 people" in words
    assert "0.8731" in words or "0.873" in words


@pytest.mark.parametrize("report", [{}, dict.fromkeys(full()), {"arms": 3, "evidence": []}])
def test_an_empty_report_is_still_a_page(report):
    words = check(render(report, {})).words
    assert words.count("Not computed") >= 8
    assert "What did the attacks find?" in words


def test_an_audit_without_holdout_says_there_is_no_control():
    report = full() | {"kind": "audit", "made": None}
    report["rows"]["holdout"] = None
    words = check(render(report, {})).words
    assert "made elsewhere" in words
    assert "no control" in words
    assert "these rows" in words


def test_first_page_answers_in_words_and_does_not_repeat_them():
    words = check(render(full(), CARD)).words
    first = words[: words.index("All scores Each score")]
    assert "13,003 synthetic rows of 6 columns, made by the engine trees (preset default)" in first
    assert "6,502 real rows were held out" in first
    assert first.lower().count("no leak found by these attacks") == 1
    assert "Privacy sentence (0.5 to 0.6)." in first
    assert "Several rows per person were allowed." in first


def test_only_bad_news_is_coloured():
    source = render(full(), CARD)
    tones = dict(re.findall(r'class="answer (\w+)" id="(\w+)"', source))
    assert tones["alarm"] == "overfit"
    assert "good" not in tones
    assert set(tones) <= {"alarm", "plain", "unsure"}


@pytest.mark.parametrize("nasty", HOSTILE)
def test_hostile_names_stay_text(nasty):
    report = json.loads(json.dumps(full()).replace("column 3", "REPLACED"))
    report = spoil(report, nasty) | {"title": nasty, "notes": [nasty]}
    source = render(report, {"command": [nasty], nasty: {"key": nasty}})
    page = check(source)
    assert "img" not in page.tags
    assert "\u202e" not in source
    assert "\x00" not in source
    assert "49" not in page.words or "{{ 7 * 7 }}" in page.words or nasty != HOSTILE[3]
    assert len(source) < 400_000


def spoil(value, nasty):
    if isinstance(value, dict):
        return {key: spoil(item, nasty) for key, item in value.items()}
    if isinstance(value, list):
        return [spoil(item, nasty) for item in value]
    return nasty if value == "REPLACED" else value


def test_fifty_columns_fit_in_a_megabyte():
    assert len(render(full(50), CARD).encode()) < 700_000


def test_of_two_thousand_columns_the_sixty_that_differ_most_are_shown():
    report = full(60)
    report["evidence"]["marginals"] = [
        {
            **copy.copy(full(1)["evidence"]["marginals"][0]),
            "column": f"c{k:04d}",
            "distance": k / 2e3,
        }
        for k in range(2_000)
    ]
    report["columns"] = [{"name": f"c{k:04d}", "kind": "number"} for k in range(2_000)]
    source = render(report, CARD)
    words = check(source).words
    assert "The 60 of 2,000 columns that differ most are shown" in words
    assert "c1999" in words
    assert words.index("c1999") < words.index("c1998") < words.index("c1940")
    assert "c1939" not in words
    assert len(source.encode()) < 1_000_000


def test_several_engines_are_rows_of_the_same_table():
    report = full()
    rival = copy.deepcopy(report["arms"][0]) | {"name": "copula", "label": "engine copula"}
    report["arms"].append(rival)
    heads = re.findall(r'role="rowheader"><bdi>(.*?)</bdi>', render(report, CARD))
    expected = [report["arms"][0], rival, *report["arms"][1:-1]]
    assert heads[:5] == [arm["label"] for arm in expected]


def test_evidence_of_an_added_metric_is_not_dropped():
    report = full()
    report["evidence"]["sundial"] = {"shadow": {"length": 0.3317}}
    words = check(render(report, CARD)).words
    assert "sundial, shadow, length 0.332" in words


def test_reproduction_names_command_seed_and_hashes():
    words = check(render(full(), CARD)).words
    assert (
        "abbild proxy adult.csv --engine trees --preset default -n 13003 --holdout 0.2 "
        "--seed 11 -o OUT" in words
    )
    assert "c0ffee" in words
    assert "left to schema.yaml" not in words
    without_control = {**CARD, "recipe": {**CARD["recipe"], "holdout": None}}
    assert "--holdout none" in check(render(full(), without_control)).words


def test_attacks_say_who_attacks_what_they_reach_and_could_have_seen():
    words = check(render(full(), CARD)).words
    row = words[words.index("membership, everyone An attacker") :]
    cells = (
        "An attacker who has the synthetic rows.",
        "no leak found by these attacks",
        "0.514 0.503 to 0.526 without a leak 0.500",
        "1.7 % 1.3 % to 2.3 %",
        "An AUC of 0.531 would have been seen.",
    )
    places = [row.index(cell) for cell in cells]
    assert places == sorted(places)


def test_copies_stand_beside_those_of_fresh_rows():
    words = check(render(full(), CARD)).words
    assert re.search(r"Equal to a training row in every column +0\.04 % +0\.06 %", words)
    assert re.search(r"nearest 2 % of held-out rows are +1\.9 %", words)


def test_rare_levels_are_summed_not_dropped():
    report = full()
    bars = report["evidence"]["marginals"][1]
    assert (bars["kind"], len(bars["labels"])) == ("category", 12)
    words = check(render(report, CARD)).words
    real = percent(sum(bars["real"][:6]))[:-2]  # the first ones are the rarest
    synthetic = percent(sum(bars["synthetic"][:6]))[:-2]
    assert real != synthetic
    assert re.search(rf"6 further levels +{real} % +{synthetic} %", words)


def test_models_that_change_places_are_seen():
    report = full()
    report["evidence"]["ranking"]["models"][0]["synthetic"] = 0.871
    words = check(render(report, CARD)).words
    assert re.search(r"boosting +0\.917 +0\.871 +0?\S* *1 → 2", words)
    assert re.search(r"logistic +0\.893 +0\.889 +0?\S* *2 → 1", words)


def test_copies_are_labelled_as_no_evidence():
    words = check(render(full(), CARD)).words
    assert "Diagnostics, not evidence of anonymity." in words


def test_missing_values_are_taken_off_the_axis():
    report = full()
    bars = report["evidence"]["marginals"][0]
    bars["labels"] += ["other", "missing"]
    bars["real"] += [0.0, 0.25]
    bars["synthetic"] += [0.0, 0.2719]
    words = check(render(report, CARD)).words
    assert "missing: real 25.0 %, synthetic 27.2 %" in words
    assert "other: real" not in words


JUNK = st.sampled_from([None, math.nan, math.inf, -1e308, 0, "", "x", [], {}, [None], True, [[1]]])


@settings(max_examples=40)
@given(st.data())
def test_whatever_is_broken_the_page_stands(data):
    report = full(3)
    for _ in range(data.draw(st.integers(1, 6))):
        node = report
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            deeper = isinstance(node[key], dict | list) and node[key]
            if not deeper or data.draw(st.booleans()):
                node[key] = data.draw(JUNK)
                break
            node = node[key]
    check(render(report, CARD))


def test_a_written_report_is_whole_and_comes_back(tmp_path):
    report = full()
    report["arms"][0]["scores"][0]["baseline"] = math.nan
    write_report(report, CARD, tmp_path / "run")
    names = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert names == ["card.json", "report.html", "report.json"]
    stored = json.loads((tmp_path / "run" / "report.json").read_text(encoding="utf-8"))
    assert stored["arms"][0]["scores"][0]["baseline"] is None
    loaded = Report.load(tmp_path / "run")
    assert loaded.content == stored == plain(report)
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert page == loaded.html()
    assert str(loaded).startswith("useful: yes.")
    loaded.save(tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == page


def test_a_folder_without_a_report_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"report\.json"):
        Report.load(tmp_path)
