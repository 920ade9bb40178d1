"""A run whose processes keep shares of the weights."""

from holdfast.engine.shares.sharding import divide, in_parts, set_up, strategy_of

__all__ = ["divide", "in_parts", "set_up", "strategy_of"]
