"""Methods and parts whose features tell what was done to an image, or follow it."""

from holdfast.methods.equivariance.gdt import GDT, GDTConfig
from holdfast.methods.equivariance.soft_equivariance import SOFT_EQUIVARIANCES, SERConfig
from holdfast.methods.equivariance.transformation_coding import CODINGS, CodingConfig

__all__ = ["CODINGS", "GDT", "SOFT_EQUIVARIANCES", "CodingConfig", "GDTConfig", "SERConfig"]
