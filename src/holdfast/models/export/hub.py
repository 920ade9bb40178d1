"""A folder that is ready to upload: weights, config, preprocessor, loading code and a card with the user's licence."""

import html
import re
from pathlib import Path
from typing import Any

from holdfast.models.encoders import Encoder
from holdfast.models.export.folder import CODE, export_encoder
from holdfast.runs import write_json
from holdfast.system import one_line

_LICENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")


def export_hub(encoder: Encoder, folder: Path, *, licence: str, name: str) -> dict[str, Any]:
    """Writes what export_encoder writes and, beside it, preprocessor_config.json and README.md.

    config.json is timm's where timm builds the network from its name and arguments; a small stem or an own pooling is
    in preprocess.json and load.py alone. Raises as export_encoder does, and ValueError without a licence.
    """
    if not licence.strip():
        raise ValueError("expected --licence with the licence of the weights, got none; as in: --licence apache-2.0")
    if not _LICENCE.fullmatch(licence):
        raise ValueError(
            f"expected the hub's word for a licence, of letters, digits, dots and dashes, got {licence!r}; as in: "
            "--licence apache-2.0"
        )

    def more(temporary: Path, facts: dict[str, Any]) -> None:
        write_json(temporary / "preprocessor_config.json", _processor(encoder))
        (temporary / "README.md").write_text(_card(facts, licence, name), encoding="utf-8")

    return export_encoder(encoder, folder, more)


def _processor(encoder: Encoder) -> dict[str, Any]:
    spec, size = encoder.spec, encoder.spec.image_size
    pixels = {"mean": list(spec.mean), "std": list(spec.std)}
    return {
        "image_mean": pixels["mean"],
        "image_std": pixels["std"],
        "do_normalize": True,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_resize": True,
        "resample": 3,
        "size": {"height": size, "width": size},
    }


def _plain(name: str) -> str:
    """A folder's name as Markdown in which nothing is markup."""
    return html.escape(re.sub(r"([\\`*_{}\[\]()#+!|~$:^])", r"\\\1", one_line(name)), quote=False)


def _card(facts: dict[str, Any], licence: str, name: str) -> str:
    return f"""---
license: {licence}
tags: [image-feature-extraction, holdfast]
---

# {_plain(name)}

An image encoder: {facts["network"]}, {facts["dim"]} features of an RGB image of {facts["image_size"]} px.

```python
import holdfast
encoder = holdfast.load_encoder("FOLDER")  # pixels [n, 3, h, w] in [0, 1] -> features [n, {facts["dim"]}]
```

`{CODE}` loads it without holdfast. Mean {facts["mean"]}, std {facts["std"]}; checksum {facts["encoder_checksum"]}.
"""
