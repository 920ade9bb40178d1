"""Encoders trained with and without certain images: what they memorised, and who was a member."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.evaluation.pairs.activations import Tap as Tap
    from holdfast.evaluation.pairs.activations import find_taps as find_taps
    from holdfast.evaluation.pairs.measures import UnitSums as UnitSums
    from holdfast.evaluation.pairs.measures import mean_cosine as mean_cosine
    from holdfast.evaluation.pairs.measures import memorization as memorization
    from holdfast.evaluation.pairs.measures import unit_memorization as unit_memorization
    from holdfast.evaluation.pairs.measures import unit_memorization_of as unit_memorization_of
    from holdfast.evaluation.pairs.members import membership as membership
    from holdfast.evaluation.pairs.scores import LayerScores as LayerScores
    from holdfast.evaluation.pairs.scores import PairScores as PairScores
    from holdfast.evaluation.pairs.scores import Scoring as Scoring
    from holdfast.evaluation.pairs.scores import score_pair as score_pair
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
