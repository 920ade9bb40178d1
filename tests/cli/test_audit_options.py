from dataclasses import fields

from holdfast.audits import Options
from holdfast.cli.audited import AuditOptions
from holdfast.options import MeasurementOptions


def test_the_command_and_the_function_write_what_they_share_once():
    shared = {field.name for field in fields(MeasurementOptions)}
    for kind in (AuditOptions, Options):
        assert issubclass(kind, MeasurementOptions)
        assert not shared & set(kind.__annotations__)
    twice = {field.name for field in fields(AuditOptions)} & {field.name for field in fields(Options)} - shared
    assert twice == {"device", "cache"}, "the command chooses the device, and says whether to keep, not where"
