"""What is audited, and how it is prepared: encoder, images, options, features, probes, pairs."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.audits.subject.elsewhere import given_pairs as given_pairs
    from holdfast.audits.subject.encoder import audited_encoder as audited_encoder
    from holdfast.audits.subject.encoder import run_of as run_of
    from holdfast.audits.subject.entry import Audit as Audit
    from holdfast.audits.subject.entry import Lack as Lack
    from holdfast.audits.subject.entry import Speed as Speed
    from holdfast.audits.subject.entry import lacks_gradients as lacks_gradients
    from holdfast.audits.subject.entry import lacks_labels as lacks_labels
    from holdfast.audits.subject.entry import lacks_pairs as lacks_pairs
    from holdfast.audits.subject.entry import lacks_pixels as lacks_pixels
    from holdfast.audits.subject.entry import lacks_views as lacks_views
    from holdfast.audits.subject.hold_out import is_thin as is_thin
    from holdfast.audits.subject.known import Known as Known
    from holdfast.audits.subject.lineage import made_of as made_of
    from holdfast.audits.subject.members import MOST_MEMBERS as MOST_MEMBERS
    from holdfast.audits.subject.members import Members as Members
    from holdfast.audits.subject.members import compared as compared
    from holdfast.audits.subject.pairs import LEAST_PAIRS as LEAST_PAIRS
    from holdfast.audits.subject.pairs import PLANTED as PLANTED
    from holdfast.audits.subject.pairs import Pairs as Pairs
    from holdfast.audits.subject.pairs import Scored as Scored
    from holdfast.audits.subject.pairs import find_pairs as find_pairs
    from holdfast.audits.subject.pairs import load_pairs as load_pairs
    from holdfast.audits.subject.prepare import prepared as prepared
    from holdfast.audits.subject.studies import foreign_study as foreign_study
    from holdfast.audits.subject.subject import ProbeResult as ProbeResult
    from holdfast.audits.subject.subject import Subject as Subject
    from holdfast.audits.subject.views import VIEWED_IMAGES as VIEWED_IMAGES
    from holdfast.options import Options as Options
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
