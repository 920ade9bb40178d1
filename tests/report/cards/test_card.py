"""card.json and the model card: the audit's numbers, in a schema that is checked, and text that stays text."""

import copy
import json
import math
import subprocess
import sys

import pytest

from holdfast.cli import main
from holdfast.findings import Finding
from holdfast.report import card, read_card, write_card
from holdfast.report.cards.encoder import _without_paths, card_schema
from holdfast.report.cards.model import markdown, model_card, was_edited, yaml_number, yaml_string
from holdfast.report.cards.schema import validate

yaml = pytest.importorskip("yaml", reason="comes with timm's hub client; only tests read YAML")
ODD = (
    'quo"te',
    "back\\slash",
    "colon: value # comment",
    "new\nline\r\n- item",
    "---\nlicense: mit\n---",
    "<script>alert('x')</script>",
    "\u202eright to left\u2028",
    "🐈 cat",
    "\x00\x1b[31m\x7f\x85",
    "lone \udc80 surrogate",
    "!!python/object:os.system",
    "{a: [1, 2]}",
    "* [x](javascript:alert(1)) `code` | cell",
    "null",
    "",
)


def front_matter(readme: str):
    head, _, rest = readme.removeprefix("---\n").partition("\n---\n")
    return yaml.safe_load(head), rest


@pytest.fixture
def run(make_run, tmp_path):
    return make_run(tmp_path / "run", "sdclr", 0)


def test_a_card_holds_the_findings_numbers_and_its_own_schema(run):
    document = card(run)
    quality = Finding.load(run / "findings" / "quality.json")
    axis = next(axis for axis in document["axes"] if axis["axis"] == "quality")
    assert {s["name"]: s["value"] for s in axis["scores"]} == {s.name: s.value for s in quality.scores}
    assert axis["settings"]["test_checksum"] == quality.settings["test_checksum"]
    assert "run" not in axis["settings"]
    assert document["training"]["method"] == "sdclr"
    assert {missing["axis"] for missing in document["not_measured"]} == {
        "tail",
        "shortcuts",
        "duplicates",
        "equivariance",
        "membership",
        "robustness",
        "invariance",
        "memorization",
        "privacy",
    }


def test_what_is_written_is_read_back_and_the_model_card_has_the_numbers(run, tmp_path):
    paths = write_card(run, tmp_path / "out", name="mine")
    document = read_card(paths[0])
    metadata, body = front_matter(paths[1].read_text())
    assert document == json.loads(paths[0].read_text())
    index = metadata["model-index"][0]
    assert index["name"] == document["name"] == "mine"
    metrics = {m["name"].split(" (percent")[0]: m["value"] for r in index["results"] for m in r["metrics"]}
    linear = Finding.load(run / "findings" / "quality.json")["linear_accuracy"]
    assert metrics["Linear probe accuracy"] == round(linear.value, 2)
    assert f"{linear.value:.1f} %" in body
    assert metadata["tags"][-2:] == ["sdclr", "long-tail"]
    assert "license" not in metadata, "the user's to name"
    assert metadata["datasets"] == ["train"]


def test_the_hubs_own_client_reads_the_results(run, tmp_path):
    hub = pytest.importorskip("huggingface_hub")
    _, readme = write_card(run, tmp_path)
    found = hub.ModelCard(readme.read_text()).data.eval_results
    assert {result.metric_type for result in found} == {"accuracy"}
    assert {result.dataset_name for result in found} == {"test.parquet"}


def test_paths_of_this_machine_stay_out(run, make_findings, tmp_path):
    written = json.dumps(card(run)) + model_card(card(run))
    assert "cifar10/" not in written
    assert "train.parquet" in written
    audited = make_findings(
        tmp_path / "net", name="net", encoder="timm/resnet18@/data/secret/weights.pt", data="digits"
    )
    assert card(audited)["encoder"]["source"] == "timm/resnet18@weights.pt"
    assert card(audited)["training"] is None


def test_paths_within_settings_stay_out_too(make_run, tmp_path):
    within = {"pair_config": {"data": "/mnt/a/b.npz"}, "study": "/mnt/study", "test": "20% of each class of /mnt/c.npz"}
    run = make_run(tmp_path / "run", "simclr", 0, settings=within, groups=["/mnt/d.csv:site"], long_tail="/mnt/e.txt")
    document = card(run)
    assert "/mnt" not in json.dumps(document)
    settings = document["axes"][0]["settings"]
    assert (settings["pair_config"], settings["test"]) == ({"data": "b.npz"}, "20% of each class of c.npz")
    assert (document["training"]["groups"], document["training"]["long_tail"]) == (["d.csv:site"], "e.txt")


def test_pretrained_weights_name_their_base_model(make_findings, tmp_path):
    folder = make_findings(tmp_path / "net", name="net")
    document = card(folder)
    document["encoder"]["source"] = "timm/resnet18:pretrained"
    assert front_matter(model_card(document))[0]["base_model"] == ["timm/resnet18"]
    document["encoder"]["source"] = "timm/resnet18"
    assert "base_model" not in front_matter(model_card(document))[0]


@pytest.mark.parametrize("text", ODD, ids=ascii)
def test_odd_text_in_names_stays_text(text, make_run, tmp_path):
    run = make_run(tmp_path / "run", "simclr", 0, settings={"test": text}, data=text or "digits")
    document = card(run, name=text or None)
    readme = model_card(document)
    metadata, body = front_matter(readme)
    assert set(metadata) == {"library_name", "pipeline_tag", "datasets", "tags", "model-index"}
    assert metadata["model-index"][0]["name"] == document["name"]
    assert "<script>" not in body
    assert "](javascript" not in body
    assert len([line for line in body.splitlines() if line.startswith("# ")]) == 1
    readme.encode()
    validate(json.loads(json.dumps(document)), card_schema(), "the card")


@pytest.mark.parametrize("text", ODD, ids=ascii)
def test_a_yaml_scalar_is_one_line_that_reads_back(text):
    scalar = yaml_string(text)
    assert "\n" not in scalar
    assert yaml.safe_load(f"key: {scalar}") == {"key": text.encode("utf-8", "replace").decode()}


@pytest.mark.parametrize("value", [0.0, 1e-05, 1.5e-07, -3.2e22, 44.7, 1e22])
def test_a_yaml_number_is_a_number(value):
    assert yaml.safe_load(yaml_number(value)) == value


def test_markdown_has_no_markup_left():
    assert markdown("a|b *c* <d> [e](f)\n# g") == r"a\|b \*c\* &lt;d&gt; \[e\]\(f)␊# g"
    assert [markdown(text) for text in ("# a", "- b", "1. c", ":smile:", "see http://d")] == [
        *(r"\# a", r"\- b", r"1\. c", r"\:smile:", r"see http\://d")
    ]


def test_plain_sentences_stay_as_they_are():
    plain = "Not measured: tail (few-shot), exp:100; at 8/255 - 20% of each, held out! {a} + b #1"
    assert markdown(plain) == plain


BROKEN = {
    "$.axes[0].scores[0].value": lambda d: d["axes"][0]["scores"][0].update(value="high"),
    "$.axes[0].scores[0].interval": lambda d: d["axes"][0]["scores"][0].update(interval=[1.0]),
    "$.axes[0].scores[0].better": lambda d: d["axes"][0]["scores"][0].update(better="bigger"),
    "$.axes[0].scores[0].unit": lambda d: d["axes"][0]["scores"][0].update(unit=math.nan),
    "$.schema": lambda d: d.update(schema="1"),
    "$.written": lambda d: d.update(written="yesterday"),
    "'axes' at $": lambda d: d.pop("axes"),
    "got 'extra'": lambda d: d.update(extra=1),
    "$.encoder.dim": lambda d: d["encoder"].update(dim=0),
    "$.training.epochs": lambda d: d["training"].update(epochs=True),
}


@pytest.mark.parametrize("place", BROKEN)
def test_a_card_that_does_not_fit_is_refused_where_it_breaks(place, run, tmp_path):
    document = copy.deepcopy(card(run))
    BROKEN[place](document)
    (tmp_path / "card.json").write_text(json.dumps(document))
    with pytest.raises(ValueError, match="expected ") as caught:
        read_card(tmp_path / "card.json")
    assert place in str(caught.value)


def test_no_card_and_another_schema_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="holdfast card RUN"):
        read_card(tmp_path / "card.json")
    (tmp_path / "card.json").write_text('{"schema": 2}')
    with pytest.raises(ValueError, match="expected card schema 1, got 2"):
        read_card(tmp_path / "card.json")
    (tmp_path / "card.json").write_text("{")
    with pytest.raises(ValueError, match="expected JSON"):
        read_card(tmp_path / "card.json")


def test_a_readme_of_the_users_own_is_never_overwritten(run, capsys):
    assert main(["card", str(run)]) == 0
    assert main(["card", str(run)]) == 0, "ours may be written again"
    readme = run / "README.md"
    assert not was_edited(readme.read_text())
    readme.write_text(readme.read_text().replace("# license: yours", "license: mit #"))
    before = readme.read_text()
    assert main(["card", str(run)]) == 2
    assert "--out" in capsys.readouterr().err
    assert readme.read_text() == before


def test_a_card_needs_no_torch(run):
    code = f"import sys, holdfast.report as r; r.write_card({str(run)!r}); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_schema_uses_only_what_the_validator_checks():
    with pytest.raises(ValueError, match=r"expected a schema of .* got 'oneOf'"):
        validate(1, {"oneOf": []}, "a document")


@pytest.mark.parametrize("written", ["photos", "photos/", "far/away/photos/", "a, b/photos"])
def test_a_folder_keeps_its_name_however_it_was_written(written):
    for end in ("", ", held out", ", set aside for the test; 1,030 of 1,039 seen in training without labels"):
        shown = _without_paths({"test": f"20% of each class of {written}{end}", "data": written})
        assert shown == {"test": f"20% of each class of photos{end}", "data": "photos"}
