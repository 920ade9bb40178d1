"""What a load decided: network, weights, input, normalisation, pooling; shown on every load, recorded in findings."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

_SHOWN = 6
"""Names of one kind that a line shows, at most."""


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """All that was read or decided when an encoder was loaded, as plain values."""

    source: str
    """The source as the user wrote it."""
    layout: str
    """What the source was recognised as."""
    network: str
    """Name of the network, with its sizes where the name does not tell them."""
    weights: Literal["trained", "random"]
    matched: int
    """Tensors of the network that the source filled."""
    tensors: int
    """Tensors of the network."""
    left_out: Sequence[str] = ()
    """Names, or beginnings of names, in the source that are no part of the encoder."""
    copy: str = ""
    """Which of several networks in the source was taken, and by what rule."""
    image_size: int
    """Pixels a side."""
    size_from: str
    positions: str = ""
    """How position embeddings were brought to that size; '' where they were not."""
    resize: str = ""
    """How the authors' test images were brought to that size, where the source says."""
    mean: Sequence[float]
    std: Sequence[float]
    pixels_from: str
    """Where mean and std came from."""
    pool: str
    pool_from: str
    dim: int
    checksum: str
    notes: Sequence[str] = ()

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def lines(self) -> Iterator[str]:
        """The block that is shown."""
        yield f"encoder {self.source}: {self.network}, {self.layout}"
        yield f"  weights: {self._weights()}"
        if self.copy:
            yield f"  copy: {self.copy}"
        if self.left_out:
            yield f"  left out: {listed(self.left_out)}"
        moved = f"; {self.positions}" if self.positions else ""
        how = f"; made for {self.resize}" if self.resize else ""
        yield f"  input: {self.image_size} px ({self.size_from}){how}{moved}"
        yield f"  pixels: mean {numbers(self.mean)}, std {numbers(self.std)} ({self.pixels_from})"
        yield f"  pooling: {self.pool} ({self.pool_from})"
        yield f"  features: {self.dim:,}; checksum {self.checksum}"
        yield from (f"  note: {note}" for note in self.notes)

    def _weights(self) -> str:
        if self.weights == "random" and self.matched:
            matched = f"{self.matched} of {self.tensors} tensors matched"
            return f"{matched}; RANDOM: every norm is as it was built, so nothing was trained"
        if self.weights == "random":
            return f"RANDOM, {self.tensors} tensors drawn by seed 0: nothing was trained; add :pretrained or @FILE"
        return f"{self.matched} of {self.tensors} tensors matched"


def listed(names: Sequence[str]) -> str:
    """The first few of some names, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def numbers(values: Sequence[float]) -> str:
    """'0.485 0.456 0.406'."""
    return " ".join(f"{value:.4g}" for value in values)
