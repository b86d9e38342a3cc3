"""Every executor is the same ordered map, whatever happens to its workers."""

import math
import os
import signal
import subprocess
import sys
import time
from itertools import count, islice
from pathlib import Path
from pickle import PicklingError

import pytest

from abbild.core import NotEnoughDataError, WorkerLostError
from abbild.execute import Processes, Serial, executor


@pytest.fixture(scope="module")
def processes():
    with Processes(2) as pool:
        yield pool


@pytest.fixture(params=["serial", "processes"])
def anywhere(request):
    return Serial() if request.param == "serial" else request.getfixturevalue("processes")


def scaled(item, *, factor):
    return item * factor


def slow_at_the_front(item):
    time.sleep(0.2 if item == 0 else 0)
    return item


def identity(item, **_):
    return item


def refuse(item):
    raise NotEnoughDataError(f"row {item} is alone", hint="bring a friend")


def refuse_third(item):
    return item if item != 2 else 1 / 0


def die(item):
    os.kill(os.getpid(), signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)


def mark(item, *, folder):
    (folder / str(item)).touch()
    time.sleep(0.02)


class Countable:
    """Knows how often it was unpickled in this process."""

    loads = 0

    def __reduce__(self):
        return _loaded, ()


def _loaded():
    Countable.loads += 1
    return Countable()


def loads(_, *, thing):
    return os.getpid(), Countable.loads


def test_results_come_in_order_with_what_is_shared(anywhere):
    assert list(anywhere.map(scaled, range(20), shared={"factor": 3})) == list(range(0, 60, 3))
    assert list(anywhere.map(slow_at_the_front, range(8))) == list(range(8))
    assert list(anywhere.map(abs, [])) == []


def test_items_may_be_endless_because_few_are_in_flight(anywhere):
    assert list(islice(anywhere.map(math.sqrt, count()), 3)) == [0, 1, math.sqrt(2)]


def test_few_items_are_taken_ahead_of_the_results(anywhere):
    taken = []
    results = anywhere.map(abs, (taken.append(k) or k for k in range(1000)))
    for _ in range(3):
        next(results)
    assert len(taken) <= 3 + 2 * 2  # two ahead for each of two workers
    results.close()


def test_our_errors_arrive_as_ours_with_their_hint(anywhere):
    with pytest.raises(NotEnoughDataError, match="row 5 is alone") as caught:
        list(anywhere.map(refuse, [5]))
    assert caught.value.hint == "bring a friend"


def test_what_was_done_before_an_error_is_kept_and_the_rest_is_not_started(anywhere):
    got = []
    with pytest.raises(ZeroDivisionError):
        for value in anywhere.map(refuse_third, count()):
            got.append(value)
    assert got == [0, 1]


def test_two_maps_can_run_at_once(anywhere):
    pairs = zip(
        anywhere.map(scaled, range(9), shared={"factor": 1}),
        anywhere.map(scaled, range(9), shared={"factor": -1}),
        strict=True,
    )
    assert all(a == -b for a, b in pairs)


def test_what_is_shared_is_sent_once_to_each_worker(processes):
    found = dict(processes.map(loads, range(40), shared={"thing": Countable()}))
    assert set(found.values()) == {1}
    assert os.getpid() not in found


def test_workers_stay_warm_between_maps(processes):
    def pids():
        return {pid for pid, _ in processes.map(loads, range(40), shared={"thing": None})}

    assert len(pids() | pids()) <= 2


def test_a_function_no_worker_can_find_is_refused_at_once(processes):
    with pytest.raises((AttributeError, PicklingError), match="lambda"):
        list(processes.map(lambda item: item, [1]))


def test_a_killed_worker_is_one_clear_error_and_the_executor_recovers():
    with Processes(2) as pool:
        with pytest.raises(WorkerLostError, match="worker processes was killed") as caught:
            list(pool.map(die, range(4)))
        assert "fewer workers" in caught.value.hint
        assert list(pool.map(abs, [-1, -2])) == [1, 2]


def test_giving_up_cancels_what_has_not_started(processes, tmp_path):
    results = processes.map(mark, range(1000), shared={"folder": tmp_path})
    next(results)
    results.close()
    list(processes.map(abs, range(4)))  # whatever was running has ended before these
    assert len(list(tmp_path.iterdir())) < 20


def test_no_temporary_file_is_left(processes, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    list(processes.map(scaled, range(4), shared={"factor": 2}))
    assert list(tmp_path.iterdir()) == []


ORPHANS = """
import os, sys, time
from abbild.execute import Processes

def pid(item):
    time.sleep(0.05)
    return os.getpid()

if __name__ == "__main__":
    pool = Processes(2)
    print(*set(pool.map(pid, range(8))), flush=True)
    os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_workers_do_not_outlive_a_killed_parent(tmp_path):
    script = tmp_path / "main.py"
    script.write_text(ORPHANS)
    said = tmp_path / "pids"  # a file: a pipe would stay open as long as a worker lives
    with said.open("w") as out:
        killed = subprocess.run([sys.executable, script], stdout=out, check=False, timeout=60)
    pids = [int(word) for word in said.read_text().split()]
    assert pids
    assert killed.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 5
    while any(map(_alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    left = [pid for pid in pids if _alive(pid)]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left


def _alive(pid):
    status = Path(f"/proc/{pid}/stat")
    if status.exists():
        return status.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return not Path("/proc").exists()


def test_one_worker_needs_no_process():
    assert isinstance(executor(1), Serial)
    with executor(2) as pool:
        assert isinstance(pool, Processes)
    with pytest.raises(ValueError, match="at least one worker is needed, got 0"):
        executor(0)
