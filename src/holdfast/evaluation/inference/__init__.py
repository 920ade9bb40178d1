"""Inference from one encoder: attacks on its features for membership and attributes, and what pixels alone tell."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.evaluation.inference.attributes import Reading as Reading
    from holdfast.evaluation.inference.attributes import read_attribute as read_attribute
    from holdfast.evaluation.inference.blind import blind_scores as blind_scores
    from holdfast.evaluation.inference.blind import blind_spread as blind_spread
    from holdfast.evaluation.inference.blind import picture_statistics as picture_statistics
    from holdfast.evaluation.inference.deja_vu import CONFIDENT as CONFIDENT
    from holdfast.evaluation.inference.deja_vu import DEJA_VU_NEIGHBOURS as DEJA_VU_NEIGHBOURS
    from holdfast.evaluation.inference.deja_vu import accuracy_of_confident as accuracy_of_confident
    from holdfast.evaluation.inference.deja_vu import background_shares as background_shares
    from holdfast.evaluation.inference.deja_vu import corners as corners
    from holdfast.evaluation.inference.deja_vu import label_ratio as label_ratio
    from holdfast.evaluation.inference.deja_vu import memorized as memorized
    from holdfast.evaluation.inference.deja_vu import neighbour_shares as neighbour_shares
    from holdfast.evaluation.inference.deja_vu import strength as strength
    from holdfast.evaluation.inference.folds import folds_of_groups as folds_of_groups
    from holdfast.evaluation.inference.maps import MapReader as MapReader
    from holdfast.evaluation.inference.maps import map_reader as map_reader
    from holdfast.evaluation.inference.norms import NORMS as NORMS
    from holdfast.evaluation.inference.norms import likelihood_ratio as likelihood_ratio
    from holdfast.evaluation.inference.norms import log_norms as log_norms
    from holdfast.evaluation.inference.parts import PARTS as PARTS
    from holdfast.evaluation.inference.parts import answers as answers
    from holdfast.evaluation.inference.parts import part_answers as part_answers
    from holdfast.evaluation.inference.parts import trained_attacker as trained_attacker
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
