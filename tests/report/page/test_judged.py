"""Verdicts: every limit of an axis counts, and what so few images cannot tell is not fine."""

from dataclasses import replace

import pytest

from holdfast.findings import Finding, Score
from holdfast.report.axes import AXES, Headline
from holdfast.report.collect import collect
from holdfast.report.limits import LIMITS
from holdfast.report.page.cards import cards
from holdfast.report.page.judged import judged
from holdfast.report.page.verdict import verdict_sentences
from holdfast.statistics import Estimate

BESIDE = [key for key in LIMITS if key[1] != AXES[key[0]].measures[0].name]
"""Limits on other numbers than the best one of a card."""


def scored(name, value):
    shape = {"unit": "share", "range": (None, None), "better": "lower", "definition": "One."}
    return Score(name=name, value=value, **shape)


@pytest.fixture
def encoder_of(make_run, tmp_path):
    """An encoder whose finding of one audit has these scores."""

    def encoder(audit, settings=(), **values):
        folder = make_run(tmp_path / "run", "simclr", 0)
        old = Finding.load(folder / "findings" / "quality.json")
        scores = [scored(name, value) for name, value in values.items()]
        replace(old, audit=audit, scores=scores, settings={**old.settings, **dict(settings)}).save(folder / "findings")
        return collect([folder])[0]

    return encoder


def card_of(encoder, audit):
    found = cards([encoder], LIMITS)
    return next(card for card in found if card.axis.audit == audit), verdict_sentences(found)[0]


@pytest.mark.parametrize(("audit", "name"), BESIDE)
def test_no_limit_of_an_axis_goes_without_a_verdict(encoder_of, audit, name):
    axis, limit = AXES[audit], replace(LIMITS[audit, name], over_splits=False)
    measure, known = axis.measures[0], {"all": 100.0}
    most = limit.bounds(known)[1]
    for value, said in ((-1.0 if most is None else most + 1, "watch"), (101.0 if most is None else -1.0, "fine")):
        encoder = encoder_of(audit, **{name: value, "all": 100.0})
        limits = {(audit, name): replace(limit, share_of="")}
        found = judged(encoder, axis, Headline(measure, Estimate(0.0), known), limits)
        assert (found.verdict, len(found.because)) == (said, int(said == "watch"))
        encoder.members[0].folder.rename(encoder.members[0].folder.with_name(said))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"effective_rank": 1.2, "feature_std": 0.3}, ["Effective rank 1.200, below the limit of 1.500"]),
        ({"effective_rank": 7.0, "feature_std": 0.019}, ["Feature standard deviation 0.019, below the limit of 0.050"]),
        ({"effective_rank": 7.0, "feature_std": 0.3}, []),
    ],
)
def test_a_collapsed_encoder_is_not_fine_whatever_its_accuracy(encoder_of, values, said):
    card, sentence = card_of(encoder_of("quality", linear_accuracy=100.0, **values), "quality")
    line = card.lines[0]
    assert (line.verdict, line.because) == ("watch" if said else "fine", said)
    assert ("a closer look at quality (near collapse)" in sentence) == bool(said)


@pytest.mark.parametrize(("images", "said"), [(40, "close"), (381, "fine"), (380, "close")])
def test_no_duplicate_among_few_images_is_no_proof_of_fewer_than_one_in_a_hundred(encoder_of, images, said):
    card, _ = card_of(encoder_of("duplicates", {"test_images": images}, leaked=0.0), "duplicates")
    assert card.lines[0].verdict == said
    few = ["Leaked test images 0.000: so few images cannot tell it from the limit of 0.010"]
    assert card.lines[0].because == few * (said == "close")
    assert card.no_interval.startswith("copies come in groups")


def test_the_group_that_the_card_names_is_not_told_twice(encoder_of):
    groups = {"many": 60.0, "medium": 58.0, "few": 20.0}
    card, _ = card_of(encoder_of("balance", all=46.0, std=4.0, **groups), "balance")
    assert card.lines[0].extra.startswith("worst group: rare classes 20.0 %")
    assert [said for said in card.lines[0].because if "group" in said] == ["worst group, below the limit of 36.8 %"]
