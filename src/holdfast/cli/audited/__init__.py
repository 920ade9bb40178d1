"""What `holdfast audit` measures encoders on and by which options, and what it says of the result."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.cli.audited.inputs import audit_options as audit_options
    from holdfast.cli.audited.inputs import axes_of as axes_of
    from holdfast.cli.audited.inputs import choose_budget as choose_budget
    from holdfast.cli.audited.inputs import folders as folders
    from holdfast.cli.audited.inputs import is_features as is_features
    from holdfast.cli.audited.inputs import subject_of as subject_of
    from holdfast.cli.audited.minutes import Minutes as Minutes
    from holdfast.cli.audited.options import AuditOptions as AuditOptions
    from holdfast.cli.audited.said import copies_caution as copies_caution
    from holdfast.cli.audited.said import decided as decided
    from holdfast.cli.audited.said import hold_outs_differ as hold_outs_differ
    from holdfast.cli.audited.said import left_out as left_out
    from holdfast.cli.audited.said import score_lines as score_lines
    from holdfast.cli.audited.said import tested as tested
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
