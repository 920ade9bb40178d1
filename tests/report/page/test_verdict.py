"""The top of the page: what the limits say in a sentence, pictures that show it, and words that are explained."""

import re

from holdfast.report import report
from holdfast.report.collect import collect
from holdfast.report.limits import LIMITS
from holdfast.report.page import verdict
from holdfast.report.page.cards import cards
from holdfast.report.page.verdict import terms_on, verdict_sentences


def verdicts(folders, limits=LIMITS):
    return verdict_sentences(cards(collect(folders), limits))


def test_each_encoder_gets_a_sentence_with_every_axis_that_has_a_verdict(full_runs):
    encoders = collect(full_runs)
    found = cards(encoders, LIMITS)
    for encoder, sentence in zip(encoders, verdict_sentences(found), strict=True):
        assert encoder.name in sentence and sentence.endswith(".")
        judged = [
            card.axis.title.lower()
            for card in found
            for line in card.lines
            if line.name == encoder.name and line.verdict
        ]
        assert all(axis in sentence.lower() for axis in judged)


def test_encoders_of_which_the_same_is_said_share_a_sentence(full_runs):
    assert verdicts(full_runs, {}) == [
        "No limit applies to what was measured of SimCLR and SDCLR: the numbers stand without a verdict."
    ]


def test_the_verdict_and_three_pictures_come_before_the_cards(full_runs, tmp_path):
    text = report(full_runs, tmp_path / "page.html").read_text()
    top = text[text.index("<main") : text.index('<article class="card"')]
    assert "needs a closer look at" in top
    assert len(re.findall(r'<li><a href="#g-[\w-]+"><img src="data:image/jpeg', top)) == 3
    for key in re.findall(r'href="#(g-[\w-]+)"', top):
        assert f'id="{key}"' in text


def test_axes_that_were_not_measured_are_one_folded_line_with_their_commands(make_run, tmp_path):
    text = report([make_run(tmp_path / "run", "simclr", 0)], tmp_path / "page.html").read_text()
    strip = re.search(r'<details class="unmeasured">.*?</details>', text, re.DOTALL)[0]
    assert "Not measured: " in strip and "--axes robustness" in strip and "holdfast memorization " in strip
    assert text.count('<article class="card"') == 2


def test_encoders_that_cannot_be_compared_are_said_to_be_so_beside_the_verdict(make_run, tmp_path):
    folders = [
        make_run(tmp_path / "a", "simclr", 0),
        make_run(tmp_path / "b", "sdclr", 0, settings={"test_checksum": "x"}),
    ]
    text = report(folders, tmp_path / "page.html").read_text()
    top = text[text.index("<main") : text.index('<article class="card"')]
    assert "Not comparable" in top and "different test images" in top


def test_only_terms_that_are_on_the_page_are_explained():
    assert [term for term, _ in terms_on("Std of groups, at 8/255")] == ["Std", "8/255"]
    assert terms_on("nothing") == []


def test_a_sentence_names_its_encoder_where_nothing_needs_a_look():
    said = verdict._sentence("SimCLR and SDCLR", True, (), ("balance",), ("quality", "tail"))
    assert said == (
        "SimCLR and SDCLR: balance is too close to its limit to call; quality and tail are within their limits."
    )


def test_settings_that_are_the_same_are_folded(full_runs, tmp_path):
    text = report(full_runs, tmp_path / "page.html").read_text()
    assert re.search(r"<summary>\d+ run settings that are the same</summary>", text)
    before = text[: text.index("run settings that are the same")]
    assert "Run settings that differ" in before
