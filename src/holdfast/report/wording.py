"""How names and numbers are written, the same in the page, the plots and the terminal."""

import re
from collections.abc import Mapping
from typing import Any

from holdfast.findings import Score
from holdfast.system import spelt

METHOD_NAMES = {
    "simclr": "SimCLR",
    "sdclr": "SDCLR",
    "emp-ssl": "EMP-SSL",
    "dcl": "DCL",
    "renyicl": "RényiCL",
    "fnc": "FNC",
    "vicreg": "VICReg",
    "barlow-twins": "Barlow Twins",
    "byol": "BYOL",
    "moco-v3": "MoCo v3",
    "dino": "DINO",
    "gdt": "GDT",
    "rocl": "RoCL",
    "acl": "ACL",
    "deacl": "DeACL",
    "profeat": "ProFeAT",
    "lore": "LORE",
    "dynacl++": "DynACL++",
}
"""How papers write each method of METHODS, by its command-line name."""
_UNDER_ATTACK = {("emp-ssl", "free"): "CF-AMC-SSL", ("emp-ssl", "pgd"): "robust EMP-SSL"}
OWN_ATTACKS = ("rocl", "acl", "deacl", "profeat", "lore", "dynacl++")
"""Methods whose paper has the attack itself."""
_UNDER_ATTACK |= {(name, "pgd"): METHOD_NAMES[name] for name in OWN_ATTACKS}
_PUT_ON: Mapping[str, Mapping[str, str]] = {
    "adversary": {"free": "free adversary", "pgd": "PGD adversary"},
    "penalty": {"invariance": "invariance penalty"},
    "equivariance": {"care": "Transformation Coding"},
    "soft_equivariance": {"ser": "SER"},
    "harmonize": {"gh": "GH"},
    "memory_augment": {"bcl-i": "BCL-I", "bcl-d": "BCL-D"},
    "sharpness": {"rwsam": "rwSAM"},
    "temperature_schedule": {"cosine": "temperature schedule"},
    "strength_schedule": {"steps": "strength schedule"},
    "weight_average": {"ema": "averaged weights"},
}
"""By the setting that puts a part on a method: how it is written, by its command-line name."""
_SEEN = r"; [\d,]+ of [\d,]+ seen in training without labels"
_TEST_END = re.compile(rf", (held out|set aside for the test({_SEEN})?)$")


def method_name(settings: Mapping[str, Any]) -> str:
    """What a run's settings train, as papers write it: a method, then what is put on it: twin, adversary, penalty, and
    so on.

    A part that is not known here is shown by its command-line name.
    """
    method = str(settings["method"])
    chosen = {word: str(settings.get(word) or "").partition(":")[0] for word in _PUT_ON}
    name = _UNDER_ATTACK.get((method, chosen["adversary"]))
    parts = [_variant(method, settings) or name or METHOD_NAMES.get(method, printable(method))]
    if parts == ["DynACL"]:
        chosen |= dict.fromkeys(_DYNAMIC, "")
    if method == "emp-ssl" and settings.get("prune_ratio"):
        parts.append("pruned twin")
    for word, own in chosen.items():
        if own and (word != "adversary" or name is None):
            parts.append(_PUT_ON[word].get(own, printable(own)))
    if settings.get("forget"):
        parts.append("Talos")
    return " + ".join(parts)


_DYNAMIC = ("strength_schedule", "weight_average")
"""Parts that make DynACL of ACL, with a weight of attacked views that rises."""


def _variant(method: str, settings: Mapping[str, Any]) -> str | None:
    """How a method is written whose settings make another paper's, or another of the same paper, of it."""
    if method == "acl" and settings.get("attacked_ramp") and all(settings.get(word) for word in _DYNAMIC):
        return "DynACL"
    if method == "lore" and "slack" in settings and settings["slack"] is None:
        return "FARE"
    return "DCLW" if method == "dcl" and settings.get("weighted") else None


_ARROWS = {"higher": "higher is better", "lower": "lower is better", "neither": "no better side"}


def printable(text: Any) -> str:
    """Text on one line: control characters as their visible pictures, changes of direction and what else a terminal
    would follow spelt as escapes, lone surrogates replaced."""
    pictured = "".join(chr(0x2400 + ord(c)) if ord(c) < 32 else "\u2421" if ord(c) == 127 else c for c in str(text))
    return spelt(pictured).encode("utf-8", "replace").decode()


def slug(eps: str) -> str:
    """'8_255' of '8/255': how budgets are spelt in names of scores and columns."""
    return eps.replace("/", "_").replace(".", "p").replace("-", "m").replace("+", "")


def number(value: float, unit: str, *, signed: bool = False, like: float | None = None) -> str:
    """A value without its unit: percent with one decimal, others with as many as the size of `like` (itself) needs."""
    size = abs(value if like is None else like)
    digits = ",.0f" if size >= 1000 else ".1f" if unit == "percent" or size >= 10 else ".3f"
    text = format(value, ("+" if signed else "") + digits)
    return text.replace("-", "−")


def unit_suffix(unit: str) -> str:
    """What follows a number of this unit in a sentence."""
    return {"percent": " %", "count": "", "": ""}.get(unit, f" {printable(unit)}")


def difference_unit(unit: str) -> str:
    """What follows a difference of this unit in a sentence: percentages differ by points."""
    return " points" if unit == "percent" else unit_suffix(unit)


def interval(low: float, high: float, unit: str, *, signed: bool = False, like: float | None = None) -> str:
    """'[low, high]', with the decimals that `like` needs."""
    return f"[{number(low, unit, signed=signed, like=like)}, {number(high, unit, signed=signed, like=like)}]"


def direction(score: Score) -> str:
    """Which side of the score is better, in words."""
    return direction_words(score.better)


def direction_words(better: str) -> str:
    """'higher is better' of 'higher'."""
    return _ARROWS[better]


def setting(value: Any) -> str:
    """A setting's value in words: None as a dash, lists and dictionaries on one line."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{printable(k)} {setting(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(setting(v) for v in value)
    return f"{value:g}" if isinstance(value, float) else printable(value)


def joined(words: list[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def counted(count: int, word: str) -> str:
    """'1 epoch', '2,000 epochs'."""
    return f"{count:,} {word}{'s' * (count != 1)}"


def share_and_end(test: str) -> tuple[str, str]:
    """'20% of each class of PATH', and what follows it in the name of test images: ', held out'; '' where nothing."""
    end = _TEST_END.search(test)
    return (test[: end.start()], end[0]) if end else (test, "")


def uncounted(test: Any) -> Any:
    """The name of test images without how many training saw: equal for runs that differ in seed alone."""
    return re.sub(f"{_SEEN}$", "", test) if isinstance(test, str) else test


def seen_in_training(settings: Mapping[str, Any]) -> str:
    """A sentence on test images that training saw, from a finding's settings; '' where it saw none or none is known."""
    seen, test = int(settings.get("test_images_seen_in_training") or 0), str(settings.get("test") or "")
    if not seen:
        return ""
    why = ": too few were held out" if share_and_end(test)[1] else ""
    images = settings.get("test_images")
    of = f"{seen:,} of the {images:,} test images" if isinstance(images, int) else f"{seen:,} test images"
    return f"{of} were trained on, without their labels{why}. The numbers are better than on new images."
