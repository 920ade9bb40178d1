"""Studies train and then measure: encoder pairs for memorization and privacy, and training without certain images."""

from holdfast.studies.pairs import StudyConfig, run_study
from holdfast.studies.removal import check_removal, parse_removal, run_removal

__all__ = ["StudyConfig", "check_removal", "parse_removal", "run_removal", "run_study"]
