"""Methods that train under attack: contrast with an adversary, or learn from a clean teacher to hold."""

from holdfast.methods.robust.acl import ACL, ACLConfig
from holdfast.methods.robust.deacl import DeACL, DeACLConfig
from holdfast.methods.robust.dynacl_tuning import DynACLTuning, DynACLTuningConfig
from holdfast.methods.robust.lore import LORE, LOREConfig
from holdfast.methods.robust.profeat import ProFeAT, ProFeATConfig
from holdfast.methods.robust.rocl import RoCL, RoCLConfig

__all__ = [
    "ACL",
    "LORE",
    "ACLConfig",
    "DeACL",
    "DeACLConfig",
    "DynACLTuning",
    "DynACLTuningConfig",
    "LOREConfig",
    "ProFeAT",
    "ProFeATConfig",
    "RoCL",
    "RoCLConfig",
]
