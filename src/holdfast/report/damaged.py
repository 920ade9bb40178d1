"""What cannot be shown: a page, a comparison or a card goes without the one piece that breaks it, and names it."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from holdfast.report.belonging import SetAside
from holdfast.report.collect import Encoder, Measured

_T = TypeVar("_T")
_Step = Callable[[Measured], Measured]


def without_damage(
    encoders: Sequence[Encoder], make: Callable[[Sequence[Encoder]], _T]
) -> tuple[_T, Sequence[Encoder]]:
    """(what make gives, the encoders that it was made of).

    Where making fails, every finding, the settings, metrics and environment of a run and its images are tried one after
    another: what makes it fail is set aside, with the reason, and the rest is made. Raises what make raises where no
    piece is the cause, and at once with HOLDFAST_DEBUG.
    """
    try:
        return make(encoders), encoders
    except Exception as error:
        mended = [] if os.environ.get("HOLDFAST_DEBUG") else [_mended(encoder, make) for encoder in encoders]
        left = [encoder for encoder in mended if encoder.members]
        if not left or _asides(mended) == _asides(encoders):
            raise
        if len(left) < len(mended):
            gone = next(encoder for encoder in mended if not encoder.members)
            raise ValueError(
                f"expected findings of {gone.name} that can be shown, got none ({failure_words(error)}); measure "
                "again: holdfast audit"
            ) from error
        return make(left), left


def aside_lines(encoders: Sequence[Encoder]) -> list[str]:
    """A sentence for each finding or file that is set aside."""
    return [aside.said(encoder.name) for encoder in encoders for m in encoder.members for aside in m.set_aside]


def _asides(encoders: Sequence[Encoder]) -> int:
    return sum(len(member.set_aside) for encoder in encoders for member in encoder.members)


def failure_words(error: Exception) -> str:
    """An error in a few words, without its remedy."""
    text = re.sub(r"(?<!\w)/\S+/", "", " ".join(str(error).split()))  # where a file lies is nobody's business
    if text.startswith("expected"):
        return text.rpartition("; ")[0] or text
    return f"it does not hold what is shown of it ({type(error).__name__}: {text[:100]})"


def _mended(encoder: Encoder, make: Callable[[Sequence[Encoder]], object]) -> Encoder:
    """An encoder of those pieces that can be shown; without members where there are none."""
    members = []
    for member in encoder.members:
        kept = replace(member, findings={}, run=None, metrics=(), environment={}, pictures=False)
        for name, add in _pieces(member):
            more = add(kept)
            try:
                make([replace(encoder, members=(more,))])
            except Exception as error:
                kept = replace(kept, set_aside=[*kept.set_aside, SetAside(name, failure_words(error))])
            else:
                kept = more
        members.append(kept)
    return replace(encoder, members=tuple(member for member in members if member.findings))


def _pieces(member: Measured) -> Iterator[tuple[str, _Step]]:
    """By name: what adds a piece of a member to those that can be shown; findings first, as nothing is shown alone."""
    for name, finding in member.findings.items():
        yield name, lambda kept, own={name: finding}: replace(kept, findings={**kept.findings, **own})
    yield "run settings", lambda kept: replace(kept, run=member.run)
    yield "metrics", lambda kept: replace(kept, metrics=member.metrics)
    yield "environment", lambda kept: replace(kept, environment=member.environment)
    yield "images", lambda kept: replace(kept, pictures=member.pictures)
