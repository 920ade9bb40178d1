"""What does not go together is refused before anything is read: one line with the flag, what came, and what to do."""

import pytest

from holdfast.cli import main
from holdfast.methods import PARTS as METHOD_PARTS

PARTS = {
    "penalty": "invariance:0.1",
    "equivariance": "care:1",
    "memory-augment": "bcl-i:1",
    "harmonize": "gh:1",
    "sharpness": "rwsam:0.05",
    "forget": "site",
}
"""Parts that need whole batches in one pass."""
KEPT = "--adversary pgd:2 --adversary-gradients kept"
VJP = "--penalty invariance:0.1 --penalty-form vjp"
NUMBERED = {word: kind for word, kind in METHOD_PARTS.items() if kind.numbered}
REFUSED = {
    **{
        f"simclr --{word.replace('_', '-')} {kind.example.partition(':')[0]}:{number}": f"--{word.replace('_', '-')} "
        f"NAME:NUMBER, got '{kind.example.partition(':')[0]}:{number}'; as in {kind.example}; none: without"
        for word, kind in NUMBERED.items()
        for number in ("nan", "inf", "x")
    },
    "simclr --temperature-schedule cosin:4": "--temperature-schedule cosine:E with E >= 1, got 'cosin:4'; try",
    "simclr --weight-average ema:1": "--weight-average ema:M with M < 1, got ema:1; try ema:0.999",
    "ts --temperature 0.3": "--temperature only without --temperature-schedule, got it otherwise",
    "ts --temperature-low 0": "holdfast: expected temperature_low above 0 and at most temperature_high, got (0.0, 1.0)",
    "emp-ssl --prune-ratio 1.5": "holdfast: expected 0 <= prune_ratio < 1, got 1.5; 0 leaves the twin out",
    **{f"simclr --{part} {value} --chunk 8": f"--{part} without --chunk, got 8" for part, value in PARTS.items()},
    "simclr --sharpness rwsam:0.05 --compile": "--sharpness without --compile, got --compile",
    "simclr --sharpness rwsam:0.05 --shard-weights": "--sharpness without --shard-weights, got both",
    f"simclr {VJP} --compile": "--penalty-form pair beside --compile, --shard-weights, got vjp",
    f"simclr {VJP} --shard-weights": "--penalty-form pair beside --compile, --shard-weights, got vjp",
    f"simclr {KEPT} --shard-weights": "--adversary-gradients dropped with --shard-weights, got kept",
    "simclr --adversary free:2 --adversary-gradients kept": "--adversary-gradients kept with pgd:N, got free:2",
    "gdt --distinct mirror": "--flip 0 with --distinct mirror, got 0.5",
    "sdclr --shard-weights": "--shard-weights without SDCLR, got both",
    "simclr --harmonize gh:1 --harmonize-classes 500": "--harmonize-classes of at most 129, got 500",
    "simclr --soft-equivariance ser:1 --soft-equivariance-layer 9": "a layer with a map of features, got layer 9",
    "vicreg --temperature-schedule cosine:4": "a contrast's temperature under --temperature-schedule, got VICReg",
    "simclr --forget site": "--groups FILE.csv:COLUMN with the attribute to forget, site, got none",
    "dynacl++": "a robust teacher, --teacher RUN of dynacl, got none; train one first: holdfast train dynacl --data",
    "fare": "the encoder to make robust, --teacher timm/NAME:pretrained, a file of weights or a RUN, got none; for "
    "example one that was downloaded: holdfast train fare --teacher timm/test_resnet:pretrained --data digits",
    "deacl": "holdfast train simclr --data digits --encoder timm/test_resnet --image-size 16 --out runs/simclr-1, "
    "then: holdfast train deacl --teacher runs/simclr-1 --data digits --image-size 16 --epochs 1",
}
"""By words of a command: what its one line says is expected, and what came."""


@pytest.mark.parametrize("words", REFUSED)
def test_what_does_not_go_together_is_one_line_with_code_2_and_nothing_is_written(words, tmp_path, capsys):
    out = tmp_path / "run"
    common = f"--data digits --image-size 16 --epochs 1 --encoder timm/test_resnet --out {out}"
    assert main(["train", *words.split(), *common.split()]) == 2
    captured = capsys.readouterr()
    (line,) = captured.err.strip().splitlines()
    assert "expected " in line and REFUSED[words] in line and "; " in line
    assert "Traceback" not in captured.out and not out.exists()
