"""The tables of docs/scaling.md: what a step costs on several GPUs by the model of benchmarks/scaling.py, and what was
counted of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from number_pages.engine import Block, Passage, Piece, number, results

PAGE = "docs/scaling.md"
NETWORKS = ("ResNet-50", "ViT-B/16")


def _rows(network: str, batch: int | None = None) -> list[dict[str, Any]]:
    rows = [row for row in results("scaling")["table"] if row["network"] == network]
    return sorted((row for row in rows if batch in (None, row["batch"])), key=lambda row: row["gpus"])


def _short(value: float) -> str:
    """Two or three figures."""
    return number(value, 0 if value >= 10 else 1 if value >= 1 else 2 if value < 0.1 else 1)


def _of_a_view() -> list[str]:
    first = [_rows(network)[0] for network in NETWORKS]
    lines = [f"| of a view | {' | '.join(NETWORKS)} |", "|---|---|---|"]
    flops = [f"{number(row['flops'] / row['views'] / 1e9, 1)} GFLOP" for row in first]
    kept = [f"{number(row['activations'] / row['views'] / 1e6, 0)} MB" for row in first]
    reduced = [f"{number(row['gradients'] / 1e6, 0)} MB" for row in first]
    lines.append(f"| forward and backward | {' | '.join(flops)} |")
    lines.append(f"| activations kept | {' | '.join(kept)} |")
    return [*lines, f"| gradients reduced, for each process and step | {' | '.join(reduced)} |"]


def _dotted(values: Sequence[float], scale: float = 1.0) -> str:
    return " · ".join(_short(value / scale) if scale > 1 else number(value, 0) for value in values)


def _of_a_batch() -> list[str]:
    batches = sorted({row["batch"] for row in results("scaling")["table"]})
    gpus = ", ".join(number(row["gpus"], 0) for row in _rows("ResNet-50", batches[0]))
    lines = [
        f"| batch | views on each of {gpus} GPUs | activations there, ResNet-50 | loss, on every GPU | embeddings "
        "summed in the backward |",
        "|---|---|---|---|---|",
    ]
    for batch in batches:
        rows = _rows("ResNet-50", batch)
        views, kept = [row["views"] for row in rows], [row["activations"] for row in rows]
        loss = f"{_short(rows[0]['loss_flops'] / 1e12)} TFLOP, {_short(rows[0]['loss_bytes'] / 1e9)} GB"
        summed = f"{number(rows[0]['summed'] / 1e6, 0)} MB"
        lines.append(f"| {number(batch, 0)} | {_dotted(views)} | {_dotted(kept, 1e9)} GB | {loss} | {summed} |")
    return lines


def _side_by_side() -> list[str]:
    """A line a network and number of processes: what the model predicts and what was counted, both."""
    heads = ("GFLOP", "kept, MB", "held, kB", "weights, kB", "gradients, kB", "embeddings, kB", "norms and buffers, kB")
    lines = [f"| network, processes | {' | '.join(heads)} |", f"|{'---|' * (len(heads) + 1)}"]
    for row in results("scaling")["checked"]["rows"]:
        sides = [_compared(row[side]) for side in ("predicted", "counted")]
        cells = [f"{one} · {other}" if one or other else "" for one, other in zip(*sides, strict=True)]
        shares = ", shares" if row["shares"] else ""
        lines.append(f"| {row['network']}, {row['gpus']}{shares} | {' | '.join(cells)} |")
    return lines


def _compared(side: Mapping[str, float]) -> list[str]:
    of = {name: sum(side.get(each, 0) for each in name.split()) for name in _COLUMNS}
    return [number(of[name] / scale, digits) if of[name] else "" for name, (scale, digits) in _COLUMNS.items()]


_COLUMNS: Mapping[str, tuple[float, int]] = {
    "flops": (1e9, 3),
    "kept": (1e6, 1),
    "held": (1e3, 1),
    "weights": (1e3, 1),
    "gradients": (1e3, 1),
    "gathered counts summed": (1e3, 1),
    "norms buffers": (1e3, 1),
}


def furthest(*, shares: bool) -> float:
    """The largest difference between what the model predicts and what was counted, in percent."""
    rows = [row for row in results("scaling")["checked"]["rows"] if row["shares"] == shares]
    pairs = [(row["predicted"][name], row["counted"][name]) for row in rows for name in row["counted"]]
    return max(100 * abs(counted / predicted - 1) for predicted, counted in pairs)


def pieces() -> list[Piece]:
    """The tables, and the sentences that quote them."""
    checked, steps = results("scaling")["checked"], results("chunk")
    step = {name: {way: number(mib, 0) for way, mib in ways.items()} for name, ways in steps.items()}
    resnet, vit, blocks = step["resnet"], step["vit"], "--checkpoint-activations"
    other = step["vit, another run"]
    inside = "\n".join([*_of_a_view(), "", *_of_a_batch()])
    matrices = _rows("ResNet-50", 16384)[0]["loss_bytes"] / 1e9
    return [
        Block(PAGE, "scaling", inside),
        Block(PAGE, "scaling counts", "\n".join(_side_by_side())),
        Passage(PAGE, "at 16,384 they take {} GB", [_short(matrices)]),
        Passage(
            PAGE,
            "All are as predicted, memory to {} %; shares of weights to {} %",
            [number(furthest(shares=shares), 1) for shares in (False, True)],
        ),
        Passage(PAGE, "{} MiB in place of {} (ResNet-18", [resnet[blocks], resnet["whole"]]),
        Passage(
            PAGE,
            "{} MiB in place of {}, in another run {} of {} (ViT-S, batch 32 of 224 pixels; the process's peak, whose "
            "memory is given back as the system likes; `--chunk 8`: {} MiB)",
            [vit[blocks], vit["whole"], other[blocks], other["whole"], vit["--chunk"]],
        ),
        Passage(PAGE, "three matrices at once: {} were counted", [number(checked["loss_matrices"], 2)]),
    ]
