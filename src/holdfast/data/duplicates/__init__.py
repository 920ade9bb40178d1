"""Images that are there twice: the same pixels, or nearly the same picture."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.data.duplicates.exact import copies as copies
    from holdfast.data.duplicates.hashed import EXACT as EXACT
    from holdfast.data.duplicates.hashed import hash_bits as hash_bits
    from holdfast.data.duplicates.hashed import look_alikes as look_alikes
    from holdfast.data.duplicates.hashed import near_groups as near_groups
    from holdfast.data.duplicates.near import LEAST_CORRELATION as LEAST_CORRELATION
    from holdfast.data.duplicates.near import MOST_BITS as MOST_BITS
    from holdfast.data.duplicates.near import duplicate_groups as duplicate_groups
    from holdfast.data.duplicates.near import group_sizes as group_sizes
    from holdfast.data.duplicates.near import perceptual_hash as perceptual_hash
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
