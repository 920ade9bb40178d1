"""The command line. `holdfast --help` imports nothing heavy; each command's code is imported when it runs."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from holdfast.cli.options import UserError, nearest, say_when_loading

COMMANDS: dict[str, str] = {
    "inspect": "what a collection is like, and what to do: holdfast inspect DIR",
    "train": "train an encoder on images: holdfast train METHOD --data FILE --out FOLDER",
    "resume": "continue an interrupted run: holdfast resume RUN",
    "audit": "measure encoders: holdfast audit RUN --test FILE",
    "memorization": "which images a run memorised, by encoder pairs: holdfast memorization RUN",
    "report": "one HTML page from audited runs: holdfast report RUN RUN --out PAGE.html",
    "compare": "paired differences in the terminal: holdfast compare RUN RUN",
    "card": "card.json and a Hugging Face model card: holdfast card RUN",
    "embed": "features of images as a file: holdfast embed RUN --data DIR --out FILE.parquet",
    "export": "an encoder for timm or torchvision alone: holdfast export RUN --out DIR",
    "demo": "train, audit and report on handwritten digits, in a few minutes",
    "methods": "what can be trained",
    "audits": "what can be measured",
    "recipes": "complete settings of published runs",
}
"""By command: its line of help. Its function stands under its own name in a file of that name."""


def usage() -> str:
    """The text of `holdfast --help`."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {text}" for name, text in COMMANDS.items()]
    return "\n".join(
        [
            "usage: holdfast COMMAND [OPTIONS]",
            "",
            "Trains self-supervised image encoders that hold on long-tailed images, and audits any encoder.",
            "",
            *lines,
            "",
            "holdfast COMMAND --help shows a command's options; holdfast version the version.",
        ]
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; returns the exit code: 0, 2 for input that cannot be used, 130 for an interruption, 141 where
    nobody reads what is printed any more."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _guarded(words)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # What is left in the buffer would be written, and fail, when Python exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _guarded(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "--help-all", "help"):
        print(usage())
        return 0
    if words[0] in ("-V", "--version", "version"):
        from importlib.metadata import version

        print(f"holdfast {version('holdfast')}")
        return 0
    try:
        return _run(words[0], words[1:])
    except KeyboardInterrupt:
        print("\nholdfast: interrupted; a run continues with: holdfast resume RUN", file=sys.stderr)
        return 130
    except BrokenPipeError:
        raise
    except (UserError, ValueError, FileNotFoundError, FileExistsError, PermissionError, FloatingPointError) as error:
        if os.environ.get("HOLDFAST_DEBUG"):
            raise
        print(f"holdfast: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


def _run(name: str, words: list[str]) -> int:
    if name not in COMMANDS:
        raise UserError(f"expected a command, got {name!r}; {nearest(name, COMMANDS)}")
    if sys.stderr.isatty():
        say_when_loading()
    getattr(import_module(f"holdfast.cli.{name}"), name)(words)
    return 0
