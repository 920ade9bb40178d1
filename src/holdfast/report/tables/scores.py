"""The tables of a comparison as data: the page and the terminal show the same cells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from holdfast.findings import Score
from holdfast.report.axes import LIMITS, Key, Limit, conclusions, verdict
from holdfast.report.collect import Encoder, Measured, flat, scores_of
from holdfast.report.comparison import Difference, difference, estimate
from holdfast.report.statistics import Estimate
from holdfast.report.wording import (
    difference_unit,
    direction,
    interval,
    label,
    number,
    setting,
    shown,
)


@dataclass(frozen=True)
class Cell:
    """One cell: what is read, what is smaller beneath it, and what it sorts by."""

    text: str
    note: str = ""
    sort: float | str = ""
    hint: str = ""
    mark: str = ""
    """'watch' or 'differs', or nothing."""
    place: int | None = None
    """An encoder's colour beside the text."""


@dataclass(frozen=True)
class Column:
    """A column's heading."""

    text: str
    note: str = ""
    numeric: bool = True
    place: int | None = None


@dataclass(frozen=True)
class Table:
    """Columns, rows of cells (the first heads its row) and what a reader must know beside them."""

    name: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()
    sortable: bool = False


@dataclass(frozen=True)
class Section:
    """Scores that belong together: one audit and one probe."""

    audit: str
    title: str
    prefix: str = ""


SECTIONS = (
    Section("balance", "Balance, full-shot probe"),
    Section("balance", "Balance, few-shot probe", "few_shot_"),
    Section("quality", "Quality"),
    Section("robustness", "Robustness"),
    Section("invariance", "Invariance"),
)
"""Audits that are not listed follow, each under its own name."""


def sections(encoders: Sequence[Encoder]) -> list[tuple[Section, list[Score]]]:
    """The sections that any encoder has scores for, with those scores in the order the audits give them."""
    others = sorted({audit for e in encoders for m in e.members for audit in m.findings} - {s.audit for s in SECTIONS})
    found = []
    for section in (*SECTIONS, *(Section(audit, shown(audit).capitalize()) for audit in others)):
        scores = {s.name: s for e in encoders for s in scores_of(e, section.audit) if _belongs(s.name, section)}
        if scores:
            found.append((section, list(scores.values())))
    return found


def _belongs(score: str, section: Section) -> bool:
    prefixes = [s.prefix for s in SECTIONS if s.audit == section.audit and s.prefix]
    return score.startswith(section.prefix) if section.prefix else not any(score.startswith(p) for p in prefixes)


def encoder_columns(encoders: Sequence[Encoder]) -> list[Column]:
    """One column per encoder; temperature and number of runs stand beneath the name: no result goes without them."""
    return [Column(e.name, encoder_note(e), place=e.place) for e in encoders]


def encoder_note(encoder: Encoder) -> str:
    """Temperature and runs of an encoder in a few words."""
    temperature = flat(encoder.run).get("temperature")
    runs = len(encoder.members)
    varied = encoder.varies if runs > 1 else "run"
    return ", ".join([*([f"t = {setting(temperature)}"] if temperature is not None else []), f"{runs} {varied}"])


def score_table(
    encoders: Sequence[Encoder], section: Section, scores: Sequence[Score], limits: Mapping[Key, Limit] = LIMITS
) -> Table:
    """Scores by encoder, each with its interval and spread; what lies beyond a limit is marked."""
    rows, overs = [], set()
    for score in scores:
        estimates = [estimate(e, section.audit, score) for e in encoders]
        overs |= {e.over for e in estimates if e is not None and e.low is not None}
        values = [_verdict_cell(e, section, score, est, limits) for e, est in zip(encoders, estimates, strict=True)]
        rows.append([Cell(label(score.name), f"{_unit(score)}{direction(score)}", hint=score.definition), *values])
    notes = [f"Brackets: 95 % interval over {shown(over)}." for over in sorted(overs) if over]
    if any(len(e.members) > 1 for e in encoders):
        notes.append("Each number is the mean over runs; ± is the population standard deviation over runs.")
    members = [(e.name, m.findings[section.audit]) for e in encoders for m in e.with_finding(section.audit)]
    notes += dict.fromkeys(f"{name}: {said}" for name, finding in members for said in conclusions(finding))
    name = f"scores-{section.audit}{'-few-shot' if section.prefix else ''}"
    return Table(name, section.title, [Column("Score", numeric=False), *encoder_columns(encoders)], rows, notes)


def _unit(score: Score) -> str:
    return f"{shown(score.unit)}, " if score.unit else ""


def _verdict_cell(
    encoder: Encoder, section: Section, score: Score, value: Estimate | None, limits: Mapping[Key, Limit]
) -> Cell:
    limit = limits.get((section.audit, score.name))
    cell = estimate_cell(value, score.unit)
    if value is None or limit is None:
        return cell
    others = {s.name: estimate(encoder, section.audit, s) for s in scores_of(encoder, section.audit)}
    known = {name: other.value for name, other in others.items() if other is not None}
    watch = verdict(limit, value.value, known) == "watch"
    return Cell(cell.text, cell.note, cell.sort, limit.reason, "watch") if watch else cell


def estimate_cell(value: Estimate | None, unit: str) -> Cell:
    """A number with its spread, its interval beneath it."""
    if value is None:
        return Cell("–", "not measured")
    spread = "" if value.spread is None else f" ± {number(value.spread, unit, like=value.value)}"
    note = "" if value.interval is None else interval(*value.interval, unit, like=value.value)
    return Cell(number(value.value, unit) + spread, note, value.value)


def differences(encoders: Sequence[Encoder]) -> list[Difference]:
    """Every other encoder minus the first, for every score that both have."""
    found = []
    for section, scores in sections(encoders):
        for score in scores:
            found += [difference(e, encoders[0], section.audit, score) for e in encoders[1:]]
    return [d for d in found if d is not None]


def difference_table(found: Sequence[Difference], baseline: Encoder) -> Table:
    """Paired differences with both intervals and what may be said."""
    rows = [
        [
            Cell(score_title(d), sort=score_title(d), hint=d.score.definition),
            Cell(d.encoder.name, sort=d.encoder.place, place=d.encoder.place),
            Cell(number(d.value, d.score.unit, signed=True), difference_unit(d.score.unit).strip(), d.value),
            _interval_cell(d.runs.interval if d.runs else None, d.score.unit),
            _interval_cell(d.images, d.score.unit),
            Cell(d.reading, sort=d.reading, mark="apart" if "better" in d.reading else ""),
        ]
        for d in found
    ]
    columns = [
        Column("Score", numeric=False),
        Column("Encoder", numeric=False),
        Column(f"Minus {baseline.name}"),
        Column("Over runs", "95 % interval"),
        Column("Over test images", "95 % interval"),
        Column("Reading", numeric=False),
    ]
    overs = sorted({d.over for d in found if d.over})
    notes = [f"The reading rests on {over}." for over in overs]
    notes.append(
        "Over runs: training again. Over test images: these trained encoders on other images of the same kind."
    )
    notes.append("Intervals are not corrected for the number of comparisons.")
    return Table("differences", f"Differences from {baseline.name}", columns, rows, notes, sortable=True)


def score_title(d: Difference) -> str:
    """The score's label with its probe where it is the few-shot one."""
    return label(d.score.name) + (" · few-shot" if d.score.name.startswith("few_shot_") else "")


def _interval_cell(bounds: tuple[float, float] | None, unit: str) -> Cell:
    if bounds is None:
        return Cell("–")
    return Cell(interval(*bounds, unit, signed=True, like=max(bounds, key=abs)), sort=bounds[0])


_FIRST_SETTINGS = (
    *("method", "temperature", "prune_ratio", "head_layers", "head_dim", "data", "long_tail", "limit", "image_size"),
    *("encoder", "stem", "epochs", "batch_size", "optimizer", "lr", "weight_decay", "precision", "version"),
)
_HIDDEN_SETTINGS = {"seed", "split", "out", "schema"}


def settings_table(encoders: Sequence[Encoder]) -> Table:
    """Every setting of the runs; those that differ between encoders are marked and come first."""
    settings = [flat(e.run) for e in encoders]
    names = dict.fromkeys([*_FIRST_SETTINGS, *(n for s in settings for n in s)])
    names = [n for n in names if n not in _HIDDEN_SETTINGS and any(n in s for s in settings)]
    differing = {n for n in names if len({setting(s.get(n)) for s in settings}) > 1}
    rows = []
    for name in sorted(names, key=lambda n: n not in differing):
        mark = "differs" if name in differing else ""
        rows.append([Cell(shown(name), mark=mark), *(Cell(setting(s.get(name)), mark=mark) for s in settings)])
    columns = [Column("Setting", numeric=False), *(Column(e.name, numeric=False, place=e.place) for e in encoders)]
    notes = ["Marked rows differ between encoders."] if differing else []
    return Table("settings", "Run settings", columns, rows, notes)


def cost_table(encoders: Sequence[Encoder]) -> Table:
    """Seconds of training and auditing, views per second, hardware."""
    rows = [
        [Cell(e.name, f"{len(e.members)} {'run' if len(e.members) == 1 else 'runs'}", place=e.place), *_cost(e.members)]
        for e in encoders
    ]
    columns = [Column("Encoder", numeric=False), Column("Training", "s per run"), Column("Views", "per second")]
    columns += [Column("Audits", "s per encoder"), Column("Hardware", numeric=False)]
    return Table("cost", "What it cost", columns, rows)


def _cost(members: Sequence[Measured]) -> list[Cell]:
    training = [m.rows("epoch")[-1].get("seconds", 0.0) for m in members if m.rows("epoch")]
    views = [row["views_per_second"] for m in members for row in m.rows("epoch") if row.get("views_per_second")]
    audits = [sum(f.settings.get("seconds") or 0.0 for f in m.findings.values()) for m in members]
    hardware = dict.fromkeys(setting(m.setting("hardware")) for m in members)
    return [*(_mean_cell(values) for values in (training, views, audits)), Cell("; ".join(hardware))]


def _mean_cell(values: Sequence[float]) -> Cell:
    if not values:
        return Cell("–")
    mean = sum(values) / len(values)
    return Cell(f"{mean:,.0f}" if mean >= 10 else f"{mean:.1f}", sort=mean)


def provenance_table(encoders: Sequence[Encoder]) -> Table:
    """One row per folder: what was read, and the checksums that tie numbers to encoders and images."""
    columns = [Column(t, numeric=False) for t in ("Folder", "Encoder", "Seed, split", "Encoder sum", "Test images sum")]
    rows = [
        [
            Cell(shown(m.folder)),
            Cell(e.name, place=e.place),
            Cell("–" if m.key is None else setting(m.key)),
            *(Cell(setting(m.setting(name))) for name in ("encoder_checksum", "test_checksum")),
        ]
        for e in encoders
        for m in e.members
    ]
    return Table("provenance", "What was read", columns, rows)


def _row_head(cell: Cell) -> str:
    return f"{cell.text} ({cell.note.removesuffix(' is better')})" if cell.note else cell.text


def as_text(table: Table) -> str:
    """A table for a terminal or a pipe: aligned columns, two spaces between them, plain minus signs."""
    heads = [column.text for column in table.columns]
    body = [
        [_row_head(row[0]), *(" ".join(filter(None, (cell.text, cell.note))) for cell in row[1:])] for row in table.rows
    ]
    widths = [max(len(row[i]) for row in [heads, *body]) for i in range(len(heads))]
    lines = []
    for row in [heads, *body]:
        columns = zip(row, widths, table.columns, strict=True)
        lines.append("  ".join(t.rjust(w) if c.numeric else t.ljust(w) for t, w, c in columns).rstrip())
    return "\n".join([table.caption, *(f"  {line}" for line in lines)]).replace("−", "-")
