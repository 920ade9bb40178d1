"""The model card for people: use, limits, data, citation, the licence by option, metrics that the Hub knows."""

import re
import sys

import pytest
import yaml

from holdfast.cli import main
from holdfast.methods import METHODS, PARTS, WRAPPERS
from holdfast.report import report
from holdfast.report.cards import card, read_card, write_card
from holdfast.report.cards.model import model_card
from holdfast.report.cards.people import METHOD_PAPERS, PART_PAPERS, citation, limits


def front_matter(readme):
    return yaml.safe_load(readme.split("---")[1])


def test_every_method_has_the_paper_that_its_file_names():
    assert set(METHOD_PAPERS) == set(METHODS)
    for name, method in METHODS.items():
        assert f"(arXiv:{METHOD_PAPERS[name]})" in sys.modules[method.__module__].__doc__.splitlines()[0], name


def test_every_part_has_the_paper_that_its_file_names():
    assert set(PART_PAPERS) == set(PARTS)
    for word, kinds in WRAPPERS.items():
        for part in kinds.values():
            assert f"arXiv:{PART_PAPERS[word]}" in str(sys.modules[part.__module__].__doc__).splitlines()[0], word


@pytest.mark.parametrize(
    ("training", "papers"),
    [
        ({"method": "simclr", "temperature_schedule": "cosine:400"}, ["2002.05709", "2303.13664"]),
        ({"method": "lore", "slack": None, "adversary": "pgd:10"}, ["2402.12336"]),
        ({"method": "rocl", "adversary": "pgd:7"}, ["2006.07589"]),
        ({"method": "emp-ssl", "adversary": "free:3"}, ["2304.03977", "2501.03507"]),
    ],
)
def test_a_run_cites_the_papers_of_what_it_is_made_of(training, papers):
    (line,) = citation({"holdfast": "0", "training": training})
    assert re.findall(r"arxiv.org/abs/(\d+\.\d+)", line) == papers


def test_use_limits_data_and_citation_stand_in_it(make_full_run, tmp_path):
    run = make_full_run(tmp_path / "run", "sdclr", 0)
    text = model_card(card(run))
    for said in (
        "## Intended use",
        "no classifier by itself",
        "## Limits",
        "of other images they say nothing",
        "Not measured: ",
        "shortcuts",
        "## Training data",
        "Trained on train.parquet, with the long tail exp:100, without labels.",
        "## Citation",
        "SDCLR (https://arxiv.org/abs/2106.02990)",
        "# run: SDCLR trained on train.parquet",
        "| Linear probe accuracy, of all test images |",
        "| All classes, mean over classes |",
    ):
        assert said in text, said


def test_test_images_that_were_trained_on_are_a_limit(make_run, tmp_path):
    document = card(make_run(tmp_path / "run", "simclr", 0, settings={"test_images_seen_in_training": 103}))
    assert any(
        said.startswith("103 of the 1,000 test images were trained on, without their labels")
        for said in limits(document)
    )
    aside = "20% of each class of photos, set aside for the test; 103 of 1,000 seen in training without labels"
    thin = {"test_images_seen_in_training": 103, "test": aside}
    assert any(
        "labels: too few were held out. The" in one for one in limits({**document, "axes": [{"settings": thin}]})
    )
    none = card(make_run(tmp_path / "other", "simclr", 0, settings={"test_images_seen_in_training": 0}))
    assert not any("trained on, without" in said for said in limits(none))


def test_the_commands_of_missing_axes_carry_what_was_asked_for_without_paths(make_run, tmp_path):
    asked = {"labels": "/photos/of/me/my`table.csv:kind", "budget": "quick"}
    text = model_card(card(make_run(tmp_path / "run", "simclr", 0, settings={"asked": asked})))
    assert (
        "- robustness: `` holdfast audit RUN --axes robustness --labels 'my`table.csv:kind' --budget quick ``" in text
    )
    assert "/photos/of/me" not in text


def test_classes_without_test_images_are_a_limit(make_run, tmp_path):
    document = card(make_run(tmp_path / "run", "simclr", 0))
    document["axes"][0]["settings"]["classes_without_test"] = ["owl", "elk"]
    assert "No test images of elk and owl: of these classes nothing is known." in limits(document)


def test_licence_and_name_are_options(make_run, tmp_path, capsys):
    run = make_run(tmp_path / "run", "simclr", 0)
    assert main(["card", str(run), "--licence", "cc-by-4.0", "--name", "birds"]) == 0
    text = (run / "README.md").read_text()
    assert front_matter(text)["license"] == "cc-by-4.0"
    assert front_matter(text)["model-index"][0]["name"] == "birds"
    assert "licence cc-by-4.0" in capsys.readouterr().out


def test_metrics_are_of_types_that_the_hub_knows_and_rounded(make_full_run, tmp_path):
    index = front_matter(model_card(card(make_full_run(tmp_path / "run", "simclr", 0))))["model-index"][0]
    metrics = [metric for result in index["results"] for metric in result["metrics"]]
    assert {metric["type"] for metric in metrics} == {"accuracy", "roc_auc", "spearmanr"}
    assert all(metric["value"] == pytest.approx(round(metric["value"], 4), abs=0) for metric in metrics)


def test_a_card_elsewhere_names_the_weights_from_there_and_no_other_run_takes_it(make_run, tmp_path):
    run, other = (make_run(tmp_path / name, "simclr", seed) for seed, name in enumerate("ab"))
    (run / "encoder.safetensors").write_bytes(b"")
    document, readme = write_card(run, tmp_path / "cards" / "a")
    assert read_card(document)["encoder"]["file"] == "../../a/encoder.safetensors"
    assert 'load_encoder("../../a/encoder.safetensors")' in readme.read_text()
    assert card(run)["encoder"]["file"] == "encoder.safetensors"
    before = sorted(other.iterdir())
    with pytest.raises(FileExistsError, match=r"got another run, .*b; choose another folder with --out"):
        write_card(run, other)
    assert sorted(other.iterdir()) == before


def test_page_card_and_screen_say_that_an_audit_has_not_ended(make_run, tmp_path, capsys):
    run = make_run(tmp_path / "run", "simclr", 0, settings={"asked": {"budget": "quick"}})
    lines = []
    report([run], tmp_path / "page.html", said=lines.append)
    assert not lines and card(run)["unfinished"] is None
    (run / "findings" / "unfinished").mkdir()
    page = report([run], tmp_path / "page.html", said=lines.append).read_text()
    command = f"holdfast audit {run} --budget quick"
    assert len(lines) == 1 and lines[0].endswith(command) and "was stopped" in lines[0] and command in page
    assert main(["card", str(run)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "was stopped" in said and "--budget quick" in said
    text = (run / "README.md").read_text()
    assert "was stopped" in text.partition("## Not measured")[2] and "`holdfast audit RUN --budget quick`" in text
