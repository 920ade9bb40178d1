from dataclasses import fields

from holdfast.audits import Options
from holdfast.cli.audit import AuditOptions


def test_the_command_and_the_function_share_their_defaults():
    command, function = ({field.name: field.default for field in fields(kind)} for kind in (AuditOptions, Options))
    shared = set(command) & set(function)
    assert {"probe_on", "protocol", "square_queries", "seed"} <= shared
    assert {name: command[name] for name in shared} == {name: function[name] for name in shared}
