"""Makes the parts of steps one after the other: looks first, begins only what fits, keeps each result at once."""

import difflib
import gc
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from gpu_steps.bench import Bench, Part, Step
from holdfast.config import RunConfig
from holdfast.engine.session import environment, launch
from holdfast.methods import SimCLRConfig
from holdfast.runs import write_json

SCHEMA_VERSION = 1
MOST_BYTES = 16 * 2**20
"""Of a file that travels."""


def plan(steps: Sequence[Step], bench: Bench) -> list[tuple[Step, Part]]:
    """Every part with its step: by rank, then in the order of the steps."""
    pairs = [(step, part) for step in steps for part in step.parts(bench)]
    return sorted(pairs, key=lambda pair: pair[1].rank)


def document_of(step: Step, out: Path, *, tiny: bool = False) -> dict[str, Any]:
    """What is known of a step: out/STEP.json, or an empty document. Raises ValueError for one of another kind."""
    path = out / f"{step.name}.json"
    empty = {"schema": SCHEMA_VERSION, "step": step.name, "what": step.what, "tiny": tiny, "parts": {}}
    document = json.loads(path.read_text()) if path.is_file() else empty
    if document.get("schema") != SCHEMA_VERSION or document.get("tiny") != tiny:
        raise ValueError(f"expected results of the same size in {path}, got others; choose another --out")
    return document


def run_parts(steps: Sequence[Step], bench: Bench, out: Path) -> Iterator[str]:
    """Makes what is missing, in order; yields a line for each part as it ends. A part that fails stops no other."""
    for step, part in plan(steps, bench):
        document = document_of(step, out, tiny=bench.tiny)
        if part.name in document["parts"]:
            yield f"{step.name} · {part.name}: there already"
            continue
        yield _made(step, part, bench, out, document)


def _made(step: Step, part: Part, bench: Bench, out: Path, document: dict[str, Any]) -> str:
    title = f"{step.name} · {part.name}"
    if bench.left <= 0:  # not even a look would fit
        return _noted(document, out, "left_out", part, "no time was left", title)
    try:
        estimate, left = part.look(bench), bench.left
        if estimate > left:
            why = f"would take {estimate:.0f} s, {left:.0f} s were left"
            return _noted(document, out, "left_out", part, why, title)
        start = time.perf_counter()
        result = part.measure(bench)
        seconds = time.perf_counter() - start
        known = {"seconds": round(seconds, 2), "estimated_seconds": round(estimate, 2), "seeds": list(part.seeds)}
        _write(_with(document, part.name, {**known, **result, "environment": _environment()}), out)
    except Exception as error:  # time on a GPU is short: the next part may well work
        return _noted(document, out, "failed", part, f"{type(error).__name__}: {' '.join(str(error).split())}", title)
    finally:
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    return f"{title}: {seconds:.0f} s (estimated {estimate:.0f} s)"


def _with(document: dict[str, Any], name: str, result: dict[str, Any]) -> dict[str, Any]:
    """A document with a part's result, which is no longer among what was left out or failed."""
    notes = {why: {n: text for n, text in document.get(why, {}).items() if n != name} for why in ("left_out", "failed")}
    return {**document, "parts": {**document["parts"], name: result}, **notes}


def _noted(document: dict[str, Any], out: Path, why: str, part: Part, text: str, title: str) -> str:
    document.setdefault(why, {})[part.name] = text
    _write(document, out)
    return f"{title}: {why.replace('_', ' ')}: {text}"


def _write(document: dict[str, Any], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    path, size = out / f"{document['step']}.json", len(json.dumps(document, indent=1))
    if size > MOST_BYTES:
        raise ValueError(f"expected {path.name} to stay under 16 MB, got {size:,} bytes; keep less in it")
    write_json(path, document)


def _environment() -> dict[str, Any]:
    """Hardware, versions and command."""
    found = environment(launch(RunConfig(method=SimCLRConfig())))
    memory = torch.cuda.get_device_properties(0).total_memory if torch.cuda.is_available() else None
    command = ["python", *(Path(word).name if word.startswith("/") else word for word in sys.argv)]
    kept = {name: found[name] for name in ("device", "threads", "versions", "code")}
    return {**kept, "device_memory_bytes": memory, "command": " ".join(command), "started": found["started"]}


def chosen(steps: Sequence[Step], only: Sequence[str], bench: Bench) -> list[Step]:
    """The steps that `only` names, whole or as STEP/PART; all where it is empty. Raises ValueError for others."""
    names = {step.name for step in steps} | {f"{step.name}/{part.name}" for step, part in plan(steps, bench)}
    for name in only:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]}?" if near else "--list has them"
            raise ValueError(f"expected a step or STEP/PART after --only, got {name!r}; {hint}")
    found = [step for step in steps if not only or _named(step, only)]
    return [step if not only or step.name in only else _part_of(step, only) for step in found]


def _named(step: Step, only: Sequence[str]) -> bool:
    return any(name.partition("/")[0] == step.name for name in only)


def _part_of(step: Step, only: Sequence[str]) -> Step:
    return replace(step, parts=lambda bench: [p for p in step.parts(bench) if f"{step.name}/{p.name}" in only])


def listing(steps: Sequence[Step], bench: Bench, out: Path) -> Iterator[str]:
    """A line for each part, in the order in which they are made: what it takes, or took."""
    for step, part in plan(steps, bench):
        known = document_of(step, out, tiny=bench.tiny)["parts"].get(part.name)
        took = f"took {known['seconds']:.0f} s, estimated {known['estimated_seconds']:.0f}" if known else "not made yet"
        yield f"{step.name:11} {part.name:40} about {part.guess:4.0f} s on an H100; {took}"
