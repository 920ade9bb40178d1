"""Help that a stranger can read: sentences in plain words, ten options at most, an example that runs, at once."""

import os
import re
import resource
import subprocess
import sys

import pytest

from holdfast.cli import COMMANDS, main
from holdfast.cli.options import Help, Option, first_line, flags
from holdfast.cli.options.describe import options_of, sentences, word_for
from holdfast.cli.train import TrainOptions, train_options
from holdfast.methods import METHODS, PRESETS, with_idle_parts

LISTS = ("methods", "audits", "recipes")
CALLS = [*(name for name in COMMANDS if name != "train"), *(f"train {name}" for name in {**METHODS, **PRESETS})]
"""Everything that has a help of its own."""


def help_of(words: str, capsys) -> str:
    try:
        code = main(words.split())
    except SystemExit as done:
        code = done.code
    assert code in (0, None)
    return capsys.readouterr().out


@pytest.mark.parametrize("full", ["--help", "--help-all"])
@pytest.mark.parametrize("call", CALLS)
def test_help_reads_in_sentences_within_80_columns(call, full, capsys):
    text = help_of(f"{call} {full}", capsys)
    assert text.startswith(f"usage: holdfast {call}")
    assert "for example: holdfast " in text
    assert max(map(len, text.splitlines())) <= 80
    assert not re.search(r"\bNone\b|^ +Of |\bINT\b|\bSTR\b|VALUE", text, re.MULTILINE), text
    entries = re.split(r"\n  (?=--)", text)[1:]
    told = [" ".join(entry.split("\n\n")[0].split("\n      ")[1:]) for entry in entries]
    assert all(re.match(r"[A-Z0-9']", one) and one.rstrip().endswith((".", ")", "?")) for one in told), told


@pytest.mark.parametrize("call", CALLS)
def test_the_short_help_has_ten_options_at_most_and_says_how_many_more_there_are(call, capsys):
    short, full = help_of(f"{call} --help", capsys), help_of(f"{call} --help-all", capsys)
    counts = [len(re.findall(r"^  --", text, re.MULTILINE)) for text in (short, full)]
    assert counts[0] <= 10
    more = re.search(r"--help-all shows (\d+) more", short)
    assert counts[1] - counts[0] == (int(more[1]) if more else 0)


@pytest.mark.parametrize("method", METHODS)
def test_the_full_help_names_every_flag(method, capsys):
    config = with_idle_parts(train_options([method]).config)
    text = help_of(f"train {method} --help-all", capsys)
    named = {name.removeprefix("no-") for name in flags(TrainOptions, TrainOptions(config=config))}
    assert {name for name in named if f"--{name} " not in text.replace("\n", " ").replace(",", " ")} == set()
    assert "other options:" not in text, "put the new option into a group of cli/train.py"


def test_the_help_of_training_imports_nothing_heavy_and_takes_under_a_second_of_the_processor():
    code = (
        "import sys; from holdfast.cli import main\n"
        "try: main(['train', 'sdclr', '--help'])\n"
        "finally: assert not {'torch', 'timm', 'lightning_fabric', 'sklearn'} & set(sys.modules)"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--prune-ratio" not in done.stdout  # the short help
    assert (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime) < 1


def test_settings_without_torch_are_those_with_it(capsys):
    for call in ("train cf-amc-ssl --help-all", "recipes invclr/cifar10", "methods"):
        command = [sys.executable, "-m", "holdfast", *call.split()]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout == help_of(call, capsys)


def test_a_closed_pipe_ends_quietly():
    command = [sys.executable, "-m", "holdfast", "train", "sdclr", "--help-all"]
    reader, writer = os.pipe()
    os.close(reader)  # nobody reads, from the start
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_version_is_a_command_too(capsys):
    assert help_of("version", capsys) == help_of("--version", capsys)


@pytest.mark.parametrize("what", LISTS)
def test_a_list_shows_the_entry_that_is_named(what, capsys):
    lines = [line for line in help_of(what, capsys).splitlines() if not line.endswith(":")]
    name = lines[0].split()[0]
    shown = help_of(f"{what} {name}", capsys)
    assert len(shown.splitlines()) > 3
    assert re.search(r"^next: holdfast ", shown, re.MULTILINE)


def test_a_default_is_said_in_words():
    assert sentences("Where to compute; None: a GPU where there is one.", None, str) == (
        "Where to compute. Left out: a GPU where there is one."
    )
    assert sentences("Attack; None: no attack.", "free:3", str) == "Attack. (default: free:3)"
    assert sentences("CPU threads; None keeps torch's choice.", None, int) == (
        "CPU threads. Left out, it keeps torch's choice."
    )


def test_values_are_named_in_plain_words():
    assert [word_for("epochs", int | None), word_for("out", tuple[str, ...])] == ["NUMBER", "NAME ..."]


def test_every_option_that_the_short_help_promises_exists():
    from importlib import import_module

    for command in set(COMMANDS) - {*LISTS, "train", "resume"}:
        module = import_module(f"holdfast.cli.{command}")
        page: Help = module.HELP
        kinds = [kind for name, kind in vars(module).items() if name.endswith("Options")]
        names = {option.name for kind in kinds for option in options_of(kind)}
        assert set(page.first.split()) <= names, command


def test_a_method_is_introduced_by_the_first_line_of_its_file():
    assert first_line(METHODS["sdclr"]).startswith("SDCLR: contrast a network with its own pruned self")
    assert isinstance(Option(name="a", flag="--a", text="B."), Option)
