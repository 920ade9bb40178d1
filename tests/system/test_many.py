"""A function on several items, in processes of their own."""

import os
import signal
import time

import pytest
from side_jobs import facts, fails_beside_a_long_one, killed

from holdfast.system import side_by_side


def test_every_item_has_its_result_from_a_process_of_one_thread():
    before = os.environ.get("OMP_NUM_THREADS")
    results, threads, processes = zip(*side_by_side(facts, [1, 2, 3], 2), strict=True)
    assert sorted(results) == [1, 4, 9]
    assert set(threads) == {"1"}
    assert os.getpid() not in processes
    assert os.environ.get("OMP_NUM_THREADS") == before


def test_an_error_arrives_and_what_runs_beside_it_is_ended(tmp_path):
    started = time.monotonic()
    with pytest.raises(ValueError, match="expected two, got one"):
        list(side_by_side(fails_beside_a_long_one, [tmp_path / "short", tmp_path / "long"], 2))
    assert time.monotonic() - started < 50
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "long").read_text()), 0)


def test_a_process_that_is_killed_is_told_with_a_remedy():
    with pytest.raises(ChildProcessError, match="got one that was killed; where memory is short"):
        list(side_by_side(killed, [1], 1))


def test_sigterm_interrupts_and_says_its_number():
    def ended_after_the_first() -> None:
        for _ in side_by_side(facts, [1, 2], 1):
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt) as caught:
        ended_after_the_first()
    assert getattr(caught.value, "number", None) == signal.SIGTERM
