"""Progress is a log record; who hears it is decided elsewhere."""

import logging
import sys
from types import SimpleNamespace

import pytest

from abbild.core import progress, track


@pytest.fixture
def events(caplog):
    caplog.set_level(logging.INFO, "abbild.progress")
    return lambda: [(r.stage, r.done, r.total) for r in caplog.records]


def test_items_pass_through_with_a_first_and_a_last_word(events):
    assert list(track(range(3), "fit")) == [0, 1, 2]
    assert events() == [("fit", 0, 3), ("fit", 3, 3)]


def test_nothing_to_do_is_done(events):
    assert list(track([], "fit")) == []
    assert events() == [("fit", 0, 0), ("fit", 0, 0)]


def test_a_stream_says_how_long_it_will_be(events):
    assert list(track(iter("abc"), "read", 3)) == ["a", "b", "c"]
    assert events()[-1] == ("read", 3, 3)


def test_at_most_two_words_a_second(events, monkeypatch):
    clock = iter([k / 10 for k in range(1000)])
    ours = sys.modules[track.__module__]
    monkeypatch.setattr(ours, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    list(track(range(30), "fit"))
    assert [done for _, done, _ in events()] == [0, 5, 10, 15, 20, 25, 30]


def test_work_that_stopped_is_not_said_to_be_done(events):
    with pytest.raises(ZeroDivisionError):
        for item in track([1, 0], "divide"):
            _ = 1 / item
    assert ("divide", 2, 2) not in events()


def test_one_word_carries_its_seconds(caplog):
    caplog.set_level(logging.INFO, "abbild.progress")
    progress("draw", 2, 4, 1.5)
    (record,) = caplog.records
    assert (record.getMessage(), record.seconds) == ("draw 2/4", 1.5)


def test_nobody_who_does_not_listen_hears(capsys):
    list(track(range(3), "fit"))
    assert capsys.readouterr() == ("", "")
