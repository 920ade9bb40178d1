"""Less memory for the same gradients: networks whose activations are computed again in the backward."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.models.memory.blocks import blocks_of as blocks_of
    from holdfast.models.memory.blocks import recompute_blocks as recompute_blocks
    from holdfast.models.memory.chunked import ChunkedNetwork as ChunkedNetwork
    from holdfast.models.memory.chunked import recomputed as recomputed
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
