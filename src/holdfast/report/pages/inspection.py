"""The page of an inspected collection: what there is, how uneven, and what to do; one self-contained file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from holdfast.report.page import fill
from holdfast.report.wording import counted
from holdfast.runs import atomic_path
from holdfast.system import SAME, about

_BARS = 60


def inspection_page(document: Mapping[str, Any], path: Path | str) -> Path:
    """Writes the page of what `holdfast inspect` found; returns its path. All text from the source is escaped."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(target) as temporary:
        temporary.write_text(render_inspection(document), encoding="utf-8")
    return target


def render_inspection(document: Mapping[str, Any]) -> str:
    """The page as text."""
    return fill(
        "pages/inspection.html.j2",
        document=document,
        pictures=document.get("pictures", ()),
        facts=facts(document),
        frequencies=[_bars(entry) for entry in document["frequencies"]],
    )


def facts(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and values of what is counted, the same on the page and in the terminal."""
    images, sizes, twins = document["images"], document["sizes"], document["duplicates"]
    some = "" if images["looked_at"] == images["found"] else f" ({images['looked_at']:,} of them looked at, a draw)"
    side = sizes["shorter_side"]
    others = document.get("other_files", 0)
    beside = f"; {others:,} other file{'s' * (others != 1)} beside them" if others else ""
    aside = images["set_aside"]
    usable = f"{images['usable']:,} usable, {aside:,} set aside" if aside else "all usable"
    found = [
        ("images", f"{images['found']:,}{some}, {usable}{beside}"),
        ("formats", _counts(document["formats"])),
        ("modes", _counts(document["modes"])),
        ("shorter side", f"{side['smallest']:.0f} to {side['largest']:.0f} pixels, median {side['median']:.0f}"),
        ("shape", f"{sizes['square']:,} square; longest over shortest side {_ratio(sizes['longer_over_shorter'])}"),
        ("on disk", f"{sizes['bytes']['all'] / 2**20:,.1f} MiB, median {sizes['bytes']['median'] / 1024:,.1f} KiB"),
    ]
    found += [("values", _values(entry)) for entry in document.get("values", ())]
    found += [("not taken", f"{what}: {count:,} files") for what, count in document.get("not_taken", {}).items()]
    found += [("contents", text) for text in document.get("holds", ())]
    found += [("left out", text) for text in document.get("left_out", ())]
    every = "" if twins["every_pair"] else " (not every pair compared)"
    lines = [
        ("copies", _twins(twins["exact"], "are one picture", "are {:,} pictures"), twins["exact"]["groups"]),
        (
            "near-duplicates",
            _twins(twins["near"], "look alike", "look alike, in {:,} groups") + every,
            twins["near"]["groups"],
        ),
        ("plain", f"{document['plain']:,} plain surface{'s' * (document['plain'] != 1)}", document["plain"]),
        ("grey", f"{document['grey']:,} without colour", document["grey"]),
    ]
    found += [(name, text) for name, text, number in lines if number]
    if (both := document["overlap"]) is not None:
        other = f"{document['against']} ({both['other_images']:,} images)"
        found.append(("overlap", f"{both['near']:,} images are in {other} too, {both['exact']:,} of them copies"))
    found += _alike(document)
    found += [(entry["of"], _evenness(entry)) for entry in document["frequencies"]]
    return [*found, *_cost(document["cost"])]


def _alike(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is alike by the features of an encoder; nothing where none was named."""
    found = document.get("by_features")
    if found is None:
        return []
    if found["cosine"] is None:
        text = f"random pairs have the same direction by {found['encoder']}: no cosine tells duplicates apart"
        return [("by features", text)]
    within, against = found["within"], found["against"]
    text = f"{within['images']:,} images have another one alike (pairs: {within['pairs']:,}; cosine from "
    rows = [("by features", f"{text}{found['cosine']:.4f}), by {found['encoder']}")]
    if against is not None:
        rows.append(("overlap by them", f"{against['images']:,} images have one alike in {document['against']}"))
    return rows


def _values(entry: Mapping[str, Any]) -> str:
    """What deep pixels reach, and what becomes of them."""
    low, high = entry["black_white"]
    return (
        f"{entry['images']:,} images hold {entry['kind']} of more than 8 bits, from {entry['low']:,.6g} to "
        f"{entry['high']:,.6g}: {low:,.6g} becomes black and {high:,.6g} white in all of them (--pixel-range)"
    )


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in counts.items())


def _ratio(spread: Mapping[str, float]) -> str:
    return f"{spread['smallest']:.2f} to {spread['largest']:.2f}, median {spread['median']:.2f}"


def _twins(found: Mapping[str, Any], one: str, several: str) -> str:
    groups = found["groups"]
    return f"{found['extra_images'] + groups:,} images {one if groups == 1 else several.format(groups)}"


def _evenness(entry: Mapping[str, Any]) -> str:
    text = f"{entry['count']:,}, {entry['largest']:,} to {entry['smallest']:,} images: {entry['imbalance']:.1f} to 1"
    if entry["rare_third_share"] is not None:
        text += f"; the rarest third has {100 * entry['rare_third_share']:.1f} % of all images"
    return f"{text}; as uneven as {entry['effective']:.1f} equal ones"


def _cost(cost: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    if cost is None:
        return []
    seconds, busy = 3600 * cost["hours"], cost.get("busy", 1.0)
    slowed = f"; other work slows this machine {busy:.1f} times just now" if busy > SAME else ""
    return [
        (
            "time",
            f"about {about(seconds / busy, seconds)}: {cost['method']}, {cost['encoder']} at {cost['image_size']} "
            f"pixels, {counted(cost['epochs'], 'epoch')} × {counted(cost['steps_per_epoch'], 'step')} of "
            f"{counted(cost['batch_size'], 'image')}, "
            f"{cost['seconds']:.2f} s each ({cost['device']}, {cost['precision']}; measured up to "
            f"{cost['measured_batch']} images, then a line{slowed})",
        ),
        (
            "memory",
            f"about {cost['memory'] / 2**30:.1f} GiB for a step, {cost['images_bytes'] / 2**30:.2f} GiB for the images",
        ),
    ]


def _bars(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The largest classes and the smallest, with bars."""
    rows = entry["rows"]
    kept = rows if len(rows) <= _BARS else [*rows[: _BARS // 2], *rows[-_BARS // 2 :]]
    return {
        "of": entry["of"],
        "left_out": len(rows) - len(kept),
        "rows": [{**row, "width": round(100 * row["images"] / max(1, entry["largest"]), 2)} for row in kept],
    }
