"""Presets: methods put together from parts, with the settings that their papers train them with."""

from collections.abc import Callable
from dataclasses import replace

from holdfast.config import VIEWS, RunConfig, ViewSettings
from holdfast.methods.cf_amc_ssl import AdversaryConfig
from holdfast.methods.emp_ssl import EMPSSLConfig
from holdfast.methods.invclr import PenaltyConfig
from holdfast.methods.neighbours import DCLConfig
from holdfast.methods.simclr import SimCLRConfig


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


PRESETS: dict[str, Callable[[], RunConfig]] = {
    "emp-ssl": emp_ssl,
    "robust-emp-ssl": robust_emp_ssl,
    "cf-amc-ssl": cf_amc_ssl,
    "simclr-adv": simclr_adv,
    "simclr-free": simclr_free,
    "invclr": invclr,
    "dclw": dclw,
}
"""Complete configurations by their command-line name; 'emp-ssl' is a method whose own settings need this optimiser."""
