"""What settings classes are made of: checks at the door, settings that every method and part has. No torch here."""

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

_T = TypeVar("_T")
Purpose = Literal[
    "start", "tail", "crops", "attacks", "invariance", "equivariance", "attributes", "contrast", "positives"
]
PURPOSES: dict[Purpose, str] = {
    "start": "to begin with, and to compare with",
    "tail": "long tails",
    "crops": "many crops of each image, few epochs",
    "attacks": "images that somebody may attack",
    "invariance": "transformations that must not matter",
    "equivariance": "transformations that features must tell",
    "attributes": "attributes that features must not tell",
    "contrast": "contrast that mends a weakness of SimCLR",
    "positives": "agreement without other images to repel",
}
"""What methods are for, in the order in which `holdfast methods` groups them."""


def require(holds: bool, expected: str, got: object, remedy: str) -> None:
    """Raises ValueError with one line, expected, got and remedy, unless the condition holds."""
    if not holds:
        raise ValueError(f"expected {expected}, got {got}; {remedy}")


def require_choices(settings: object) -> None:
    """Checks each Literal field: Python does not, and a misspelt optimiser would train with another one."""
    for name, kind in get_type_hints(type(settings)).items():
        if get_origin(kind) is Literal:
            choices, value = get_args(kind), getattr(settings, name)
            require(value in choices, f"{name} {' or '.join(choices)}", repr(value), f"set --{name}")


def require_finite(settings: object) -> None:
    """Checks that every number is one: infinity passes most other checks, and cannot be written as JSON."""
    for name, value in vars(settings).items():
        if isinstance(value, float):
            require(math.isfinite(value), f"{name} to be a finite number", value, f"set --{name.replace('_', '-')}")


def _fits(value: object, kind: Any) -> bool:
    """Whether a JSON value is of a field's kind; what Literal allows is checked elsewhere."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return any(_fits(value, one) for one in inner)
    if origin is tuple:
        return isinstance(value, list | tuple) and all(_fits(one, inner[0]) for one in value)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return type(value) is int
    if kind is NoneType:
        return value is None
    return not isinstance(kind, type) or isinstance(value, kind)


_WORDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}


Kinds = tuple[Mapping[str, Any], str, float]
"""What a part may be by the name before the colon, the letter of the number after it (N: a whole one), its least."""


def parse_part(field_name: str, text: str, *, example: str) -> tuple[str, float]:
    """('free', 3.0) of 'free:3'. Raises ValueError for anything that is not a name, a colon and a finite number."""
    name, colon, number = text.partition(":")
    with suppress(ValueError):
        if name and colon and math.isfinite(float(number)):
            return name, float(number)
    flag = f"--{field_name.replace('_', '-')}"
    raise ValueError(f"expected {flag} NAME:NUMBER, got {text!r}; as in {example}; none: without")


@dataclass(frozen=True, kw_only=True)
class MethodConfig:
    """Settings that every method has; each method's file adds its own."""

    head_layers: int = 2
    """Linear layers in the projection head: 2 or 3. Comparisons use the same number for every method."""
    head_dim: int = 128
    """Width of the embeddings."""

    def __post_init__(self) -> None:
        require_choices(self)
        require_finite(self)
        require(self.head_layers in (2, 3), "head_layers 2 or 3", self.head_layers, "compare methods at equal depth")
        require(self.head_dim >= 1, "head_dim >= 1", self.head_dim, "the papers use 128")

    @property
    def whole_weights(self) -> str | None:
        """What it does with whole weights, so that --shard-weights is refused; None: nothing."""
        return None

    @property
    def encodes_pairs(self) -> bool:
        """Whether two views of an image pass the network for each loss, which some parts compare."""
        return True

    @property
    def starts_as_teacher(self) -> bool:
        """Whether the encoder begins as its teacher, so that a run gives it no other first weights."""
        return False

    def check(self, run: Any) -> None:
        """Raises ValueError where a run has options that the method cannot be trained with."""
        for option in ("init", "whiten") if self.starts_as_teacher else ():
            given = getattr(run, option)
            got = f"--{option}" if given is True else f"--{option} {given}"
            require(not given, f"no --{option} where the student starts as its teacher", got, "leave it out")
        if not run.shard_weights:
            return
        for option in ("compile", "chunk"):
            require(not getattr(run, option), f"--shard-weights without --{option}", "both", "leave one of them out")
        name = type(self).__name__.removesuffix("Config")
        both = f"both, and it {self.whole_weights}"
        require(self.whole_weights is None, f"--shard-weights without {name}", both, "leave it out")

    def caution(self, run: Any) -> str | None:
        """What of the method a run is too short for, with its remedy; None: nothing."""
        return None


@dataclass(frozen=True, kw_only=True)
class PartConfig:
    """Settings of a part that is put on any method; each part's file adds its own, under names that no other has.

    The field that `word` names says which of its kind the part is, as NAME:NUMBER unless it is not `numbered`; where it
    is None, or the word none where it is `numbered`, the part does nothing.
    """

    word: ClassVar[str]
    numbered: ClassVar[bool] = True
    """Whether `word` holds NAME:NUMBER."""
    example: ClassVar[str] = ""
    """What `word` may hold, where it is `numbered`."""
    purpose: ClassVar[Purpose | None] = None
    """What a method is for once the part is put on it; None: for what it was before."""

    def __post_init__(self) -> None:
        require_choices(self)
        require_finite(self)
        if self.numbered and self.chosen is not None and self.chosen.lower() == "none":
            for field in fields(self):  # what a preset set for it goes with it
                object.__setattr__(self, field.name, None if field.name == self.word else field.default)
        if self.chosen is not None and self.numbered:
            self.pick()

    @property
    def chosen(self) -> str | None:
        """What the field that `word` names holds, such as 'free:3'."""
        return getattr(self, self.word)

    @property
    def idle(self) -> bool:
        """Whether settings were changed although the part does nothing."""
        return self.chosen is None and self != type(self)()

    def require_pairs(self, config: Any) -> None:
        """Raises ValueError for a method that encodes one view of an image, where the part compares two."""
        flag, holds = f"--{self.word.replace('_', '-')}", self.chosen is None or config.method.encodes_pairs
        require(holds, f"{flag} with two views of an image", "a method that encodes one", "leave it out")

    def check(self, config: Any) -> None:
        """config: the RunConfig. Raises ValueError where a run's settings do not go with the part."""

    def caution(self, config: Any) -> str | None:
        """What of the part a run is too short for, with its remedy; None: nothing. Only called where it is chosen."""
        return None

    def resolved(self, images: Any) -> "PartConfig":
        """The part with what follows from the images trained on filled in. Raises ValueError where they lack it."""
        return self

    def notes(self, images: Any) -> list[str]:
        """What the part was resolved to by the images trained on, in a line each. Only called where it is chosen."""
        return []

    @staticmethod
    def kinds() -> Kinds:
        """What the field that `word` names may hold, where it is `numbered`."""
        raise NotImplementedError

    def pick(self) -> tuple[Any, float]:
        """What the part is put on by, out of `kinds`, and its number; a number called N must be whole.

        Raises ValueError for a name that is not known and a number below the least.
        """
        known, letter, least = self.kinds()
        name, number = parse_part(self.word, str(self.chosen), example=self.example)
        if name not in known or number < least or (letter == "N" and number != int(number)):
            forms = f":{letter} or ".join(known)
            raise ValueError(
                f"expected --{self.word.replace('_', '-')} {forms}:{letter} with {letter} >= "
                f"{least:g}, got {self.chosen!r}; try {self.example}"
            )
        return known[name], number

    def wrap(self, method: Any, config: Any) -> Any:
        """The method with the part put on it; only called where `chosen` is not None."""
        raise NotImplementedError


def typed(kind: type[_T], values: Mapping[str, Any]) -> _T:
    """An instance of a settings class from JSON values. Raises ValueError for keys that it does not have."""
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - known)
    require(not unknown, f"only settings of {kind.__name__}", ", ".join(unknown), "use the holdfast that wrote it")
    hints = get_type_hints(kind)
    for name, value in values.items():
        word = _WORDS.get(hints[name], str(hints[name]).replace("typing.", ""))
        require(_fits(value, hints[name]), f"{name} to be {word}", repr(value)[:60], "correct it, or restore the file")
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})
