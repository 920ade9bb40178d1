"""Presets: methods put together from parts, with the settings that their papers train them with."""

from collections.abc import Callable
from dataclasses import replace

from holdfast.config import VIEWS, RunConfig, ViewSettings
from holdfast.methods.attributes import ForgetConfig
from holdfast.methods.cf_amc_ssl import AdversaryConfig
from holdfast.methods.emp_ssl import EMPSSLConfig
from holdfast.methods.equivariance import CodingConfig, SERConfig
from holdfast.methods.invclr import PenaltyConfig
from holdfast.methods.neighbours import DCLConfig, MoCoV3Config
from holdfast.methods.robust import ACLConfig, DeACLConfig, DynACLTuningConfig, LOREConfig, ProFeATConfig, RoCLConfig
from holdfast.methods.sdclr import SDCLRConfig
from holdfast.methods.simclr import SimCLRConfig
from holdfast.methods.strength_schedule import StrengthConfig
from holdfast.methods.tail import HarmonyConfig, MemoryConfig, SharpnessConfig
from holdfast.methods.temperature_schedule import TemperatureConfig
from holdfast.methods.weight_average import AverageConfig


def emp_ssl() -> RunConfig:
    """EMP-SSL: 16 crops, LARS, 30 epochs (2501.03507)."""
    return RunConfig(
        method=EMPSSLConfig(),
        views=VIEWS["crop"],
        epochs=30,
        batch_size=100,
        optimizer="lars",
        lars_trust=0.005,
        lars_clip=True,
        nesterov=True,
        lr=0.3,
        lr_end=0.0,
        warmup_epochs=0.0,
        weight_decay=1e-4,
        decay="weights",
    )


def robust_emp_ssl() -> RunConfig:
    """Robust EMP-SSL: five steps of PGD on all crops, 30 epochs."""
    return replace(emp_ssl(), parts=(AdversaryConfig(adversary="pgd:5"),))


def cf_amc_ssl() -> RunConfig:
    """CF-AMC-SSL: EMP-SSL with the free adversary, each batch replayed 3 times, 10 epochs."""
    return replace(emp_ssl(), parts=(AdversaryConfig(adversary="free:3"),), epochs=10)


def holdfast() -> RunConfig:
    """Ours, of parts: EMP-SSL with a pruned twin, the free adversary and the invariance penalty, 10 epochs."""
    parts = (PenaltyConfig(penalty="invariance:0.1"), AdversaryConfig(adversary="free:3"))
    return replace(emp_ssl(), method=EMPSSLConfig(prune_ratio=0.5), parts=parts, epochs=10)


def simclr_adv() -> RunConfig:
    """Adversarial SimCLR: five steps of PGD on the second view, 500 epochs."""
    method = SimCLRConfig(temperature=0.07, per_view_norm=True)
    views = replace(VIEWS["imagenet"], blur=0.0)
    return replace(
        emp_ssl(), method=method, views=views, batch_size=256, epochs=500, parts=(AdversaryConfig(adversary="pgd:5"),)
    )


def simclr_free() -> RunConfig:
    """SimCLR with the free adversary on the second view, each batch replayed 3 times, 167 epochs."""
    return replace(simclr_adv(), parts=(AdversaryConfig(adversary="free:3"),), epochs=167)


def invclr() -> RunConfig:
    """InvCLR: SimCLR with a penalty on how far features move with the colours, 1,000 epochs (2010.09515)."""
    return RunConfig(
        method=SimCLRConfig(temperature=0.5, per_view_norm=True),
        views=ViewSettings(crop_min=0.08, interpolation="lanczos", colours="invclr"),
        encoder="timm/resnet50",
        epochs=1000,
        batch_size=512,
        optimizer="lars",
        lr=3.0,
        lr_end=0.0,
        schedule="epochs",
        warmup_epochs=10,
        weight_decay=1e-6,
        parts=(PenaltyConfig(penalty="invariance:0.1", penalty_form="vjp"),),
    )


def dclw() -> RunConfig:
    """DCL whose far-apart views count more: SimCLR's settings, batch 256 (2110.06848)."""
    return RunConfig(method=DCLConfig(weighted=True), batch_size=256)


def ts() -> RunConfig:
    """TS: SimCLR whose temperature swings between 1 and 0.1 every 400 of 2,000 epochs (2303.13664)."""
    return RunConfig(
        method=SimCLRConfig(),
        parts=(TemperatureConfig(temperature_schedule="cosine:400"),),
        epochs=2000,
        batch_size=512,
    )


def gh() -> RunConfig:
    """SimCLR with geometric harmonization in the second half of 1,000 epochs (2310.17622)."""
    return RunConfig(method=SimCLRConfig(), parts=(HarmonyConfig(harmonize="gh:1"),), epochs=1000)


def bcl_i() -> RunConfig:
    """BCL-I: SimCLR whose hard images get an operation more, 2,000 epochs (2205.12693)."""
    return RunConfig(method=SimCLRConfig(), parts=(MemoryConfig(memory_augment="bcl-i:1"),), epochs=2000)


def bcl_d() -> RunConfig:
    """BCL-D: SDCLR whose hard images get up to two operations more, 2,000 epochs (2205.12693)."""
    return RunConfig(method=SDCLRConfig(), parts=(MemoryConfig(memory_augment="bcl-d:2"),), epochs=2000)


def rwsam() -> RunConfig:
    """rwSAM: SimCLR at flat minima, rare images first; twice the passes (2110.05025)."""
    return RunConfig(method=SimCLRConfig(), parts=(SharpnessConfig(sharpness="rwsam:0.05"),))


def care() -> RunConfig:
    """CARE: SimCLR whose features follow turned and mirrored images by rotations (2202.10930, 2306.13924)."""
    return RunConfig(method=SimCLRConfig(temperature=0.5), parts=(CodingConfig(equivariance="care:1"),))


def ser() -> RunConfig:
    """SER: MoCo v3 whose middle layer's maps follow turned, mirrored and resized images (2603.06693)."""
    return RunConfig(method=MoCoV3Config(), parts=(SERConfig(soft_equivariance="ser:1"),))


def talos() -> RunConfig:
    """Talos: SimCLR whose features must not tell an attribute; name its column: --groups FILE.csv:site (2102.04140)."""
    return RunConfig(method=SimCLRConfig(), parts=(ForgetConfig(forget="site"),))


PGD = AdversaryConfig(adversary="pgd:5", adversary_eps=8 / 255, adversary_step=2 / 255, adversary_start="random")
"""Five steps of 2/255 within 8/255 from a random start: ACL, DynACL, DeACL and ProFeAT."""


def rocl() -> RunConfig:
    """RoCL: SimCLR whose third view is an adversary of seven steps (2006.07589)."""
    attack = replace(PGD, adversary="pgd:7", adversary_eps=0.0314, adversary_step=0.007)
    return RunConfig(method=RoCLConfig(), parts=(attack,), epochs=1000)


def acl() -> RunConfig:
    """ACL: clean and attacked views by batch norms of their own, 1,000 epochs (2010.13337)."""
    return RunConfig(method=ACLConfig(), parts=(PGD,), epochs=1000)


def dynacl() -> RunConfig:
    """DynACL: ACL whose views weaken every 50 epochs, its weights averaged, 1,000 epochs (2303.01289)."""
    parts = (StrengthConfig(strength_schedule="steps:50"), AverageConfig(weight_average="ema:0.999"), PGD)
    return RunConfig(method=ACLConfig(attacked_ramp=2 / 3), parts=parts, epochs=1000)


def dynacl_tuned() -> RunConfig:
    """DynACL++: a run of DynACL, --teacher RUN, tuned under attack on its own clusters, 25 epochs (2303.01289)."""
    attack = replace(PGD, adversary="pgd:10")
    weak = ViewSettings(crop_min=0.6, jitter=0.0, grey=0.0)
    return RunConfig(
        method=DynACLTuningConfig(), parts=(attack,), views=weak, epochs=25, lr=0.1, lr_end=0.0, warmup_epochs=0.0
    )


def deacl() -> RunConfig:
    """DeACL: a robust student of a clean teacher on weak views, 100 epochs, batch 256 (2207.10899)."""
    weak = ViewSettings(crop_min=0.6, jitter=0.0, grey=0.0)
    return RunConfig(method=DeACLConfig(), parts=(PGD,), views=weak, epochs=100, batch_size=256)


def profeat() -> RunConfig:
    """ProFeAT: a robust student that starts as its clean teacher, 100 epochs, batch 256 (2406.05796)."""
    return RunConfig(method=ProFeATConfig(), parts=(PGD,), epochs=100, batch_size=256)


WHOLE = ViewSettings(crop_min=1.0, ratio_min=1.0, ratio_max=1.0, flip=0.0, jitter=0.0, grey=0.0)
"""Images as they are."""
SMALL_PGD = AdversaryConfig(adversary="pgd:10", adversary_eps=4 / 255, adversary_step=1 / 255, adversary_start="random")
"""Ten steps of 1/255 within 4/255: LORE and FARE. A student that is its teacher has no gradient at the image itself."""


def lore() -> RunConfig:
    """LORE: an encoder that was trained elsewhere, --teacher SOURCE, made robust near itself, 3 epochs (2505.18884)."""
    return RunConfig(
        method=LOREConfig(),
        parts=(SMALL_PGD,),
        views=WHOLE,
        epochs=3,
        batch_size=128,
        optimizer="adamw",
        lr=1e-5,
        lr_end=0.0,
        warmup_epochs=0.0,
        weight_decay=1e-4,
    )


def fare() -> RunConfig:
    """FARE: LORE without its constraint, one step a batch, from a random start, 2 epochs (2402.12336)."""
    return replace(lore(), method=LOREConfig(slack=None, updates=1), epochs=2, warmup_epochs=0.14)


PRESETS: dict[str, Callable[[], RunConfig]] = {
    "emp-ssl": emp_ssl,
    "robust-emp-ssl": robust_emp_ssl,
    "cf-amc-ssl": cf_amc_ssl,
    "holdfast": holdfast,
    "simclr-adv": simclr_adv,
    "simclr-free": simclr_free,
    "invclr": invclr,
    "dclw": dclw,
    "ts": ts,
    "gh": gh,
    "bcl-i": bcl_i,
    "bcl-d": bcl_d,
    "rwsam": rwsam,
    "care": care,
    "ser": ser,
    "talos": talos,
    "rocl": rocl,
    "acl": acl,
    "dynacl": dynacl,
    "dynacl++": dynacl_tuned,
    "deacl": deacl,
    "profeat": profeat,
    "lore": lore,
    "fare": fare,
}
"""Complete configurations by their command-line name; 'emp-ssl' is a method whose own settings need this optimiser."""
