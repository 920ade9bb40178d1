"""Several networks of one kind in a file: which one is taken, by a rule that is said, or a refusal that names them."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from torch import Tensor

RULES: tuple[tuple[str, str, str], ...] = (
    ("target_encoder", "encoder", "I-JEPA evaluates its target encoder"),
    ("teacher", "student", "the teacher is what its authors evaluate"),
    ("teacher_backbone", "student_backbone", "the teacher is what its authors evaluate"),
    ("teacher_backbone", "backbone", "the teacher is what its authors evaluate"),
    ("teacher", "model", "the teacher is what its authors evaluate"),
    ("state_dict_ema", "state_dict", "timm evaluates the moving average"),
    ("model_ema", "model", "the moving average is what is evaluated"),
    ("encoder_q", "encoder_k", "MoCo evaluates the query encoder"),
    ("base_encoder", "momentum_encoder", "MoCo v3 evaluates the base encoder"),
    ("backbone", "momentum_backbone", "solo-learn evaluates the online backbone"),
    ("backbone", "backbone_momentum", "lightly's examples evaluate the online backbone"),
    ("backbone", "target_net", "the online backbone is what is evaluated"),
    ("backbone", "encoder_k", "the online backbone is what is evaluated"),
    ("backbone", "momentum_encoder", "the online backbone is what is evaluated"),
    ("online_network", "target_network", "the online network is what is evaluated"),
)
"""(taken, left, why): segments of names that tell two networks of a file apart."""
_STUDENT = "I-JEPA's student is what stable-pretraining evaluates"


def split_copy(source: str) -> tuple[str, str | None]:
    """('FILE', 'NAME') of 'FILE#NAME', which names one of several networks in it; None where there is no '#'."""
    file, mark, name = source.rpartition("#")
    return (file, name) if mark and name and not Path(source).exists() else (source, None)


def networks_in(names: Collection[str], anchors: Sequence[str]) -> list[str]:
    """The beginnings of names ('', 'state_dict.backbone.') under which all anchors stand, sorted."""
    names = set(names)
    first = anchors[0]
    ends = {name.removesuffix(first) for name in names if name.endswith(first)}
    starts = [end for end in sorted(ends) if end == "" or end.endswith(".")]
    return [start for start in starts if all(start + anchor in names for anchor in anchors)]


def beginnings(names: Iterable[str], needed: Iterable[str]) -> dict[str, float]:
    """By beginning ('state_dict.backbone.'): the share of a network's names that stand under it."""
    wanted, counts = set(needed), Counter[str]()
    for name in names:
        parts = name.split(".")
        for depth in range(len(parts)):
            short = ".".join(parts[depth:])
            if short in wanted:
                counts[name.removesuffix(short)] += 1
    return {start: count / len(wanted) for start, count in counts.items()}


def chosen(starts: Sequence[str], names: Collection[str], *, wanted: str | None, where: str) -> tuple[str, str]:
    """(the beginning of the network that is taken, what is said of it: '' where there is one only).

    wanted: a beginning, or a segment of it, that the user names. Raises ValueError where two are there and no rule of
    RULES prefers one, and where the wanted one is none of them.
    """
    if wanted is not None:
        fitting = [start for start in starts if start.strip(".") == wanted.strip(".")]
        fitting = fitting or [start for start in starts if wanted in start.split(".")]
        if len(fitting) != 1:
            raise ValueError(f"expected #NAME to be one network of {where}, got {wanted!r}; it holds {_listed(starts)}")
        return fitting[0], f"{_shown(fitting[0])}, as asked" if len(starts) > 1 else ""
    if len(starts) == 1:
        return starts[0], ""
    for start in starts:
        reasons = [_preferred(start, other, names) for other in starts if other != start]
        if all(reasons):
            others = [other for other in starts if other != start]
            return start, f"{_shown(start)} ({reasons[0]}); also there: {_listed(others)}"
    raise ValueError(
        f"expected one network in {where}, got {len(starts)}: {_listed(starts)}; "
        f"choose one by adding #NAME to the file's name, as in {where.rpartition(' in ')[2]}#{_distinct(starts)}"
    )


def _preferred(start: str, other: str, names: Collection[str]) -> str:
    """Why one network is taken rather than another; '' where no rule says so."""
    ours, theirs = set(start.split(".")) - set(other.split(".")), set(other.split(".")) - set(start.split("."))
    jepa = any("predictor" in name and ".blocks." in name for name in names)
    if jepa and {"teacher", "student"} <= ours | theirs:
        return _STUDENT if "student" in ours else ""
    for taken, left, why in RULES:
        if taken in ours and left in theirs:
            return why
    return ""


def left_out(tensors: dict[str, Tensor] | Collection[str], start: str) -> list[str]:
    """What a file holds beside the network at a beginning: by first differing segment, with the number of tensors."""
    counts: dict[str, int] = {}
    for name in tensors:
        if not name.startswith(start):
            group = _group(name, start)
            counts[group] = counts.get(group, 0) + 1
    return [f"{group} ({count})" if count > 1 else group for group, count in counts.items()]


def _group(name: str, start: str) -> str:
    ours, parts = start.split("."), name.split(".")
    depth = 0
    while depth < min(len(ours), len(parts)) - 1 and ours[depth] == parts[depth]:
        depth += 1
    whole = ".".join(parts[: depth + 1])
    return whole if whole == name else f"{whole}.*"


def _shown(start: str) -> str:
    return start.rstrip(".") or "the one without a prefix"


def _listed(starts: Sequence[str]) -> str:
    return ", ".join(map(_shown, starts))


def _distinct(starts: Sequence[str]) -> str:
    """A segment that only the first network has."""
    others = {part for start in starts[1:] for part in start.split(".")}
    return next((part for part in starts[0].split(".") if part and part not in others), starts[0].rstrip("."))
