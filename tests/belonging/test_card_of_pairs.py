"""The card says what was measured: of memorization and privacy the pairs, the scored images, whether to trust them."""

import re

from holdfast.report import card


def section(text, title):
    return re.split(r"^## ", text, flags=re.MULTILINE)[[*re.findall(r"^## (.*)$", text, re.MULTILINE)].index(title) + 1]


def test_the_card_of_pairs_names_pairs_scored_images_and_trust(studied, said, tmp_path):
    said(f"card {studied} --out {tmp_path}")
    text = (tmp_path / "README.md").read_text()
    for title in ("Memorization", "Privacy"):
        part = section(text, title).replace("\\", "")
        assert "2 encoders trained in 1 pair " in part
        assert "pairs 1, scored images " in part
        assert "test images" not in part
    assert "the ranking is not trustworthy" in section(text, "Memorization").replace("\\", "")


def test_card_json_has_the_conclusions(studied, measured):
    axes = {axis["axis"]: axis for axis in card(studied)["axes"]}
    assert any("not trustworthy" in said for said in axes["memorization"]["conclusions"])
    seen = "2 of the 19 test images were trained on, without their labels: too few were held out."
    told = {axis["axis"]: axis["conclusions"] for axis in card(measured)["axes"]}
    assert [len(told["quality"]), len(told["balance"])] == [1, 3]
    assert told["quality"][0].startswith(seen) and told["balance"][0].startswith(seen)
    assert told["balance"][1].startswith("Std 0.0: groups differ (")
    assert told["balance"][2].startswith("Worst class: 10 of 10 classes have fewer than 5 test images")
