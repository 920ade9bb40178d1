"""What is said of images: labels and subgroups from folders, tables and columns, as numbers with names."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.data.labels.columns import NO_GROUP as NO_GROUP
    from holdfast.data.labels.columns import OfImages as OfImages
    from holdfast.data.labels.columns import described as described
    from holdfast.data.labels.keys import own_paths as own_paths
    from holdfast.data.labels.numbers import Classes as Classes
    from holdfast.data.labels.numbers import class_numbers as class_numbers
    from holdfast.data.labels.numbers import joined as joined
    from holdfast.data.labels.numbers import plain as plain
    from holdfast.data.labels.words import folded as folded
    from holdfast.data.labels.words import spelt as spelt
    from holdfast.data.labels.words import split_words as split_words
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
