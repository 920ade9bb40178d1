"""What holds for every axis. An audit without an entry in AXES, or whose entry lacks something, fails by name."""

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from toy_audits import bare_subject

from holdfast.audits import AUDITS, Options
from holdfast.findings import Finding, Score
from holdfast.report import axes, card
from holdfast.report.axes import AXES, headline, measure_of
from holdfast.report.collect import Encoder, Measured, collect, scores_of
from holdfast.report.comparison import sentences
from holdfast.report.comparison.pairwise import pair_differences
from holdfast.report.images.listing import galleries
from holdfast.report.images.pictures import gather
from holdfast.report.limits import LIMITS
from holdfast.report.listed import READERS, label, protocol, shortlist
from holdfast.report.page.cards import cards
from holdfast.report.page.sections import parts
from holdfast.report.tables import sections, shortlist_table

every_axis = pytest.mark.parametrize("name", AXES)
DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture(scope="module")
def encoders(toy_folders):
    return collect(toy_folders)


@pytest.fixture(scope="module")
def shown(encoders):
    """The parts of the page, drawn once."""
    return parts(encoders, LIMITS, cards(encoders, LIMITS))


def alone(encoders: list[Encoder], name: str) -> list[Encoder]:
    """The encoders as if only this audit had measured them."""
    return [
        Encoder(e.name, e.place, tuple(Measured(m.folder, {name: m.findings[name]}) for m in e.members))
        for e in encoders
    ]


def test_every_audit_has_its_axis_and_every_axis_its_audit():
    missing, left_over = set(AUDITS) - set(AXES), set(AXES) - set(AUDITS)
    assert not missing, f"write src/holdfast/report/axes/{{{','.join(missing)}}}.py, and list it in AXES"
    assert not left_over, f"no such audits: {left_over}"


@every_axis
def test_an_axis_is_called_as_its_audit_its_file_and_its_page(name):
    assert AXES[name].audit == name
    assert (Path(axes.__file__).parent / f"{name}.py").is_file()
    assert (DOCS / "audits" / f"{name}.md").is_file()


@every_axis
def test_an_axis_says_what_it_needs(name):
    lack = AUDITS[name].lacks(bare_subject())
    needs = {name: name for name in ("labels", "pairs", "members")}[lack[0].split()[0]] if lack else "images"
    assert AXES[name].needs == needs


@every_axis
def test_an_axis_has_its_words(name):
    axis = AXES[name]
    assert axis.question.endswith("?") and axis.explained.endswith((".", "?")) and axis.title and axis.remedy
    assert axis.command.startswith("holdfast ") and "RUN" in axis.command
    assert axis.measures and axis.sections and axis.shortlist and axis.top and axis.facts
    assert all(measure.label and measure.meaning.endswith(".") for measure in axis.measures)
    assert all(drawing.caption.endswith(".") for drawing in axis.drawings)


@every_axis
def test_an_axis_has_a_limit_on_its_first_measure_with_a_reason_and_a_word_in_the_docs(name):
    own = {key[1]: limit for key, limit in LIMITS.items() if key[0] == name}
    docs = (DOCS / "report.md").read_text() + (DOCS / "audits" / f"{name}.md").read_text()
    assert AXES[name].measures[0].name in own
    for score, limit in own.items():
        assert len(limit.reason) > 40 and limit.reason.endswith(".")
        assert f"`{name}.{score}`" in docs, "say it on the audit's page"


@every_axis
def test_a_real_finding_gives_the_number_on_the_card(name, encoders):
    measure = measure_of(AXES[name], encoders)
    found = headline(encoders[0], AXES[name], measure)
    assert found is not None
    low, high = measure.range
    assert (low is None or low <= found.estimate.value) and (high is None or found.estimate.value <= high)
    line = next(c for c in cards(encoders, LIMITS) if c.axis.audit == name).lines[0]
    assert 0 <= line.at <= 100 and (line.verdict or (name, measure.name) not in LIMITS)


@every_axis
def test_scores_stand_for_the_axis_in_tables_sentences_and_on_cards(name, encoders, toy_folders):
    scores = {score.name for score in scores_of(encoders[0], name)}
    assert shortlist(name, scores_of(encoders[0], name)) and scores & set(AXES[name].top)
    assert sentences(alone(encoders, name)), "its first scores say nothing at the top of the page"
    named = next(axis for axis in card(toy_folders[0])["axes"] if axis["axis"] == name)["headlines"]
    assert named == [score.name for score in shortlist(name, scores_of(encoders[0], name))]
    shown = [score.name for section, found in sections(encoders) if section.audit == name for score in found]
    assert sorted(shown) == sorted(scores), "its sections leave scores out, or show one twice"


@every_axis
def test_a_score_that_stands_for_the_axis_has_words(name, encoders):
    for score in shortlist(name, scores_of(encoders[0], name)):
        plain = score.name.replace("_", " ").capitalize()
        assert label(score.name) != plain or score.name in AXES[name].labels or re.search(r"\d|_", score.name)


def test_no_two_axes_give_a_score_other_words():
    for name, axis in AXES.items():
        assert {score: label(score) for score in axis.labels} == dict(axis.labels), name


@every_axis
def test_settings_that_are_quoted_or_must_match_are_settings_of_the_finding(name, encoders):
    settings = encoders[0].members[0].findings[name].settings
    known = set(settings) | {field.name for field in fields(Options)} | {"budget"}
    assert set(AXES[name].must_match) <= known
    assert {key for _, key in AXES[name].facts} <= known
    assert protocol(encoders, name)


@every_axis
def test_two_encoders_are_compared_on_the_axis_image_by_image(name, encoders):
    found = pair_differences(*alone(encoders, name))
    assert any(difference.images is not None for difference in found)
    assert AXES[name].paired_over


@every_axis
def test_the_page_has_a_part_with_plots_and_tables(name, shown):
    (part,) = (part for part in shown if part.audit == name)
    assert part.score_tables and part.protocol and part.definitions
    assert part.picture and len(part.picture.plots) == 1, "draw what a reader should see at a glance"
    assert part.headline.startswith(tuple(measure.label for measure in AXES[name].measures))


def test_what_axes_know_of_each_image_reaches_the_page(encoders):
    pictures = gather(encoders, READERS)
    keys = [(reader.kind, field.key) for reader in READERS for view in pictures.views for field in view.fields]
    assert keys
    found = {gallery.after or gallery.key for gallery in galleries(pictures, READERS)}
    named = {key for reader in READERS for key in reader.keys}
    assert found <= named | {"twins-test", "twins-scored"}
    ranks = [reader.rank for reader in READERS if reader.keys]
    assert len(ranks) == len(set(ranks)), "two axes claim one place for their galleries"


def test_what_draws_nothing_imports_no_matplotlib():
    code = "import sys, holdfast.report as report; report.compare, report.card; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_guessing_gives_stands_beside_an_attribute_that_is_read():
    scores = [
        Score(name=name, value=30.0, unit="percent", range=(0.0, 100.0), better="lower", definition="one")
        for name in ("attribute_chance", "attribute_accuracy", "attribute_other")
    ]
    assert [score.name for score in shortlist("privacy", scores)] == ["attribute_accuracy", "attribute_chance"]
    assert [score.name for score in shortlist("privacy", scores[:1])] == []


@pytest.mark.parametrize(("counts", "words"), [((1, 9), "1 of 2 classes has a single test image"), ((9, 9), "")])
def test_a_worst_class_of_few_test_images_says_so_under_the_table(counts, words):
    worst = Score(name="worst_class", value=50.0, unit="percent", range=(0.0, 100.0), better="higher", definition="one")
    finding = Finding(
        audit="balance", scores=[worst], tables={"per_class": [{"test_images": count} for count in counts]}
    )
    encoder = Encoder("a", 0, (Measured(Path("a"), {"balance": finding}),))
    notes = shortlist_table([encoder]).notes
    assert words in " ".join(notes) and bool(notes) == bool(words)
    assert list(notes) == list(AXES["balance"].conclusions(finding))
