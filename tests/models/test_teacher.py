"""A teacher follows its network, and is never trained."""

import pytest
import torch
from torch import nn

from holdfast.models import Teacher, rising


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def test_it_starts_as_the_network_and_carries_no_gradient():
    student = network()
    teacher, x = Teacher(student), torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(teacher(x), student(x).detach())
    assert not teacher(x).requires_grad
    assert [p for p in teacher.parameters() if p.requires_grad] == []


@pytest.mark.parametrize("momentum", [0.0, 0.9, 1.0])
def test_it_follows_by_the_momentum(momentum):
    student = network()
    teacher = Teacher(student)
    before = [p.clone() for p in teacher.parameters()]
    with torch.no_grad():
        for p in student.parameters():
            p.add_(1.0)
    teacher.follow(student, momentum=momentum)
    for own, old, new in zip(teacher.parameters(), before, student.parameters(), strict=True):
        torch.testing.assert_close(own, momentum * old + (1 - momentum) * new.detach())


def test_the_momentum_rises_to_one_by_half_a_cosine():
    assert rising(0.99, 0.0) == pytest.approx(0.99)
    assert rising(0.99, 0.5) == pytest.approx(0.995)
    assert rising(0.99, 1.0) == 1.0
