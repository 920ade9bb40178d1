"""FNC: SimCLR that cancels each image's likeliest false negatives, more of them as it learns (arXiv:2207.10862)."""

from dataclasses import dataclass

from torch import Tensor

from holdfast.config import MethodConfig, RunConfig, require
from holdfast.methods.base import Method, Views, joint_embeddings
from holdfast.objectives import cancelling_nt_xent


@dataclass(frozen=True, kw_only=True)
class FNCConfig(MethodConfig):
    """FNC's own settings."""

    temperature: float = 0.2
    """Divides cosine similarities."""
    cancel_share: float = 0.1
    """Share of the other images of a batch that are cancelled in the end: with 10 even classes a tenth are false."""
    cancel_epochs: int = 100
    """Epochs over which the share grows from 0."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.temperature > 0, "temperature > 0", self.temperature, "SimCLR and SDCLR use 0.2 to 0.5")
        require(0 <= self.cancel_share < 1, "cancel_share in [0, 1)", self.cancel_share, "0 is SimCLR")
        require(self.cancel_epochs >= 1, "cancel_epochs >= 1", self.cancel_epochs, "the share grows over them")

    def caution(self, run: RunConfig) -> str | None:
        if run.epochs > self.cancel_epochs:
            return None
        reached = self.cancel_share * (run.epochs - 1) / self.cancel_epochs
        shorter = f"--cancel-epochs {run.epochs // 2} or " if run.epochs > 1 else ""
        return (
            f"--cancel-epochs {self.cancel_epochs} with --epochs {run.epochs}: {100 * reached:.2g} % of the other "
            f"images are cancelled in the end and not {100 * self.cancel_share:g} %; use {shorter}more epochs"
        )

    def cancelled(self, images: int, epoch: int) -> int:
        """How many of the other images of a batch are cancelled in an epoch, counted from 0; one is always left."""
        share = self.cancel_share * min(1.0, epoch / self.cancel_epochs)
        return max(0, min(images - 2, round(share * (images - 1))))


class FNC(Method):
    """NT-Xent between two views, without the other images that are most like each one."""

    Config = FNCConfig
    purpose = "contrast"

    def loss(self, views: Views) -> Tensor:
        z1, z2 = joint_embeddings(self.network, views.images)
        cancelled = self.config.cancelled(len(z1), views.batch.epoch)
        return cancelling_nt_xent(z1, z2, temperature=self.temperature, cancelled=cancelled)
