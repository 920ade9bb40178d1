"""How far features may move from a teacher's: FARE (arXiv:2402.12336) and LORE's constraint (2505.18884)."""

from torch import Tensor

from holdfast.objectives.forgetting import reversed_gradient


def squared_shift(features: Tensor, teacher: Tensor) -> Tensor:
    """[n]: squared distance of features [n, dim] from a teacher's, as given, summed over dimensions."""
    return (features - teacher).square().sum(1)


def lore(attacked: Tensor, clean: Tensor, teacher: Tensor, *, weight: Tensor, slack: float) -> Tensor:
    """The mean over images of |attacked - teacher|² + weight · (|clean - teacher|² - slack · |teacher|²).

    All [n, dim] but weight [n]. Gradient descent lowers it in the features and, its gradient being reversed there,
    raises it in the weight, which so grows where clean features lie farther away than the slack lets them.
    """
    beyond = squared_shift(clean, teacher) - slack * teacher.square().sum(1)
    return (squared_shift(attacked, teacher) + reversed_gradient(weight, weight=1.0) * beyond).mean()
