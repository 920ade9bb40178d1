"""The engine: Lightning Fabric, one loop, checkpoints that resume bit for bit."""

from holdfast.engine.interrupt import Interrupted
from holdfast.engine.resuming import read_config
from holdfast.engine.train import resume, train

__all__ = ["Interrupted", "read_config", "resume", "train"]
