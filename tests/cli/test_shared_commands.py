"""`audit`, `memorization` and `embed` on several processes, from the command line."""

import json
import shutil
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
from shared_work import launched

from holdfast.cli import main

pytestmark = pytest.mark.slow
TRAIN = (
    "train simclr --data digits --limit 120 --image-size 8 --encoder timm/test_resnet --epochs 1 --batch-size 64 "
    "--holdout 10 --precision 32 --signals-every 0 --threads 1"
)
AUDIT = "--axes quality duplicates --data digits --image-size 8 --batch-size 64 --device cpu --no-page"
MAIN = "import sys; from holdfast.cli import main; sys.exit(main(sys.argv[1:]))"
FAULTY = """
import os, sys
import holdfast.cli.options.sharing as sharing
from holdfast.cli import main
made = sharing._crew
def faulty(size):  # torch is imported where the command imports it
    import holdfast.evaluation.embeddings as embeddings, holdfast.evaluation.features as features
    embeddings.stream_embeddings.__kwdefaults__["rows"] = 150
    encode = features.encode
    def broken(encoder, images):
        if os.environ["RANK"] == os.environ["BAD"]:
            raise ValueError("expected a whole disk, got a hole; mend it")
        return encode(encoder, images)
    features.encode = broken
    return made(size)
sharing._crew = faulty
sys.exit(main(sys.argv[1:]))
"""
KILLED = FAULTY.replace('raise ValueError("expected a whole disk, got a hole; mend it")', "os.kill(os.getpid(), 9)")


def ran(*words: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "holdfast", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)


def numbers(folder, axis):
    return {score["name"]: score["value"] for score in json.loads((folder / f"{axis}.json").read_text())["scores"]}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shared") / "run"
    assert main([*TRAIN.split(), "--out", str(folder)]) == 0
    return folder


def test_an_audit_of_two_devices_prints_each_line_once_and_finds_what_one_does(tmp_path):
    words = ["audit", "timm/test_resnet", *AUDIT.split()]
    one = ran(*words, "--out", str(tmp_path / "one"))
    two = ran(*words, "--out", str(tmp_path / "two"), "--devices", "2")
    assert (one.returncode, two.returncode, two.stderr) == (0, 0, "")
    assert two.stdout.count("findings: ") == two.stdout.count("Linear probe accuracy") == 1
    for axis in ("quality", "duplicates"):
        assert numbers(tmp_path / "one", axis) == numbers(tmp_path / "two", axis)
        assert "devices" not in json.loads((tmp_path / "two" / f"{axis}.json").read_text())["settings"]["asked"]
    names = [sorted(path.name for path in (tmp_path / which).iterdir()) for which in ("one", "two")]
    assert names[0] == names[1]


@pytest.mark.parametrize("bad", ["0", "1"])
def test_an_error_on_one_process_ends_all_with_its_line_alone(bad, tmp_path):
    words = ["audit", "timm/test_resnet", *AUDIT.split(), "--out", str(tmp_path / "out")]
    found = launched(FAULTY, words, BAD=bad)
    assert [one.returncode for one in found] == [2, 2]
    said = "".join(one.stderr for one in found).splitlines()
    assert said == ["holdfast: expected a whole disk, got a hole; mend it"]
    assert not list((tmp_path / "out").glob("*.json"))


def test_a_wrong_option_is_told_once(tmp_path):
    words = ["audit", "timm/nothing-of-this-name", *AUDIT.split(), "--out", str(tmp_path / "out")]
    done = ran(*words, "--devices", "2")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "nothing-of-this-name" in line
    found = launched(MAIN, [*words, "--devices", "3"])
    assert [one.returncode for one in found] == [2, 2]
    (line,) = "".join(one.stderr for one in found).splitlines()
    assert "expected --devices 2, as many processes as torchrun started, got 3" in line


def test_pairs_are_trained_by_two_processes_and_score_as_those_of_one(run, tmp_path):
    words = ["--pairs", "1", "--views", "4", "--external", "0.3", "--candidates", "0.2", "--remove", "random:4"]
    again = shutil.copytree(run, tmp_path / "run")
    assert main(["memorization", str(run), *words]) == 0
    two = ran("memorization", str(again), *words, "--devices", "2")
    assert (two.returncode, two.stderr) == (0, "")
    assert two.stdout.count("gallery: ") == two.stdout.count("without random-4") == 1
    for axis in ("memorization", "privacy"):
        assert numbers(again / "findings", axis) == numbers(run / "findings", axis)
        tables = [pq.read_table(folder / "findings" / f"{axis}.parquet").to_pandas() for folder in (run, again)]
        assert tables[0].equals(tables[1])
    files = [folder / "memorization" / "pair-0" / "g" / "encoder.safetensors" for folder in (run, again)]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_embed_shares_its_parts_and_a_lost_process_is_told(tmp_path):
    words = ["embed", "timm/test_resnet", "--data", "digits", "--image-size", "8", "--device", "cpu", "--out"]
    one, two = (ran(*words, str(tmp_path / f"{n}.parquet"), "--devices", str(n)) for n in (1, 2))
    assert (one.returncode, two.returncode, two.stderr) == (0, 0, "")
    assert pq.read_table(tmp_path / "1.parquet").equals(pq.read_table(tmp_path / "2.parquet"))
    first, killed = launched(KILLED, [*words, str(tmp_path / "lost.parquet")], BAD="1")
    assert (first.returncode, killed.returncode) == (2, -9)
    (line,) = first.stderr.splitlines()
    assert "expected all 2 processes to the end, got one that ended" in line
    assert not (tmp_path / "lost.parquet").exists()
