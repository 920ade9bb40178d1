"""Ways to damage a file, by name: what disks, other programs and people do to files that were written well."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Damage = Callable[[Path], object]


def cut(file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])


def flipped(file: Path) -> None:
    """One bit in the middle."""
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))


def folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def loop(file: Path) -> None:
    file.unlink()
    file.symlink_to(file.name)


def unreadable(file: Path) -> None:
    """A root of tests reads everything: there the file is gone from under its name instead."""
    if os.geteuid():
        file.chmod(0)
    else:
        file.rename(file.with_name(f"{file.name}.moved"))
        file.symlink_to("nowhere")


ANY: dict[str, Damage] = {
    "cut": cut,
    "empty": lambda file: file.write_bytes(b""),
    "garbage": lambda file: file.write_bytes(bytes(range(256)) * 3),
    "a folder": folder,
    "a loop": loop,
    "unreadable": unreadable,
}
GONE: dict[str, Damage] = {"gone": Path.unlink}
JSON: dict[str, Damage] = {
    "a list": lambda file: file.write_text("[]"),
    "a number": lambda file: file.write_text("5"),
    "null": lambda file: file.write_text("null"),
    "an empty object": lambda file: file.write_text("{}"),
    "nested beyond reason": lambda file: file.write_text("[" * 20_000),
    "UTF-16": lambda file: file.write_bytes(file.read_text().encode("utf-16")),
}


def edited(change: Callable[[Any], object]) -> Damage:
    """A JSON file with a change to its document."""

    def damage(file: Path) -> None:
        document = json.loads(file.read_text())
        change(document)
        file.write_text(json.dumps(document))

    return damage


def keys_of(names: tuple[str, ...], *inside: str | int) -> Iterator[tuple[str, Damage]]:
    """Every name dropped, and given values of other types; inside: where the object with the names stands."""

    def at(document: Any) -> Any:
        for step in inside:
            document = document[step]
        return document

    where = ".".join(map(str, inside))
    for name in names:
        yield f"{where} without {name}", edited(lambda document, name=name: at(document).pop(name))
        for word, value in (("text", "x"), ("null", None), ("NaN", float("nan")), ("a list of one", [1])):
            yield (
                f"{where} {name} is {word}",
                edited(lambda document, name=name, value=value: at(document).update({name: value})),
            )


def _rewritten(change: Callable[[pa.Table], pa.Table]) -> Damage:
    return lambda file: pq.write_table(change(pq.read_table(file)), file)


def _column(table: pa.Table, values: list[Any]) -> pa.Table:
    return table.set_column(0, table.column_names[0], pa.array(values))


PARQUET: dict[str, Damage] = {
    "without its first column": _rewritten(lambda table: table.drop_columns(table.column_names[:1])),
    "text in its first column": _rewritten(lambda table: _column(table, ["x"] * len(table))),
    "NaN in its first column": _rewritten(lambda table: _column(table, [float("nan")] * len(table))),
    "without rows": _rewritten(lambda table: table.slice(0, 0)),
    "half of its rows": _rewritten(lambda table: table.slice(0, len(table) // 2)),
    "JSON": lambda file: file.write_text("{}"),
}
