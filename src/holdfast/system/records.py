"""The JSON files of a run and of a study, read with their form checked. No torch here."""

import json
from pathlib import Path
from typing import Any

from holdfast.system.forms import Form, absent, many, mapping, number, of, read_form, text, whole
from holdfast.system.intact import DamagedError, reading

_REMEDY = "restore the file from a copy, or train again"
_CONFIG: Form = {"method": text, "data": text}
_IMAGES: Form = {
    **dict.fromkeys(("data", "checksum"), text),
    **dict.fromkeys(("image_size", "limit_seed"), whole),
    **{name: absent(text) for name in ("resize", "labels", "unlabelled")},
    **{name: absent(many(text)) for name in ("subgroups", "groups", "classes", "notes")},
    "limit": absent(whole),
    "pixel_range": absent(many(number, 2)),
}
_IDS: Form = {
    **_IMAGES,
    **{name: many(whole) for name in ("train", "held_out")},
    **{name: absent(many(whole)) for name in ("balanced", "few_shot", "counts")},
    "ranges": absent(of(many(number, 2))),
}
_OF_A_TAIL = ("counts", "balanced", "few_shot")
_STUDY: Form = {
    **_IMAGES,
    **dict.fromkeys(("settings", "run", "duplicates"), mapping),
    **{name: absent(mapping) for name in ("of", "planted")},
    "parts": of(many(whole)),
    "partition_checksum": text,
    "pairs": many(many(text, 2)),
    "pair_seeds": many(many(whole, 2)),
    "seed": whole,
}


def read_config(path: Path) -> dict[str, Any]:
    """What a run's config.json holds. Raises DamagedError, with the path, where that is no run's settings."""
    return read_form(path, _CONFIG, "the settings of a run", _REMEDY)


def read_ids(path: Path) -> dict[str, Any]:
    """What a run's ids.json holds. Raises DamagedError, with the path, where that is not the images of a run."""
    found = dict.fromkeys(("limit", *_OF_A_TAIL)) | read_form(path, _IDS, "the images of a run", _REMEDY)
    lacking = [name for name in _OF_A_TAIL if found[name] is None]
    if found["counts"] is not None and lacking:
        raise DamagedError(f"expected {', '.join(lacking)} beside counts in {path}, got none; {_REMEDY}")
    return found


def read_study(path: Path) -> dict[str, Any]:
    """What study.json holds. Raises DamagedError, with the path, where that is no study."""
    remedy = "restore it, or start another study with --study"
    return dict.fromkeys(("limit", "planted")) | read_form(path, _STUDY, "a study of encoder pairs", remedy)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of removal.json. Raises DamagedError, with the path, for another content."""
    return _listed(path, "rows of a removal", "delete it to measure the removals again", many(mapping))


def read_index(path: Path) -> list[int]:
    """The ids in a study's f.json or g.json. Raises DamagedError, with the path, for another content."""
    return _listed(path, "ids of images", "restore it, or start another study with --study", many(whole))


def _listed(path: Path, what: str, remedy: str, fits: Any) -> list[Any]:
    with reading(path, what, remedy):
        found = json.loads(path.read_bytes())
        if not fits(found):
            raise DamagedError(f"expected {what} in {path}, got other content; {remedy}")
    return found
