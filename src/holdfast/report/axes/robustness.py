"""Robustness: does an encoder withstand an attacker who changes pixels a little?"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from holdfast.atlas import Atlas
from holdfast.findings import Finding
from holdfast.report.axes.base import PROBED, Axis, Drawing, HeadlineMeasure, Limit, Section
from holdfast.report.axes.numbers import kept
from holdfast.report.cells import Cell, Column, Table
from holdfast.report.collect import Encoder, Measured
from holdfast.report.images import Field, Gallery, PerImage, Pictures, View, joined_by_id
from holdfast.report.paired import Sample, group_means, mean
from holdfast.report.plots import attack_plots
from holdfast.report.samples import Columns, evenly
from holdfast.report.wording import printable, slug


def _sample(measured: Measured, finding: Finding, score: str) -> Sample | None:
    columns = finding.columns
    budget = re.fullmatch(r"(pgd|robust)_accuracy_(.+?)(?:_(many|medium|few))?", score)
    if budget and budget[3]:
        return _group_sample(measured, columns, budget[2], budget[3])
    hits = _hits(columns, score)
    if hits is not None:
        return mean(columns["id"], np.where(columns["attacked"], 100.0 * hits, np.nan))
    if score == "corruption_accuracy" and "corruption_right" in columns:
        return mean(columns["id"], 100.0 * columns["corruption_right"])
    column = "corruption_drift" if score == "corruption_drift" else score.replace("feature_drift_", "drift_")
    return mean(columns["id"], columns[column]) if column in columns and "drift" in score else None


def _hits(columns: Columns, score: str) -> np.ndarray | None:
    """By test image, 1 right and 0 wrong or broken; what it says of images not attacked means nothing."""
    budget = re.fullmatch(r"(pgd|pgd20|robust)_accuracy_(.+)", score)
    if score == "clean_accuracy":
        return columns.get("right")
    if budget and budget[1] == "robust":
        return columns.get(f"robust_{budget[2]}")
    if budget and f"iteration_{budget[2]}" in columns:
        steps = columns[f"iteration_{budget[2]}"]
        stood = (steps < 0) | ((steps > 20) & (budget[1] == "pgd20"))
        return np.where(columns["right"] == 1, stood, columns["right"])
    return None


def _group_sample(measured: Measured, columns: Columns, eps: str, group: str) -> Sample | None:
    """Mean over a group's classes; which they are stands in the balance audit of the same images."""
    hits, balance = columns.get(f"robust_{eps}"), measured.findings.get("balance")
    if hits is None or balance is None or not {"id", "label", "group"} <= set(balance.columns):
        return None
    if not np.array_equal(balance.columns["id"], columns["id"]):
        return None
    attacked, labels = columns["attacked"].astype(bool), balance.columns["label"]
    inside = np.unique(labels[attacked & (balance.columns["group"] == group)])
    return group_means(columns["id"], np.where(attacked, 100.0 * hits, np.nan), labels, evenly(inside))


def _tables(encoders: Sequence[Encoder]) -> list[Table]:
    """The cascade of each encoder that has one: what each attack broke of what was left."""
    tables = []
    for encoder in encoders:
        for member in encoder.with_finding("robustness")[:1]:
            rows = [row for row in member.findings["robustness"].tables.get("attacks", ()) if row["tried"]]
            if rows and "title" in rows[0]:
                tables.append(_cascade(encoder.name, rows))
    return tables


def _cascade(name: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    columns = [Column("Attack", numeric=False), Column("Budget", numeric=False)]
    columns += [Column("Left before"), Column("Tried on"), Column("Broke"), Column("Accuracy left (%)")]
    cells = [
        [
            Cell(printable(row["title"])),
            Cell(printable(row["eps"])),
            *(Cell(f"{row[key]:,}", sort=row[key]) for key in ("left", "tried", "broke")),
            Cell(f"{row['accuracy_left']:.1f}", sort=row["accuracy_left"]),
        ]
        for row in rows
    ]
    caption = f"What each attack broke: {printable(name)}. PGD meets every right image, the others what is left."
    return Table("cascade", caption, columns, cells)


def _fields(findings: Mapping[str, Finding], atlas: Atlas) -> Iterator[Field]:
    """The budget at which an attacked image breaks, and the steps that it took at the largest."""
    finding = findings.get("robustness")
    if finding is None or "right" not in finding.columns:
        return
    budgets = [str(eps) for eps in finding.settings.get("attack_eps", ())]
    budgets = [eps for eps in budgets if f"robust_{slug(eps)}" in finding.columns]
    right = joined_by_id(finding, "right", atlas.ids)
    stood = sum((joined_by_id(finding, f"robust_{slug(eps)}", atlas.ids) == 1).astype(float) for eps in budgets)
    values = np.where(right == 1, 1 + stood, np.where(right == 0, 0.0, np.nan))
    names = ["wrong before any attack", *(f"breaks at {eps}" for eps in budgets), "withstands all attacks"]
    yield Field("robust", "Under attack", values, names, on_map=True, keep="all")
    for eps in budgets[-1:]:
        steps = joined_by_id(finding, f"iteration_{slug(eps)}", atlas.ids)
        if f"broken_by_{slug(eps)}" in finding.columns:
            by = joined_by_id(finding, f"broken_by_{slug(eps)}", atlas.ids)
            names = ["none", *(printable(name) for name in finding.settings.get("attacks_run", ()))]
            yield Field("broken-by", f"Attack that broke it at {eps}", np.where(by >= 0, by, np.nan), names)
        yield Field("steps", f"Steps of PGD to break it at {eps}", np.where(steps >= 0, steps, np.nan), digits=0)


def _galleries(number: int, view: View, pictures: Pictures) -> Iterator[Gallery]:
    finding = view.member.findings.get("robustness")
    ids = pictures.sets[view.number].ids
    place = {int(name): row for row, name in enumerate(ids)}
    broken = [] if finding is None else [r for r in finding.tables.get("first_broken", ()) if r["id"] in place]
    if not broken:
        return
    text = (
        "The images that gave way to the smallest budget in the fewest steps of PGD: as it is, as the attack left it, "
        "and what was added, magnified (grey: nothing)."
    )
    extras = [_attack_pictures(row) for row in broken]
    rows = np.array([place[row["id"]] for row in broken])
    yield Gallery("first-broken", "First broken by the attack", text, number, rows, extras=extras)


def _attack_pictures(row: Mapping[str, Any]) -> dict[str, Any]:
    steps = "a step" if row["iteration"] == 1 else f"{row['iteration']} steps"
    return {
        "pictures": [
            {"text": "attacked", "png": row["attacked"]},
            {"text": f"change × {row['magnified']:g}", "png": row["perturbation"]},
        ],
        "caption": f"{printable(row['eps'])}, {steps}",
        "predicted": row["predicted"],
    }


ROBUSTNESS = Axis(
    audit="robustness",
    title="Robustness",
    question="Does it withstand an attacker who changes pixels a little?",
    explained="The attacker sees everything and may change every pixel by up to the budget. An image counts as broken "
    "as soon as any attack at this or a smaller budget broke it.",
    command="holdfast audit RUN --axes robustness",
    needs="images",
    measures=(
        HeadlineMeasure(
            name="kept",
            label="Accuracy kept at 8/255",
            unit="percent",
            better="higher",
            range=(0.0, 100.0),
            scale=(0.0, 100.0),
            meaning="Of the test images that are right, those still right when every pixel may change by 8/255 of the "
            "way from black to white, which the eye hardly sees.",
            of=kept,
        ),
    ),
    limits={
        "kept": Limit(
            least=20.0,
            reason="Encoders trained without attacks keep next to nothing at 8/255; adversarially trained ones publish "
            "23 to 44 % of their clean accuracy on CIFAR-10 (arXiv:2501.03507): below a fifth lies under all of these.",
            spoiled_by=("without_gradient", "near_collapse"),
        ),
        "gradient_masking": Limit(
            most=5.0,
            reason="Single images are normal. Where Square breaks more than one in twenty of the images that withstood "
            "every attack by gradient, the model hides its gradient and no number of PGD is to be believed.",
            means="hidden gradients",
        ),
    },
    labels={"clean_accuracy": "Clean accuracy", "without_gradient": "Right images that no gradient reaches"},
    counted={r"(clean|robust|pgd|pgd20|corruption)_accuracy(_(?!.*(many|medium|few)$).+)?": "of all attacked images"},
    shortlist=(
        "clean_accuracy",
        r"robust_accuracy_(\d+_255|\d[\dp]*)",
        "corruption_accuracy",
        r"feature_drift_.+",
        "corruption_drift",
    ),
    top=("clean_accuracy",),
    sections=(Section("robustness", "Robustness"),),
    open_scores=7,
    facts=(
        ("Attacked images", "attacked_images"),
        ("Norm", "attack_norm"),
        ("Budgets", "attack_eps"),
        ("Steps of PGD", "attack_steps"),
        ("Restarts", "attack_restarts"),
        ("AutoAttack", "auto_attack"),
        ("at", "auto_attack_eps"),
        ("Steps of APGD and FAB", "apgd_steps"),
        ("Images for Square", "square_images"),
        ("Queries of Square", "square_queries"),
        ("Head under attack", "attack_head"),
        ("Budget of time", "budget"),
        ("Seed", "seed"),
    ),
    must_match=(
        *PROBED,
        *("attack_norm", "attack_eps", "attack_steps", "attack_step", "attack_restarts", "attack_images"),
        *("auto_attack", "auto_attack_eps", "apgd_steps", "attack_targets", "attacks", "drift_steps"),
        *("square_images", "square_queries", "attack_head", "head_images", "head_steps"),
        *("drift_images", "drift_distance", "corruption_images", "seed"),
    ),
    remedy="measure both with the same --budget",
    sample=_sample,
    paired_over="attacked test images (paired, Student's t)",
    tables=_tables,
    drawings=(
        Drawing(
            attack_plots,
            "Under attack: test images still right after all attacks; bands: 95 % intervals. Under corruptions: each "
            "dot is the mean of five strengths.",
        ),
    ),
    per_image=PerImage(fields=_fields, galleries=_galleries, keys=("first-broken",), rank=1),
)
