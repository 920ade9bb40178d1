"""What the robustness, invariance and equivariance audits may spend: named budgets for Python and for the command line.
No torch here."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

EPS: dict[str, tuple[str, ...]] = {"linf": ("2/255", "4/255", "8/255"), "l2": ("0.25", "0.5", "1")}
"""Budgets by norm where none are given, in pixels."""

_SPENT: dict[str, dict[str, tuple[Any, ...]]] = {
    "robustness": {
        "attack_images": (50, 200, 1000),
        "attack_steps": (10, 10, 1000),
        "attack_restarts": (0, 1, 2),
        "auto_attack": ("none", "targeted", "standard"),
        "apgd_steps": (100, 20, 100),
        "attack_targets": (9, 3, 9),
        "square_images": (0, 20, 100),
        "square_queries": (0, 200, 5000),
        "drift_images": (10, 50, 100),
        "drift_steps": (10, 10, 20),
        "corruption_images": (20, 100, 500),
    },
    "invariance": {"shift_images": (50, 200, 500)},
    "equivariance": {"shift_images": (50, 200, 500)},
}
"""By audit and option: what each of BUDGETS spends."""
_L2_STEPS = 100
"""Steps of PGD in l2, at most, of a named budget: there no image goes round in a circle and stops."""
BUDGETS = ("quick", "fast", "full")
"""Named budgets, the smallest first; 'full' is the options' defaults. 'quick' attacks within the largest eps alone,
'fast' within the smallest and the largest."""


def parse_eps(values: Sequence[str | float], norm: str) -> list[tuple[str, float]]:
    """Budgets as written and in pixels, ascending, without repeats; those of EPS for no values.

    Raises ValueError for what is no number above 0, and for a linf budget above 1, which looks like bytes.
    """
    if norm not in EPS:
        raise ValueError(f"expected attack_norm {' or '.join(EPS)}, got {norm!r}; choose one of them")
    found = {}
    for value in values or EPS[norm]:
        try:
            number = float(Fraction(value) if isinstance(value, str) else value)
        except (ValueError, ZeroDivisionError):
            number = -1.0
        if not (number > 0 and (norm == "l2" or number <= 1)):
            raise ValueError(f"expected eps in pixels above 0, for linf at most 1, got {value!r}; write 8/255, not 8")
        found.setdefault(number, _written(value, number, norm))
    return [(found[number], number) for number in sorted(found)]


def auto_attack_eps(given: Sequence[str | float], eps: Sequence[str | float], norm: str) -> list[float]:
    """Budgets in pixels at which AutoAttack runs. Raises ValueError for one that is not among those of the attacks."""
    tried = [pixels for _, pixels in parse_eps(eps, norm)]
    if not given:
        usual = 8 / 255 if norm == "linf" else 0.5
        return [pixels for pixels in tried if abs(pixels - usual) < 1e-9] or tried[-1:]
    chosen = []
    for written, pixels in parse_eps(given, norm):
        near = [other for other in tried if abs(other - pixels) < 1e-9]
        if not near:
            raise ValueError(f"expected auto_attack_eps among the budgets, got {written}; add it to attack_eps")
        chosen += near
    return chosen


def budgeted(budget: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a named budget, with those given by name in place of its own. Raises ValueError for another name."""
    if budget not in BUDGETS:
        raise ValueError(f"expected a budget of {', '.join(BUDGETS)}, got {budget!r}; choose one of them")
    place = BUDGETS.index(budget)
    spent = {name: values[place] for options in _SPENT.values() for name, values in options.items()}
    if given.get("attack_norm") == "l2":
        spent["attack_steps"] = min(spent["attack_steps"], _L2_STEPS)
    return {**spent, "attack_eps": _few_eps(budget, given.get("attack_norm", "linf")), **given}


def _few_eps(budget: str, norm: str) -> tuple[str, ...]:
    known = EPS.get(norm, ("",))
    return {"quick": known[-1:], "fast": (known[0], known[-1])}.get(budget, ())


def budget_of(audit: str, options: Any) -> str | None:
    """The name of the budget that an audit's options amount to, 'own' for none; None for an audit without budgets."""
    if audit not in _SPENT:
        return None
    for place, budget in enumerate(BUDGETS):
        spent = {name: values[place] for name, values in _SPENT[audit].items()}
        if audit == "robustness" and options.attack_norm == "l2":
            spent["attack_steps"] = min(spent["attack_steps"], _L2_STEPS)
        same = all(getattr(options, name) == value for name, value in spent.items())
        if same and (audit != "robustness" or _same_eps(budget, options)):
            return budget
    return "own"


def _same_eps(budget: str, options: Any) -> bool:
    norm = options.attack_norm
    return parse_eps(options.attack_eps, norm) == parse_eps(_few_eps(budget, norm), norm)


def _written(value: str | float, number: float, norm: str) -> str:
    """'8/255' also for 0.03137..., so that findings of both spellings compare."""
    parts = round(number * 255)
    if norm == "linf" and parts >= 1 and abs(number * 255 - parts) < 1e-4:
        return f"{parts}/255"
    return value if isinstance(value, str) and "/" not in value else f"{number:g}"
