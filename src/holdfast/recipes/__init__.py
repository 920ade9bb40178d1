"""Recipes by name: functions that return a complete RunConfig; `holdfast train METHOD --recipe NAME` takes one."""

from collections.abc import Callable

from holdfast.config import RunConfig
from holdfast.recipes import cf_amc_ssl, contrastive, emp_ssl, families, invclr, robust, sdclr, simclr, speedrun, tail

RECIPES: dict[str, Callable[[], RunConfig]] = {
    "simclr/cifar10_lt": simclr.cifar10_lt,
    "simclr/cifar100_lt": simclr.cifar100_lt,
    "simclr/imagenet100_lt": simclr.imagenet100_lt,
    "sdclr/cifar10_lt": sdclr.cifar10_lt,
    "sdclr/cifar100_lt": sdclr.cifar100_lt,
    "sdclr/imagenet100_lt": sdclr.imagenet100_lt,
    "sdclr/cifar10_lt_authors_head": sdclr.cifar10_lt_authors_head,
    "emp-ssl/cifar10": emp_ssl.cifar10,
    "emp-ssl/cifar10_one_epoch": emp_ssl.cifar10_one_epoch,
    "emp-ssl/cifar10_200_patches": emp_ssl.cifar10_200_patches,
    "emp-ssl/cifar100": emp_ssl.cifar100,
    "robust-emp-ssl/cifar10_patch": cf_amc_ssl.robust_emp_ssl_patch,
    "robust-emp-ssl/cifar10_crop": cf_amc_ssl.robust_emp_ssl_crop,
    "simclr-adv/cifar10_crop": cf_amc_ssl.simclr_adv_crop,
    "simclr-adv/cifar10_patch": cf_amc_ssl.simclr_adv_patch,
    "simclr-free/cifar10_crop": cf_amc_ssl.simclr_free_crop,
    "cf-amc-ssl/cifar10_patch": cf_amc_ssl.cf_amc_ssl_patch,
    "cf-amc-ssl/cifar10_crop": cf_amc_ssl.cf_amc_ssl_crop,
    "invclr/cifar10": invclr.cifar10,
    "invclr/cifar100": invclr.cifar100,
    "invclr/spirograph": invclr.spirograph,
    "dcl/cifar10": contrastive.dcl_cifar10,
    "dclw/cifar10": contrastive.dclw_cifar10,
    "renyicl/cifar10": contrastive.renyicl_cifar10,
    "fnc/cifar10": contrastive.fnc_cifar10,
    "vicreg/cifar10": families.vicreg_cifar10,
    "barlow-twins/cifar10": families.barlow_twins_cifar10,
    "byol/cifar10": families.byol_cifar10,
    "moco-v3/cifar10": families.moco_v3_cifar10,
    "dino/cifar10": families.dino_cifar10,
    "gh/cifar100_lt": tail.gh_cifar100_lt,
    "bcl-i/cifar100_lt": tail.bcl_i_cifar100_lt,
    "bcl-d/cifar100_lt": tail.bcl_d_cifar100_lt,
    "rwsam/cifar10_lt": tail.rwsam_cifar10_lt,
    "rocl/cifar10": robust.rocl_cifar10,
    "acl/cifar10": robust.acl_cifar10,
    "dynacl/cifar10": robust.dynacl_cifar10,
    "deacl/cifar10": robust.deacl_cifar10,
    "profeat/cifar10": robust.profeat_cifar10,
    "simclr/cifar10_speedrun": speedrun.simclr_cifar10,
    "emp-ssl/cifar10_speedrun": speedrun.emp_ssl_cifar10,
}

__all__ = ["RECIPES"]
