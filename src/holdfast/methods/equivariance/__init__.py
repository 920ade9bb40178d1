"""Methods whose features tell what was done to an image, or move with it in an orderly way."""

from holdfast.methods.equivariance.gdt import GDT, GDTConfig

__all__ = ["GDT", "GDTConfig"]
