"""The engine: Lightning Fabric, one loop, checkpoints that resume bit for bit."""

from holdfast.engine.train import read_config, resume, train

__all__ = ["read_config", "resume", "train"]
