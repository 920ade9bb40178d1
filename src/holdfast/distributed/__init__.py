"""Several processes: those that train one batch together, and those that share out a measurement."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.distributed.collectives import gather as gather
    from holdfast.distributed.collectives import join_rows as join_rows
    from holdfast.distributed.collectives import largest as largest
    from holdfast.distributed.collectives import rank as rank
    from holdfast.distributed.collectives import total as total
    from holdfast.distributed.collectives import world_size as world_size
    from holdfast.distributed.crew import ALONE as ALONE
    from holdfast.distributed.crew import Crew as Crew
    from holdfast.distributed.crew import LostError as LostError
    from holdfast.distributed.crew import together as together
    from holdfast.distributed.norms import SynchronisedBatchNorm as SynchronisedBatchNorm
    from holdfast.distributed.norms import keep_strides as keep_strides
    from holdfast.distributed.norms import synchronise_norms as synchronise_norms
    from holdfast.distributed.sharding import like as like
    from holdfast.distributed.sharding import make_whole as make_whole
    from holdfast.distributed.sharding import shard as shard
    from holdfast.distributed.sharding import whole as whole
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
