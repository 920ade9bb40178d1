import pytest

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
        ({"method": "new-one", "adversary": "odd:1"}, "new-one + odd"),
    ],
)
def test_a_run_is_called_by_its_method_and_the_parts_put_on_it(settings, name):
    assert method_name(settings) == name
