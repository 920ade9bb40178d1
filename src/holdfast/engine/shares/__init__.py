"""How processes share a run: Fabric, and weights of which each process keeps a share."""

from holdfast.engine.shares.fabric import Fabric, LightningEnvironment
from holdfast.engine.shares.sharding import divide, in_parts, set_up, strategy_of

__all__ = ["Fabric", "LightningEnvironment", "divide", "in_parts", "set_up", "strategy_of"]
