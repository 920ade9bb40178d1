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
            if name == "randint" and _as_many_as_drawn_from(node):
                yield node.lineno, "resamples with randint"
            if name in DRAWS:
                yield node.lineno, f"draws with {name}"
            if name in ("quantile", "percentile", "nanquantile", "nanpercentile") and constants & ENDS:
                yield node.lineno, "takes the ends of an interval from draws"


def _as_many_as_drawn_from(call):
    """Whether as many are drawn as there are to draw from: randint(len(x), (len(x),))."""
    texts = [ast.unparse(argument) for argument in call.args]
    return len(texts) > 1 and any(first in size for first in texts[:-1] for size in texts[-1:] if not first.isdigit())


def test_the_law_finds_what_it_forbids(tmp_path):
    file = tmp_path / "x.py"
    lines = ["z = 1.959963984540054", "np.random.default_rng(0)", "np.quantile(a, (0.025, 0.975))"]
    file.write_text("\n".join([*lines, "torch.randint(len(x), (len(x),), generator=g)", "torch.randint(len(x), ())"]))
    assert [line for line, _ in sorted(findings(file))] == [1, 2, 3, 4]


@pytest.mark.parametrize("package", sorted({p.name for p in SOURCE.iterdir() if p.name != "__pycache__"} - {HOME.name}))
def test_intervals_are_made_in_their_home_alone(package):
    root = SOURCE / package
    files = [root] if root.suffix == ".py" else sorted(root.rglob("*.py"))
    found = [(path.relative_to(SOURCE).as_posix(), *what) for path in files for what in findings(path)]
    assert found == []
