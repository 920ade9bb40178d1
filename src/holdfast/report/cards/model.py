"""A Hugging Face model card from a card: YAML metadata with the audit's numbers, then plain Markdown; all escaped."""

import hashlib
import html
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.report.cards.people import citation, intended_use, limits, training_data
from holdfast.report.commands import UNFINISHED
from holdfast.report.listed import axis_of, counted
from holdfast.report.wording import interval, method_name, number, printable, setting, unit_suffix

_MARK = "<!-- written by holdfast card, sha256 "
_TYPES = {
    "accuracy": r"(linear|knn|clean|corruption|robust)_accuracy(_.+)?|all|many|medium|few|worst_(class|group)",
    "roc_auc": r"auc_.+|.+_auc",
    "spearmanr": r".*_trend",
}
"""Metrics that the Hub knows, and the scores that are such; others stand in the text alone."""
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffe\uffff]")
_MARKDOWN = re.compile(r"[\\`*_\[\]|~$^]|:(?=[\w+-]+:|//)|(?<=\])\(|^[#+>=-]|(?<=^\d)[.)](?= )")
"""What begins markup within a line, or at its start; other round brackets are none."""
_LICENCE = "# license: yours to name, such as apache-2.0; no licence of holdfast's reaches the weights you train"


def model_card(document: Mapping[str, Any], *, licence: str | None = None) -> str:
    """README.md of a card (see encoder_card.card): front matter, what it is for, what was measured, how to load it.

    licence: of the weights, as the Hub spells it; None leaves a comment in its place.
    """
    text = "\n".join(["---", *_front_matter(document, licence), "---", "", *_body(document)])
    return f"{text}\n{_MARK}{_digest(text)} -->\n"


def was_edited(text: str) -> bool:
    """Whether a README.md is another's, or ours with a change."""
    ours, mark, digest = text.rpartition(f"\n{_MARK}")
    return not mark or digest != f"{_digest(ours)} -->\n"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def yaml_string(text: Any) -> str:
    """A double-quoted YAML scalar on one line: whatever text holds, it stays text."""
    quoted = str(text).encode("utf-8", "replace").decode().replace("\\", "\\\\").replace('"', '\\"')
    return '"' + _UNSAFE.sub(lambda match: "\\u" + format(ord(match[0]), "04x"), quoted) + '"'


def yaml_number(value: float) -> str:
    """A number that every YAML reads as one: 1e-05 without a dot is a string to some."""
    text = repr(value)
    return text.replace("e", ".0e") if "e" in text and "." not in text else text


def markdown(text: Any) -> str:
    """Text on one line in which nothing is markup."""
    plain = _UNSAFE.sub("", printable(text))
    return html.escape(_MARKDOWN.sub(r"\\\g<0>", plain), quote=False)


def _code(text: str) -> str:
    """A command as code, whatever a file in it is called."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    plain = _UNSAFE.sub("", printable(text))
    return f"{fence}{plain}{fence}" if len(fence) == 1 else f"{fence} {plain} {fence}"


def _front_matter(document: Mapping[str, Any], licence: str | None) -> list[str]:
    training, encoder = document["training"] or {}, document["encoder"]
    named = _LICENCE if licence is None else f"license: {yaml_string(licence)}"
    lines = [named, "library_name: holdfast", "pipeline_tag: image-feature-extraction"]
    lines += _list("base_model", _base_models(training, encoder))
    lines += _list("datasets", [_identifier(training["data"])] if training else [])
    tags = ["holdfast", "self-supervised-learning", "image-feature-extraction"]
    tags += [str(training["method"]), *(["long-tail"] if training.get("long_tail") else [])] if training else []
    return [*lines, *_list("tags", tags), *_model_index(document)]


def _list(name: str, values: Sequence[str]) -> list[str]:
    return [f"{name}:", *(f"- {yaml_string(value)}" for value in values)] if values else []


def _identifier(text: str) -> str:
    """As the Hub spells names: letters, digits, dots, dashes and underscores."""
    name = re.sub(r"\.(parquet|npz|npy)$", "", text)
    return re.sub(r"[^A-Za-z0-9._/-]+", "-", name).strip("-./")[:96] or "images"


def _base_models(training: Mapping[str, Any], encoder: Mapping[str, Any]) -> list[str]:
    """Weights that training started from, or that were audited as they are; none for random ones."""
    named = [training.get("init"), None if training else encoder["source"]]
    return [_identifier(str(n).split(":")[0]) for n in named if n and re.match(r"(timm|torchvision)/.*:pretrained", n)]


def _model_index(document: Mapping[str, Any]) -> list[str]:
    results = [line for axis in document["axes"] for line in _result(axis)]
    if not results:
        return []
    return ["model-index:", f"- name: {yaml_string(document['name'])}", "  results:", *results]


def _result(axis: Mapping[str, Any]) -> list[str]:
    """One entry of the model index: an axis on its test images."""
    kinds = {
        s["name"]: kind for s in axis["scores"] for kind, names in _TYPES.items() if re.fullmatch(names, s["name"])
    }
    scores = [score for score in axis["scores"] if score["name"] in axis["headlines"] and score["name"] in kinds]
    if not scores:
        return []
    tested = str(
        axis["settings"].get("data" if _of_pairs(axis) else "test") or axis["settings"].get("data") or "images"
    )
    lines = ["  - task:", "      type: image-feature-extraction", f"      name: {yaml_string(_title(axis))}"]
    lines += ["    dataset:", f"      type: {yaml_string(_identifier(tested))}", f"      name: {yaml_string(tested)}"]
    lines.append("    metrics:")
    for score in scores:
        value = round(score["value"], 2 if score["unit"] == "percent" else 4)
        lines += [f"    - type: {yaml_string(kinds[score['name']])}", f"      value: {yaml_number(value)}"]
        lines.append(f"      name: {yaml_string(score['label'] + ' (' + _with_interval(score) + ')')}")
    return lines


def _title(axis: Mapping[str, Any]) -> str:
    return printable(axis["axis"]).replace("_", " ").capitalize()


def _with_interval(score: Mapping[str, Any]) -> str:
    if score["interval"] is None:
        return score["unit"] or "no unit"
    low, high = (number(bound, score["unit"]) for bound in score["interval"])
    return f"{score['unit'] or 'no unit'}, 95 % interval {low} to {high}"


def _body(document: Mapping[str, Any]) -> list[str]:
    lines = [f"# {markdown(_heading(document))}", "", _what(document), ""]
    lines += _said("Intended use", intended_use(document)) + _said("Limits", limits(document))
    for axis in document["axes"]:
        lines += _section(axis)
    if document.get("set_aside"):
        lines += ["## Set aside", ""]
        lines += [f"- {markdown(odd['axis'])}: {markdown(odd['reason'])}" for odd in document["set_aside"]]
        lines.append("")
    if document["not_measured"] or document.get("unfinished"):
        lines += ["## Not measured", "", *_unfinished(document)]
        lines += [f"- {markdown(missing['axis'])}: {_code(missing['command'])}" for missing in document["not_measured"]]
        lines.append("")
    lines += _use(document["encoder"]) + _said("Training data", training_data(document))
    return [*lines, *_training(document["training"]), *_linked(_said("Citation", citation(document)))]


def _unfinished(document: Mapping[str, Any]) -> list[str]:
    """That axes are missing because an audit had not ended, with the command that finishes it."""
    if not document.get("unfinished"):
        return []
    return [f"{markdown(UNFINISHED)} {_code(document['unfinished'])}", ""]


def _heading(document: Mapping[str, Any]) -> str:
    """The name, and of a run what was trained on what: the name of a folder says nothing to others."""
    training = document["training"]
    return document["name"] + (f": {method_name(training)} trained on {training['data']}" if training else "")


def _linked(lines: Sequence[str]) -> list[str]:
    """Lines in which the addresses of papers are links again."""
    return [line.replace(r"https\://arxiv.org/abs/", "https://arxiv.org/abs/") for line in lines]


def _said(title: str, sentences: Sequence[str]) -> list[str]:
    return [f"## {title}", "", *(f"- {markdown(sentence)}" for sentence in sentences), ""] if sentences else []


def _what(document: Mapping[str, Any]) -> str:
    encoder, training = document["encoder"], document["training"]
    size = f" for images of {encoder['image_size']} px" if encoder["image_size"] else ""
    text = f"An image encoder ({markdown(encoder['source'])}{size}, {encoder['dim']} features)"
    if training:
        method = markdown(method_name(training))
        text += f", trained by {method} on {markdown(training['data'])} for {training['epochs']} epochs"
    return f"{text}. Measured with holdfast {markdown(document['holdfast'])}; `card.json` has every number."


def _section(axis: Mapping[str, Any]) -> list[str]:
    """An axis as a table, with what its numbers must not be read without."""
    settings = axis["settings"]
    known = [
        f"{name.replace('_', ' ')} {setting(settings[name])}"
        for name in _quoted(axis)
        if settings.get(name) is not None
    ]
    return [
        f"## {markdown(_title(axis))}",
        "",
        "| score | value | 95 % interval | better |",
        "|---|---|---|---|",
        *(_row(score, axis["axis"]) for score in axis["scores"] if score["name"] in axis["headlines"]),
        "",
        f"Measured on: {markdown(', '.join(known))}.",
        "",
        *(f"- {markdown(said)}" for said in (*axis.get("conclusions", ()), *axis["warnings"])),
        *([""] if axis["warnings"] or axis.get("conclusions") else []),
    ]


def _of_pairs(axis: Mapping[str, Any]) -> bool:
    return axis_of(axis["axis"]).needs == "pairs"


def _quoted(axis: Mapping[str, Any]) -> tuple[str, ...]:
    """Settings that stand beside an axis's numbers: of the pairs and their images where these were measured."""
    of = {
        "pairs": ("data", "pairs", "scored_images", "scored_views"),
        "members": ("members", "member_images", "non_members", "non_member_images"),
    }
    return (
        *of.get(axis_of(axis["axis"]).needs, ("test", "test_images", "probe_on", "protocol")),
        "budget",
        "seed",
        "precision",
    )


def _row(score: Mapping[str, Any], audit: str) -> str:
    unit, bounds = score["unit"], ""
    if score["interval"] is not None:
        low, high = score["interval"]
        bounds = interval(low, high, unit, like=score["value"])
    value = f"{number(score['value'], unit)}{unit_suffix(unit)}"
    of = counted(score["name"], audit)
    label = score["label"] + (f", {of}" if of else "")
    return f"| {markdown(label)} | {markdown(value)} | {bounds} | {score['better']} |"


def _use(encoder: Mapping[str, Any]) -> list[str]:
    if encoder["file"] is None:
        return []
    return [
        "## Use",
        "",
        "```python",
        "import holdfast",
        "",
        f"encoder = holdfast.load_encoder({json.dumps(encoder['file'])})  # with its .json beside it",
        "features = encoder(images)  # pixels [n, 3, h, w] in [0, 1]; normalisation is inside",
        "```",
        "",
        "`holdfast export` writes the same weights for timm alone.",
        "",
    ]


def _training(training: Mapping[str, Any] | None) -> list[str]:
    if not training:
        return []
    plain = {name: value for name, value in training.items() if not isinstance(value, Mapping) and value is not None}
    rows = [f"| {markdown(name)} | {markdown(setting(value))} |" for name, value in plain.items()]
    return ["## Training", "", "| setting | value |", "|---|---|", *rows, ""]
