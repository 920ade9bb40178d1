"""`holdfast embed` killed in the middle and under torchrun: the file is the one that an undisturbed command writes."""

import os
import signal
import subprocess
import sys
import time

import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.slow
SMALL_PARTS = """
import sys
import holdfast.evaluation.embeddings as embeddings
embeddings.stream_embeddings.__kwdefaults__["rows"] = 150
from holdfast.cli import main
sys.exit(main(sys.argv[1:]))
"""


def words(out) -> list[str]:
    return ["embed", "timm/test_resnet", "--data", "digits", "--image-size", "16", "--device", "cpu", "--out", str(out)]


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    """The command with parts of 150 images."""
    path = tmp_path_factory.mktemp("script") / "embed.py"
    path.write_text(SMALL_PARTS)
    return path


@pytest.fixture(scope="module")
def whole(script, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "f.parquet"
    subprocess.run([sys.executable, script, *words(out)], check=True, capture_output=True, timeout=300)
    return pq.read_table(out)


def test_a_command_that_was_killed_goes_on_where_it_was(script, whole, tmp_path):
    out, parts = tmp_path / "f.parquet", tmp_path / ".f.parquet.parts"
    first = subprocess.Popen(
        [sys.executable, script, *words(out)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 240
    while len(list(parts.glob("part-*.safetensors"))) < 2 and first.poll() is None and time.monotonic() < until:
        time.sleep(0.005)
    os.kill(first.pid, signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL and not out.exists()
    kept = {path: path.stat().st_mtime_ns for path in parts.glob("part-*.safetensors")}
    again = subprocess.run(
        [sys.executable, script, *words(out)], capture_output=True, text=True, timeout=300, check=True
    )
    assert f"{len(kept)} parts of an interrupted command are taken over" in again.stdout + again.stderr
    assert pq.read_table(out).equals(whole) and not parts.exists()


def test_two_processes_of_torchrun_write_the_same_file(script, whole, tmp_path):
    out = tmp_path / "f.parquet"
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "0"]
    subprocess.run([*launch, script, *words(out)], check=True, capture_output=True, timeout=400)
    assert pq.read_table(out).equals(whole)
    assert [path.name for path in tmp_path.iterdir()] == ["f.parquet"]
