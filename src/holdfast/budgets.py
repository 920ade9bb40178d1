"""What the robustness and invariance audits may spend: options and named budgets for Python and for the command line.
No torch here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

EPS: dict[str, tuple[str, ...]] = {"linf": ("2/255", "4/255", "8/255"), "l2": ("0.25", "0.5", "1")}
"""Budgets by norm where none are given, in pixels."""

_SPENT: dict[str, dict[str, tuple[int, ...]]] = {
    "robustness": {
        "attack_images": (50, 200, 1000),
        "attack_steps": (10, 10, 20),
        "attack_restarts": (0, 1, 2),
        "square_images": (0, 20, 100),
        "square_queries": (0, 200, 5000),
        "drift_images": (10, 50, 100),
        "corruption_images": (20, 100, 500),
    },
    "invariance": {"shift_images": (50, 200, 500)},
}
"""By audit and option: what each of BUDGETS spends."""
BUDGETS = ("quick", "fast", "full")
"""Named budgets, the smallest first; 'full' is the options' defaults. 'quick' attacks within the largest eps alone,
'fast' within the smallest and the largest."""

_COUNTS = {
    **dict.fromkeys(("attack_images", "attack_steps", "head_images"), 1),
    **dict.fromkeys(("attack_restarts", "square_images", "square_queries", "drift_images", "corruption_images"), 0),
}
_CHOICES = {
    "attack_norm": ("linf", "l2"),
    "attack_head": ("slf", "alf", "emp-ssl", "simclr-clean", "simclr-attacked"),
    "drift_distance": ("cosine", "l2"),
}


@dataclass(frozen=True, kw_only=True)
class AttackOptions:
    """How the robustness audit attacks. The defaults are for a CPU; its docs page has larger ones."""

    attack_images: int = 1000
    """Test images, at most, that are attacked, drawn evenly over the classes; more narrow the intervals."""
    attack_norm: Literal["linf", "l2"] = "linf"
    """Norm of the perturbations."""
    attack_eps: tuple[str | float, ...] = ()
    """Budgets in pixels, such as 8/255 or 0.5; none: 2/255 4/255 8/255 for linf, 0.25 0.5 1 for l2."""
    attack_steps: int = 20
    """Steps of PGD; the first run starts at the image itself."""
    attack_step: float | None = None
    """Length of a step in pixels; None: 0.01 for linf as in 2501.03507, 2.5 times eps over the steps for l2."""
    attack_restarts: int = 2
    """Further runs of PGD from random starts, on what is not broken yet."""
    square_images: int = 100
    """Images, at most, out of the attacked ones, that Square is tried on where PGD has not broken them; 0: none."""
    square_queries: int = 5000
    """Queries of Square for each of them: its paper takes 5,000."""
    attack_head: Literal["slf", "alf", "emp-ssl", "simclr-clean", "simclr-attacked", "authors"] = "slf"
    """The linear head under attack: fitted on clean features (slf), trained on attacked ones (alf), or as CF-AMC-SSL's
    scripts do for EMP-SSL's rows and for SimCLR's two. 'authors' is an old word for emp-ssl."""
    head_images: int = 50_000
    """Probe images, at most, that a trained head sees, drawn evenly over the classes."""
    head_steps: int | None = None
    """Steps of Adam of a trained head; None: its protocol's own, 200 for alf, 1,170 for emp-ssl, 3,900 for simclr-*."""
    drift_images: int = 100
    """Images, at most, out of the attacked ones, whose features are driven away without labels; 0: none."""
    drift_distance: Literal["cosine", "l2"] = "cosine"
    """Between the features of an image before and after."""
    corruption_images: int = 500
    """Images, at most, out of the attacked ones, that are corrupted in 15 ways at 5 strengths; 0: none."""

    def __post_init__(self) -> None:
        if self.attack_head == "authors":
            object.__setattr__(self, "attack_head", "emp-ssl")
        if self.head_steps is not None and self.head_steps < 1:
            raise ValueError(f"expected head_steps >= 1, got {self.head_steps}; leave it out for the protocol's own")
        for name, value in vars(self).items():
            if name in _COUNTS and value < _COUNTS[name]:
                raise ValueError(f"expected {name} >= {_COUNTS[name]}, got {value}; leave it out for the default")
            if name in _CHOICES and value not in _CHOICES[name]:
                raise ValueError(f"expected {name} {' or '.join(_CHOICES[name])}, got {value!r}; choose one of them")
        if self.attack_step is not None and not self.attack_step > 0:
            raise ValueError(f"expected attack_step > 0, got {self.attack_step}; it is in pixels, such as 0.01")
        parse_eps(self.attack_eps, self.attack_norm)


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


def budgeted(budget: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a named budget, with those given by name in place of its own. Raises ValueError for another name."""
    if budget not in BUDGETS:
        raise ValueError(f"expected a budget of {', '.join(BUDGETS)}, got {budget!r}; choose one of them")
    place = BUDGETS.index(budget)
    spent = {name: values[place] for options in _SPENT.values() for name, values in options.items()}
    return {**spent, "attack_eps": _few_eps(budget, given.get("attack_norm", "linf")), **given}


def _few_eps(budget: str, norm: str) -> tuple[str, ...]:
    known = EPS.get(norm, ("",))
    return {"quick": known[-1:], "fast": (known[0], known[-1])}.get(budget, ())


def budget_of(audit: str, options: Any) -> str | None:
    """The name of the budget that an audit's options amount to, 'own' for none; None for an audit without budgets."""
    if audit not in _SPENT:
        return None
    for place, budget in enumerate(BUDGETS):
        same = all(getattr(options, name) == values[place] for name, values in _SPENT[audit].items())
        if same and (audit == "invariance" or _same_eps(budget, options)):
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
