"""An encoder's numbers as checked JSON and as a model card."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.report.cards.encoder import card as card
    from holdfast.report.cards.encoder import read_card as read_card
    from holdfast.report.cards.encoder import write_card as write_card
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
