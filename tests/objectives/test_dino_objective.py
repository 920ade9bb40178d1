"""DINO's objective against a slow loop; collapse does not pay once the centre has seen it."""

import math

import pytest
import torch

from holdfast.objectives import dino

T = {"temperature": 0.3, "teacher_temperature": 0.2}


def outputs(views: int, images: int = 5, width: int = 6) -> torch.Tensor:
    return torch.randn(views, images, width, generator=torch.Generator().manual_seed(views), dtype=torch.float64)


def test_it_is_the_equation():
    student, teacher, centre = outputs(4), outputs(2), torch.linspace(-1, 1, 6, dtype=torch.float64)
    terms = []
    for i, large in enumerate(teacher):
        for j, view in enumerate(student):
            if i == j:
                continue
            for image in range(5):
                p = [math.exp(float(t - c) / 0.2) for t, c in zip(large[image], centre, strict=True)]
                q = [math.exp(float(s) / 0.3) for s in view[image]]
                terms.append(-sum(a / sum(p) * math.log(b / sum(q)) for a, b in zip(p, q, strict=True)))
    assert float(dino(student, teacher, centre=centre, **T)) == pytest.approx(sum(terms) / len(terms), rel=1e-12)
    assert len(terms) == 2 * 3 * 5


def test_only_the_student_carries_a_gradient():
    student, teacher = outputs(3).requires_grad_(), outputs(2).requires_grad_()
    dino(student, teacher, centre=torch.zeros(6), **T).backward()
    assert student.grad is not None and student.grad.any() and teacher.grad is None


@pytest.mark.parametrize("row", [torch.zeros(6), 5 * torch.eye(6)[0]], ids=["uniform", "one output"])
def test_collapse_is_worse_than_an_aligned_spread_once_the_centre_has_seen_it(row):
    spread, collapsed = 5 * torch.eye(6).expand(2, -1, -1), row.expand(2, 6, -1)
    found = [dino(z, z, centre=z.mean((0, 1)), **T) for z in (spread, collapsed)]
    assert float(found[0]) < 0.1 < math.log(6) - 0.1 < float(found[1])


def test_half_precision_is_computed_in_float32_and_bad_input_is_refused():
    student, teacher = outputs(3).bfloat16(), outputs(2).bfloat16()
    assert dino(student, teacher, centre=torch.zeros(6), **T).dtype == torch.float32
    with pytest.raises(ValueError, match="of at least 2 views"):
        dino(outputs(1), outputs(1), centre=torch.zeros(6), **T)
    with pytest.raises(ValueError, match=r"temperatures above 0, got 0 and 0\.2"):
        dino(student, teacher, centre=torch.zeros(6), temperature=0, teacher_temperature=0.2)
