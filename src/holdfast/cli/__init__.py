"""The command line. `holdfast --help` imports nothing heavy; each command's code is imported when it runs."""

import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module

from holdfast.cli.options import EndedElsewhereError, UserError, fitted, nearest, say_when_loading, wrapped
from holdfast.system import first_process, one_line, told

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
    "demo": "train, audit on all axes and report on drawn curves, in a few minutes",
    "methods": "what can be trained",
    "audits": "what can be measured",
    "recipes": "complete settings of published runs",
}
"""By command: its line of help. Its function stands under its own name in a file of that name."""


def usage() -> str:
    """The text of `holdfast --help`."""
    width = max(map(len, COMMANDS))
    lines = [wrapped(f"{name:{width}}  {text}", "  ", " " * (width + 4)) for name, text in COMMANDS.items()]
    return "\n".join(
        [
            "usage: holdfast COMMAND [OPTIONS]",
            "",
            wrapped("Trains self-supervised image encoders that hold on long-tailed images, and audits any encoder."),
            "",
            *lines,
            "",
            wrapped("holdfast COMMAND --help shows a command's options; holdfast version the version."),
        ]
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; returns the exit code: 0, 2 for input that cannot be used, 130 for an interruption, 141 where
    nobody reads what is printed any more."""
    words, code = list(sys.argv[1:] if argv is None else argv), 0
    try:
        code = _guarded(words)
        sys.stdout.flush()
        return code
    except OSError as error:
        # What is left in the buffer would be written, and fail, when Python exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return 141
        return code or _failed(OSError(error.errno, error.strerror, "what is printed to"))


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
    except KeyboardInterrupt as error:
        number = getattr(error, "number", 2)
        _complain(f"\nholdfast: {one_line(_goes_on(error, words))}")
        return 128 + number
    except BrokenPipeError:
        raise
    except EndedElsewhereError as error:
        return error.code
    except Exception as error:
        if os.environ.get("HOLDFAST_DEBUG"):
            raise
        return _failed(error)


def _goes_on(error: KeyboardInterrupt, words: Sequence[str]) -> str:
    """What was interrupted, and the command that goes on: of one of several runs that is the command itself."""
    again = shlex.join(["holdfast", *words])
    ended, own = getattr(error, "ended", "interrupted"), getattr(error, "command", again)
    return f"{ended}; continue with: {again if words[0] == 'memorization' else own}"


def _failed(error: Exception) -> int:
    """Tells an error in one line: 2 for what the user can mend, 1 for a fault of ours."""
    speaks = getattr(error, "speaks", False)
    if isinstance(error, OSError):
        error = told(error)
    if isinstance(error, UserError | ValueError | OSError | FloatingPointError):
        _complain(f"holdfast: {one_line(str(error))}", speaks=speaks)
        return 2
    kind = type(error).__name__
    _complain(
        f"holdfast: a fault of holdfast or a file that it did not expect ({kind}: {one_line(str(error))[:300]}); give "
        "the command again with HOLDFAST_DEBUG=1 before it to see where, and report it",
        speaks=speaks,
    )
    return 1


def _complain(line: str, *, speaks: bool = False) -> None:
    """On stderr, once: of several processes the first speaks for all, or the one whose error ended them."""
    if speaks or first_process():
        with suppress(OSError):  # nowhere to complain to
            print(fitted(line, sys.stderr) if sys.stderr.isatty() else line, file=sys.stderr, flush=True)


def _run(name: str, words: list[str]) -> int:
    if name not in COMMANDS:
        raise UserError(f"expected a command, got {name!r}; {nearest(name, COMMANDS)}")
    say_when_loading(name)
    getattr(import_module(f"holdfast.cli.{name}"), name)(words)
    return 0
