"""Networks: encoders, projection heads, pruned twins, and how they come from files."""

from holdfast.models.branch import OwnNorms
from holdfast.models.encoders import Encoder, EncoderSpec, create_encoder, require_size, resolve_stem
from holdfast.models.heads import PrefeatureHead, Prototypes, head_from, projection_head
from holdfast.models.identity import checksum
from holdfast.models.initial import Initial, load_initial
from holdfast.models.load import OnnxEncoder, check_own, load_encoder, loaded_of, own_size, save_encoder, takes_any_size
from holdfast.models.loaded import Loaded
from holdfast.models.memory import ChunkedNetwork, blocks_of, recompute_blocks, recomputed
from holdfast.models.middle import feature_map, map_shape, require_sizes, take_any_size
from holdfast.models.prefeature import PrefeatureEncoder, save_prefeature
from holdfast.models.pruning import PrunedBranch, magnitude_masks
from holdfast.models.strided import exact_strides
from holdfast.models.teacher import FrozenTeacher, Teacher, predictor, rising
from holdfast.models.whitening import whiten_first_convolution, whitening_filters

__all__ = [
    "ChunkedNetwork",
    "Encoder",
    "EncoderSpec",
    "FrozenTeacher",
    "Initial",
    "Loaded",
    "OnnxEncoder",
    "OwnNorms",
    "PrefeatureEncoder",
    "PrefeatureHead",
    "Prototypes",
    "PrunedBranch",
    "Teacher",
    "blocks_of",
    "check_own",
    "checksum",
    "create_encoder",
    "exact_strides",
    "feature_map",
    "head_from",
    "load_encoder",
    "load_initial",
    "loaded_of",
    "magnitude_masks",
    "map_shape",
    "own_size",
    "predictor",
    "projection_head",
    "recompute_blocks",
    "recomputed",
    "require_size",
    "require_sizes",
    "resolve_stem",
    "rising",
    "save_encoder",
    "save_prefeature",
    "take_any_size",
    "takes_any_size",
    "whiten_first_convolution",
    "whitening_filters",
]
