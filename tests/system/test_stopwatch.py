import time

import pytest

from holdfast.system import Spent, about, pace, timed


def spin(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_work_is_told_from_waiting():
    waiting = timed(lambda: time.sleep(0.1), threads=1)
    assert waiting.clock >= 0.1 and waiting.own < 0.05
    working = timed(lambda: spin(0.05), threads=1)
    assert 0.05 <= working.own <= working.clock
    assert timed(lambda: time.sleep(0.01), threads=0).own >= 0.01, "elsewhere, such as on a GPU"


def test_one_slow_pass_of_several_decides_nothing():
    steady = [Spent(1.0, 1.0), Spent(1.1, 1.0), Spent(9.0, 1.0)]
    assert pace(steady).seconds == 1.1
    assert pace(steady).busy == pytest.approx(1.1)
    assert pace([Spent(2.0, 0.5)] * 3).busy == 4.0
    assert pace([Spent(1.0, 1.0)]).busy == 1.0


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (1740, 1740, "29 minutes"),
        (360, 1740, "6 to 29 minutes"),
        (40, 170, "40 s to 3 minutes"),
        (0.2, 0.2, "1 s"),
        (31, 34, "30 s"),
        (3600 * 9, 3600 * 10, "10 hours"),
        (3600 * 9, 3600 * 100, "9.0 hours to 4 days"),
        (60 * 100, 60 * 150, "100 minutes to 2.5 hours"),
    ],
)
def test_time_is_said_as_roughly_as_it_is_known(low, high, said):
    assert about(low, high) == said
