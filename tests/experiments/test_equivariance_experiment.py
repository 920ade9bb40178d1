"""Whether features follow: the experiment asks both layers of each encoder, and of one that was not trained."""

import json

import pytest

import equivariance


@pytest.mark.slow
def test_a_tiny_run_asks_both_layers_and_goes_on_where_it_was(tmp_path, monkeypatch, capsys):
    words = ["equivariance.py", "--tiny", "--only", "simclr", "--seeds", "1", "--out", str(tmp_path)]
    monkeypatch.setattr("sys.argv", words)
    equivariance.main()
    document = json.loads((tmp_path / "equivariance.json").read_text())
    assert document["runs"].keys() == {"simclr", equivariance.UNTRAINED}
    for run in document["runs"].values():
        for layer in ("middle", "end"):
            scores = run["seeds"]["0"][layer]
            assert {"rotation_r2", "flip_moved", "scale_gain", "colour_decoded"} <= scores.keys()
            assert scores["rotation_r2"]["value"] <= 1
    assert "simclr" in capsys.readouterr().out
    equivariance.main()
    assert capsys.readouterr().out == ""
