"""Networks: encoders, projection heads, pruned twins, and how they come from files."""

from holdfast.models.encoders import Encoder, EncoderSpec, create_encoder, resolve_stem
from holdfast.models.heads import projection_head
from holdfast.models.load import checksum, load_encoder, save_encoder
from holdfast.models.pruning import PrunedBranch, magnitude_masks

__all__ = [
    "Encoder",
    "EncoderSpec",
    "PrunedBranch",
    "checksum",
    "create_encoder",
    "load_encoder",
    "magnitude_masks",
    "projection_head",
    "resolve_stem",
    "save_encoder",
]
