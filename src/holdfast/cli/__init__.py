"""The command line. `holdfast --help` imports nothing heavy; each command's code is imported when it runs."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from holdfast.cli.errors import UserError, nearest

COMMANDS: dict[str, tuple[str, str]] = {
    "inspect": ("holdfast.cli.inspect:inspect", "what a collection is like, and what to do: holdfast inspect DIR"),
    "train": ("holdfast.cli.train:train", "train an encoder on images: holdfast train METHOD --data FILE --out FOLDER"),
    "resume": ("holdfast.cli.train:resume", "continue an interrupted run: holdfast resume RUN"),
    "audit": ("holdfast.cli.audit:audit", "measure encoders: holdfast audit RUN --test FILE"),
    "memorization": (
        "holdfast.cli.memorization:memorization",
        "which images a run memorised, by encoder pairs: holdfast memorization RUN",
    ),
    "report": (
        "holdfast.cli.report:report",
        "one HTML page from audited runs: holdfast report RUN RUN --out PAGE.html",
    ),
    "compare": ("holdfast.cli.report:compare", "paired differences in the terminal: holdfast compare RUN RUN"),
    "card": ("holdfast.cli.card:card", "card.json and a Hugging Face model card: holdfast card RUN"),
    "embed": (
        "holdfast.cli.hand_over:embed",
        "features of images as a file: holdfast embed RUN --data DIR --out FILE.parquet",
    ),
    "export": (
        "holdfast.cli.hand_over:export",
        "an encoder for timm or torchvision alone: holdfast export RUN --out DIR",
    ),
    "demo": ("holdfast.cli.demo:demo", "train, audit and report on handwritten digits, in a few minutes"),
    "methods": ("holdfast.cli.lists:methods", "what can be trained"),
    "audits": ("holdfast.cli.lists:audits", "what can be measured"),
    "recipes": ("holdfast.cli.lists:recipes", "complete settings of published runs"),
}
"""Where each command's function is, and its line of help."""


def usage() -> str:
    """The text of `holdfast --help`."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {text}" for name, (_, text) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: holdfast COMMAND [OPTIONS]",
            "",
            "Trains self-supervised image encoders that hold on long-tailed images, and audits any encoder.",
            "",
            *lines,
            "",
            "holdfast COMMAND --help shows a command's options; holdfast --version the version.",
        ]
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; returns the exit code: 0, 2 for input that cannot be used, 130 for an interruption."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help", "help"):
        print(usage())
        return 0
    if words[0] in ("-V", "--version"):
        from importlib.metadata import version

        print(f"holdfast {version('holdfast')}")
        return 0
    try:
        return _run(words[0], words[1:])
    except KeyboardInterrupt:
        print("\nholdfast: interrupted; a run continues with: holdfast resume RUN", file=sys.stderr)
        return 130
    except (UserError, ValueError, FileNotFoundError, FileExistsError, PermissionError, FloatingPointError) as error:
        if os.environ.get("HOLDFAST_DEBUG"):
            raise
        print(f"holdfast: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


def _run(name: str, words: list[str]) -> int:
    if name not in COMMANDS:
        raise UserError(f"expected a command, got {name!r}; {nearest(name, COMMANDS)}")
    module, _, function = COMMANDS[name][0].partition(":")
    getattr(import_module(module), function)(words)
    return 0
