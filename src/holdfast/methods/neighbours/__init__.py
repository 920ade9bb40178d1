"""Methods that others are compared with: contrastive ones, those without negatives, those with a teacher."""

from holdfast.methods.neighbours.barlow_twins import BarlowTwins, BarlowTwinsConfig
from holdfast.methods.neighbours.byol import BYOL, BYOLConfig
from holdfast.methods.neighbours.dcl import DCL, DCLConfig
from holdfast.methods.neighbours.dino import DINO, DINOConfig
from holdfast.methods.neighbours.fnc import FNC, FNCConfig
from holdfast.methods.neighbours.moco_v3 import MoCoV3, MoCoV3Config
from holdfast.methods.neighbours.renyicl import RenyiCL, RenyiCLConfig
from holdfast.methods.neighbours.vicreg import VICReg, VICRegConfig

__all__ = [
    "BYOL",
    "DCL",
    "DINO",
    "FNC",
    "BYOLConfig",
    "BarlowTwins",
    "BarlowTwinsConfig",
    "DCLConfig",
    "DINOConfig",
    "FNCConfig",
    "MoCoV3",
    "MoCoV3Config",
    "RenyiCL",
    "RenyiCLConfig",
    "VICReg",
    "VICRegConfig",
]
