"""Which images are trained on: long tails, partitions, lists of ids."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.data.splits.index_files import is_index_file as is_index_file
    from holdfast.data.splits.index_files import listed_ids as listed_ids
    from holdfast.data.splits.long_tail import LongTailSplit as LongTailSplit
    from holdfast.data.splits.long_tail import class_groups as class_groups
    from holdfast.data.splits.long_tail import long_tail_counts as long_tail_counts
    from holdfast.data.splits.long_tail import long_tail_profile as long_tail_profile
    from holdfast.data.splits.long_tail import long_tail_split as long_tail_split
    from holdfast.data.splits.long_tail import nested_subsets as nested_subsets
    from holdfast.data.splits.long_tail import pareto_counts as pareto_counts
    from holdfast.data.splits.long_tail import parse_long_tail as parse_long_tail
    from holdfast.data.splits.long_tail import split_of as split_of
    from holdfast.data.splits.partition import PARTS as PARTS
    from holdfast.data.splits.partition import external_set as external_set
    from holdfast.data.splits.partition import memorization_partition as memorization_partition
    from holdfast.data.splits.partition import partition_checksum as partition_checksum
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
