"""Processes that share a measurement, here as threads of one, each with a place of its own in a gloo group."""

import pytest
import torch
from crews import at_once, crews

from holdfast.distributed import ALONE, LostError


@pytest.mark.parametrize("size", [1, 2, 3])
def test_every_process_has_all_pieces_in_their_order_and_each_was_done_once(size):
    done = []

    def work(piece: int) -> torch.Tensor:
        done.append(piece)
        return torch.arange(piece, dtype=torch.float64)

    members = [ALONE] if size == 1 else crews(size)
    for found in at_once(lambda crew: crew.spread([3, 0, 2, 5], work), members):
        assert [part.tolist() for part in found] == [[0, 1, 2], [], [0, 1], [0, 1, 2, 3, 4]]
    assert sorted(done) == [0, 2, 3, 5]


def test_there_may_be_fewer_pieces_than_processes():
    for found in at_once(lambda crew: crew.spread([7], lambda piece: torch.tensor([piece])), crews(3)):
        assert [part.tolist() for part in found] == [[7]]
    assert at_once(lambda crew: crew.spread([], torch.tensor), crews(2)) == [[], []]


def test_columns_of_any_kind_arrive_as_they_were_sent():
    sent = {"a/b": torch.tensor([True, False]), "c": torch.full((2, 3), torch.nan), "d": torch.tensor(5)}
    for found in at_once(lambda crew: crew.spread_columns([0, 1], lambda piece: sent), crews(2)):
        for columns in found:
            assert set(columns) == set(sent)
            for name, value in sent.items():
                torch.testing.assert_close(columns[name], value, rtol=0, atol=0, equal_nan=True)


def test_what_a_clock_or_a_folder_decides_is_the_firsts():
    assert at_once(lambda crew: crew.agreed({"seconds": crew.rank}), crews(3)) == [{"seconds": 0}] * 3
    found = at_once(lambda crew: crew.of_first({"x": torch.tensor([crew.rank])}), crews(2))
    assert [columns["x"].tolist() for columns in found] == [[0], [0]]
    assert at_once(lambda crew: crew.of_first({}), crews(2)) == [{}, {}]


def test_one_of_several_failures_is_told():
    assert sorted(at_once(lambda crew: crew.fails_first(), crews(3))) == [False, False, True]
    assert ALONE.fails_first()


def test_who_waits_for_one_that_is_gone_is_told_in_one_line():
    first, second = crews(2)
    del second
    with pytest.raises(LostError, match="expected all 2 processes to the end, got one that ended"):
        first.wait()
