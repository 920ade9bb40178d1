from dataclasses import fields

from holdfast.audits import Options
from holdfast.cli.audited import AuditOptions


def test_the_command_and_the_function_share_the_defaults_of_what_they_both_take():
    command, function = ({(f.name, f.type): f.default for f in fields(kind)} for kind in (AuditOptions, Options))
    shared = set(command) & set(function)
    assert {"probe_on", "protocol", "square_queries", "seed"} <= {name for name, _ in shared}
    assert {key: command[key] for key in shared} == {key: function[key] for key in shared}
