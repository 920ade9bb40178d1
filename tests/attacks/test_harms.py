import torch

from holdfast.attacks import HARMS, cosine_distance, cross_entropy, l2_distance, margin, targeted
from holdfast.attacks.harms import reached, wrong

LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.0, 3.0, 1.0], [1.0, 1.0, 0.0]], dtype=torch.float64)
LABELS = torch.tensor([0, 2, 1])


def test_harms_are_known_by_hand():
    torch.testing.assert_close(margin(LOGITS, LABELS), torch.tensor([-2.0, 2.0, 0.0], dtype=torch.float64))
    by_hand = -torch.stack([row.log_softmax(0)[label] for row, label in zip(LOGITS, LABELS, strict=True)])
    torch.testing.assert_close(cross_entropy(LOGITS, LABELS), by_hand)
    torch.testing.assert_close(targeted(LOGITS, LABELS), -by_hand)


def test_distances_are_known_by_hand():
    clean = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 4.0]], dtype=torch.float64)
    moved = torch.tensor([[0.0, 5.0], [0.0, -1.0], [3.0, 4.0]], dtype=torch.float64)
    torch.testing.assert_close(cosine_distance(moved, clean), torch.tensor([1.0, 2.0, 0.0], dtype=torch.float64))
    torch.testing.assert_close(l2_distance(moved, clean), torch.tensor([26**0.5, 3.0, 0.0], dtype=torch.float64))


def test_a_positive_margin_is_a_wrong_answer():
    assert torch.equal(margin(LOGITS, LABELS) > 0, torch.tensor([False, True, False]))
    assert wrong(LOGITS, LABELS).tolist() == [False, True, True]  # of equal logits the first counts as the answer
    assert reached(LOGITS, torch.tensor([1, 1, 0])).tolist() == [False, True, True]


def test_harms_measure_row_by_row():
    references = {"cosine": LOGITS.flip(0), "l2": LOGITS.flip(0)}
    for name, harm in HARMS.items():
        held = references.get(name, LABELS)
        alone = torch.cat([harm(LOGITS[i : i + 1], held[i : i + 1]) for i in range(3)])
        torch.testing.assert_close(harm(LOGITS, held), alone)
