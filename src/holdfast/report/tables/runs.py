"""What was run and what it cost: settings, seconds, folders and checksums."""

from collections.abc import Sequence

from holdfast.report.cells import Cell, Column, Table
from holdfast.report.collect import Encoder, Measured, flat
from holdfast.report.wording import printable, setting

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
        rows.append([Cell(printable(name), mark=mark), *(Cell(setting(s.get(name)), mark=mark) for s in settings)])
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


_LOADED = (
    *(("Source", "source"), ("Network", "network"), ("Recognised as", "layout"), ("Weights", "weights")),
    *(("Tensors matched", "matched"), ("Tensors", "tensors"), ("Taken", "copy"), ("Left out", "left_out")),
    *(("Input, px", "image_size"), ("Input from", "size_from"), ("Positions", "positions"), ("Made for", "resize")),
    *(("Mean", "mean"), ("Std", "std"), ("Pixels from", "pixels_from"), ("Pooling", "pool")),
    *(("Pooling from", "pool_from"), ("Features", "dim"), ("Checksum", "checksum"), ("Notes", "notes")),
)
"""(words, field of what a load decided)."""


def load_table(encoders: Sequence[Encoder]) -> Table:
    """What was decided as each encoder was loaded; no rows where nothing was recorded."""
    found = [next((load for m in e.members if isinstance(load := m.setting("load"), dict)), {}) for e in encoders]
    rows = []
    for words, name in _LOADED:
        values = [load.get(name) for load in found]
        if any(value not in (None, "", []) for value in values):
            rows.append([Cell(words), *(Cell(setting(value)) for value in values)])
    columns = [Column("Loaded", numeric=False), *(Column(e.name, numeric=False, place=e.place) for e in encoders)]
    return Table("load", "How encoders were loaded", columns, rows)


def provenance_table(encoders: Sequence[Encoder]) -> Table:
    """One row per folder: what was read, and the checksums that tie numbers to encoders and images."""
    columns = [Column(t, numeric=False) for t in ("Folder", "Encoder", "Seed, split", "Encoder sum", "Test images sum")]
    rows = [
        [
            Cell(printable(m.folder)),
            Cell(e.name, place=e.place),
            Cell("–" if m.key is None else setting(m.key)),
            *(Cell(setting(m.setting(name))) for name in ("encoder_checksum", "test_checksum")),
        ]
        for e in encoders
        for m in e.members
    ]
    return Table("provenance", "What was read", columns, rows)
