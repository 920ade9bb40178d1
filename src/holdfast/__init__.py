"""holdfast trains self-supervised image encoders that hold, and audits any encoder. Names load on first use."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.api import card as card
    from holdfast.api import compare as compare
    from holdfast.api import embed as embed
    from holdfast.api import export as export
    from holdfast.api import inspect as inspect
    from holdfast.api import resume as resume
    from holdfast.api import train as train
    from holdfast.audits import AUDITS as AUDITS
    from holdfast.audits import audit as audit
    from holdfast.config import VIEWS as VIEWS
    from holdfast.config import RunConfig as RunConfig
    from holdfast.config import ViewSettings as ViewSettings
    from holdfast.data import Images as Images
    from holdfast.data import load_images as load_images
    from holdfast.findings import Finding as Finding
    from holdfast.findings import Score as Score
    from holdfast.methods import METHODS as METHODS
    from holdfast.methods import PRESETS as PRESETS
    from holdfast.methods import EMPSSLConfig as EMPSSLConfig
    from holdfast.methods import SDCLRConfig as SDCLRConfig
    from holdfast.methods import SimCLRConfig as SimCLRConfig
    from holdfast.models import load_encoder as load_encoder
    from holdfast.recipes import RECIPES as RECIPES
    from holdfast.report import report as report
    from holdfast.runs import RunFolder as RunFolder
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
