"""No module outside `statistics/` spells a quantile of the normal or of Student's t, or resamples by itself."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "holdfast"
HOME = SOURCE / "statistics"
QUANTILES = ("1.64", "1.95", "1.96", "2.57", "12.70", "4.30", "3.18")
"""How the usual quantiles of the normal and of Student's t begin."""
DRAWS = {"default_rng", "RandomState", "multinomial", "bootstrap"}
"""Names that draw without a key: whatever needs them for an interval has its home in `statistics/`."""
ENDS = {0.025, 0.975, 2.5, 97.5}


def findings(path):
    """What a file does that belongs into `statistics/`, with the line."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            if str(node.value).startswith(QUANTILES) and len(str(node.value)) > 4:
                yield node.lineno, f"spells the quantile {node.value}"
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            constants = {c.value for c in ast.walk(node) if isinstance(c, ast.Constant) and isinstance(c.value, float)}
            if name in DRAWS:
                yield node.lineno, f"draws with {name}"
            if name in ("quantile", "percentile", "nanquantile", "nanpercentile") and constants & ENDS:
                yield node.lineno, "takes the ends of an interval from draws"


def test_the_law_finds_what_it_forbids(tmp_path):
    file = tmp_path / "x.py"
    file.write_text("z = 1.959963984540054\nnp.random.default_rng(0)\nnp.quantile(a, (0.025, 0.975))\n")
    assert [line for line, _ in sorted(findings(file))] == [1, 2, 3]


@pytest.mark.parametrize("package", sorted({p.name for p in SOURCE.iterdir() if p.name != "__pycache__"} - {HOME.name}))
def test_intervals_are_made_in_their_home_alone(package):
    root = SOURCE / package
    files = [root] if root.suffix == ".py" else sorted(root.rglob("*.py"))
    found = [(path.relative_to(SOURCE).as_posix(), *what) for path in files for what in findings(path)]
    assert found == []
