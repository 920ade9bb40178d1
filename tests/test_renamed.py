import json

import pytest

from holdfast.audits import Options
from holdfast.cli.audit import HELP
from holdfast.cli.audited import AuditOptions
from holdfast.cli.options import parse
from holdfast.findings import Finding


@pytest.mark.parametrize("words", [["--protocol", "fast"], ["--protocol=fast"]])
def test_the_command_line_takes_an_old_word_with_a_line(words, capsys):
    assert parse(AuditOptions, ["RUN", *words], HELP).protocol == "lbfgs"
    assert capsys.readouterr().out == "holdfast: protocol 'fast' is called 'lbfgs' now; it is the same\n"


def test_another_option_may_still_be_called_fast(capsys):
    assert parse(AuditOptions, ["RUN", "--budget", "fast"], HELP).budget == "fast"
    assert capsys.readouterr().out == ""


def test_a_call_takes_an_old_word_with_a_warning():
    with pytest.warns(FutureWarning, match="protocol 'fast' is called 'lbfgs' now"):
        assert Options(protocol="fast").protocol == "lbfgs"


def test_an_old_finding_reads_as_one_of_today(tmp_path):
    path = Finding(audit="quality", scores=[], settings={"protocol": "lbfgs", "budget": "fast"}).save(tmp_path)
    document = json.loads(path.read_text())
    document["settings"]["protocol"] = "fast"
    del document["settings_digest"]  # of then
    path.write_text(json.dumps(document))
    assert Finding.load(path).settings == {"protocol": "lbfgs", "budget": "fast"}
