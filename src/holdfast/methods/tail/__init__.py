"""Parts for long tails: even regions for surrogate classes, augmentation by memory, sharpness by density."""

from holdfast.methods.tail.harmonization import HARMONIES, HarmonyConfig
from holdfast.methods.tail.memory_augmentation import MEMORIES, MemoryConfig
from holdfast.methods.tail.reweighted_sam import SHARPNESSES, SharpnessConfig

__all__ = ["HARMONIES", "MEMORIES", "SHARPNESSES", "HarmonyConfig", "MemoryConfig", "SharpnessConfig"]
