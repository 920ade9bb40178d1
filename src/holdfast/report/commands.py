"""What measures a further axis of encoders in the way in which the others were measured: the command given, plus it."""

import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from holdfast.options import BEARS_ON
from holdfast.report.axes import AXES, Axis
from holdfast.report.collect import Encoder, Measured
from holdfast.report.wording import printable

_OF_PAIRS = ("precision", "device")
"""Options that `holdfast memorization` shares with the audit, with the same meaning."""
_OF_IMAGES = ("data", "test", "labels", "download")
"""Options that say nothing where members and non-members are all that is measured."""
_LABELS = "FILE.csv:COLUMN"
UNFINISHED = (
    "An audit of it is running or was stopped: axes that it has not come to are missing here. What finishes it:"
)


def commands(axis: Axis, encoders: Iterable[Encoder]) -> list[str]:
    """What measures the axis for encoders that lack it: one command for all that the same options fit."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for member in (member for encoder in encoders for member in encoder.members if axis.audit not in member.findings):
        head, source, options = _parts(axis, member)
        alone = axis.needs == "pairs" or "--name" in options or "--out" in options  # taken for one encoder only
        sources = found.setdefault((head, shlex.join(options), source if alone else ""), [])
        sources += [] if source in sources else [source]
    return [" ".join(filter(None, (head, *sources, options))) for (head, options, _), sources in found.items()]


def command(axis: Axis, member: Measured, source: str, spelt: Callable[[str, Any], Any]) -> str:
    """What measures the axis for one encoder, which is called `source`; spelt: (option, value) to how it is written."""
    head, _, options = _parts(axis, member, spelt)
    return " ".join(filter(None, (head, source, shlex.join(options))))


def finishing(member: Measured, source: str, spelt: Callable[[str, Any], Any]) -> str:
    """What finishes the audit of an encoder that was stopped: all axes, with what was asked for; as command."""
    given = ({} if member.run is not None else {"data": member.setting("data") or "DATA"}) | _asked(member)
    return " ".join(["holdfast audit", source, *_words({name: spelt(name, value) for name, value in given.items()})])


def unfinished(encoders: Iterable[Encoder]) -> list[str]:
    """A line for each audit that is running or was stopped, with the command that finishes it."""
    lines = []
    for encoder in encoders:
        for member in (one for one in encoder.members if one.unfinished):
            named = member.folder if member.run is not None else member.setting("encoder") or "ENCODER"
            lines.append(f"{encoder.name}: {UNFINISHED} {finishing(member, shlex.quote(printable(named)), _as_it_is)}")
    return lines


def _words(options: Mapping[str, Any]) -> list[str]:
    return [shlex.join(_flags(options))] if options else []


def _as_it_is(name: str, value: Any) -> Any:
    return value


def _parts(axis: Axis, member: Measured, spelt: Callable[[str, Any], Any] = _as_it_is) -> tuple[str, str, list[str]]:
    """(command, encoder as a shell takes it, options)."""
    head, _, rest = axis.command.partition(" RUN")
    given = _asked(member)
    if member.run is None:
        given = {"data": member.setting("data") or "DATA"} | given
    given = {name: spelt(name, value) for name, value in given.items()}
    options = {"data": given.pop("data", None)} | _read(rest) | given
    if axis.needs == "pairs":
        return _of_pairs(head, member, options)
    if axis.needs == "labels" and _unlabelled(member):
        options["labels"] = _LABELS
    drop = _OF_IMAGES if axis.needs == "members" and member.run is None else ()
    kept = {
        name: value for name, value in options.items() if axis.audit in BEARS_ON.get(name, AXES) if name not in drop
    }
    source = member.folder if member.run is not None else member.setting("encoder") or "ENCODER"
    return head, shlex.quote(printable(source)), _flags(kept)


def _of_pairs(head: str, member: Measured, options: Mapping[str, Any]) -> tuple[str, str, list[str]]:
    shared = {name: options.get(name) for name in _OF_PAIRS}
    if member.run is not None:
        return head, shlex.quote(printable(member.folder)), _flags(shared)
    return head, "--two-encoders F G", _flags({"data": options["data"], **shared})


def _asked(member: Measured) -> dict[str, Any]:
    """What was asked for beside the axes when an audit measured the encoder, balance's first."""
    order = sorted((name for name in member.findings if name in AXES), key=lambda name: name != "balance")
    settings = [member.findings[name].settings for name in order if AXES[name].needs != "pairs"]
    return dict(next((s["asked"] for s in settings if s.get("asked")), {}))


def _read(words: str) -> dict[str, list[str]]:
    """Options by name of the words '--axes tail --groups FILE.csv:COLUMN'."""
    found: dict[str, list[str]] = {}
    values: list[str] = []
    for word in shlex.split(words):
        if word.startswith("--"):
            found[word.removeprefix("--").replace("-", "_")] = values = []
        else:
            values.append(word)
    return found


def _flags(options: Mapping[str, Any]) -> list[str]:
    """Options as words of a command line."""
    words = []
    for name, value in options.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        elif value is not None:
            values = value if isinstance(value, list | tuple) else [value]
            words += [f"--{flag}", *(printable(one) for one in values)]
    return words


def _unlabelled(member: Measured) -> bool:
    """Whether its quality was measured without the accuracies that labels give."""
    quality = member.findings.get("quality")
    return quality is not None and all(score.name != "linear_accuracy" for score in quality.scores)
