"""Executes a notebook as a kernel does, in this process; as a script it renews the outputs of the file it is given."""

import ast
import base64
import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text("utf-8"))


def executed(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook with the outputs of its code cells, run in their order in the current folder."""
    names: dict[str, Any] = {"__name__": "__main__"}
    cells, number = [], 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            number += 1
            cell = {**cell, "execution_count": number, "outputs": _outputs("".join(cell["source"]), names, number)}
        cells.append(cell)
    return {**notebook, "cells": cells}


def _outputs(source: str, names: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """What a cell prints, and the value of its last line where that is an expression."""
    tree, printed = ast.parse(source), io.StringIO()
    end = tree.body[-1] if tree.body else None
    last = end if isinstance(end, ast.Expr) else None
    tree.body = tree.body[:-1] if last else tree.body
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, f"cell {number}", "exec"), names)
        value = None if last is None else eval(compile(ast.Expression(last.value), f"cell {number}", "eval"), names)
    found = []
    if printed.getvalue():
        found.append({"output_type": "stream", "name": "stdout", "text": printed.getvalue().splitlines(keepends=True)})
    if value is not None:
        result = {"output_type": "execute_result", "execution_count": number, "metadata": {}, "data": shown(value)}
        found.append(result)
    return found


def shown(value: Any) -> dict[str, Any]:
    """The value by MIME type: text, a table where the object has one, a picture of a figure."""
    data: dict[str, Any] = {"text/plain": repr(value).splitlines(keepends=True)}
    if table := value._repr_html_() if hasattr(value, "_repr_html_") else None:
        data["text/html"] = table.splitlines(keepends=True)
    if hasattr(value, "savefig"):
        picture = io.BytesIO()
        value.savefig(picture, format="png", dpi=72)
        data["image/png"] = base64.b64encode(picture.getvalue()).decode()
    return data


if __name__ == "__main__":
    import os
    import tempfile

    path = Path(sys.argv[1]).resolve()
    document = read(path)
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        document = executed(document)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
