import pytest

from holdfast.methods import WRAPPERS
from holdfast.report.wording import method_name


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"method": "simclr"}, "SimCLR"),
        ({"method": "sdclr", "adversary": None, "penalty": None}, "SDCLR"),
        ({"method": "emp-ssl"}, "EMP-SSL"),
        ({"method": "emp-ssl", "adversary": "free:3"}, "CF-AMC-SSL"),
        ({"method": "emp-ssl", "adversary": "pgd:5"}, "robust EMP-SSL"),
        (
            {"method": "sdclr", "adversary": "free:3", "penalty": "invariance:0.1"},
            "SDCLR + free adversary + invariance penalty",
        ),
        ({"method": "moco-v3", "soft_equivariance": "ser:1"}, "MoCo v3 + SER"),
        ({"method": "sdclr", "memory_augment": "bcl-d:2", "forget": "site"}, "SDCLR + BCL-D + Talos"),
        ({"method": "dcl", "weighted": True}, "DCLW"),
        ({"method": "lore", "slack": None, "adversary": "pgd:10"}, "FARE"),
        ({"method": "lore", "slack": 0.1, "adversary": "pgd:10"}, "LORE"),
        (
            {"method": "acl", "attacked_ramp": 0.5, "strength_schedule": "steps:5", "weight_average": "ema:0.9"}
            | {"adversary": "pgd:5", "harmonize": "gh:1"},
            "DynACL + GH",
        ),
        ({"method": "acl", "strength_schedule": "steps:5", "adversary": "pgd:5"}, "ACL + strength schedule"),
        ({"method": "new-one", "adversary": "odd:1"}, "new-one + odd"),
    ],
)
def test_a_run_is_called_by_its_method_and_the_parts_put_on_it(settings, name):
    assert method_name(settings) == name


@pytest.mark.parametrize(("word", "kind"), [(word, kind) for word, kinds in WRAPPERS.items() for kind in kinds])
def test_each_part_has_a_name_of_its_own_in_a_runs(word, kind):
    name = method_name({"method": "simclr", word: f"{kind}:1"})
    assert name.startswith("SimCLR + ") and name != f"SimCLR + {kind}"
