"""Disks and processes: files that are what they say, one writer, and what launchers started. No torch here."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.system.holdings import is_collection as is_collection
    from holdfast.system.holdings import refuse_collection as refuse_collection
    from holdfast.system.intact import DamagedError as DamagedError
    from holdfast.system.intact import cannot_write as cannot_write
    from holdfast.system.intact import check_writable as check_writable
    from holdfast.system.intact import digest as digest
    from holdfast.system.intact import document_digest as document_digest
    from holdfast.system.intact import escaped as escaped
    from holdfast.system.intact import one_line as one_line
    from holdfast.system.intact import plain_cell as plain_cell
    from holdfast.system.intact import read_json as read_json
    from holdfast.system.intact import reading as reading
    from holdfast.system.intact import spelt as spelt
    from holdfast.system.intact import told as told
    from holdfast.system.launchers import World as World
    from holdfast.system.launchers import first_process as first_process
    from holdfast.system.launchers import launched as launched
    from holdfast.system.launchers import local_place as local_place
    from holdfast.system.launchers import meeting_place as meeting_place
    from holdfast.system.launchers import place as place
    from holdfast.system.lock import LOCK as LOCK
    from holdfast.system.lock import HeldError as HeldError
    from holdfast.system.lock import one_writer as one_writer
    from holdfast.system.many import MANY as MANY
    from holdfast.system.many import cores as cores
    from holdfast.system.many import run_many as run_many
    from holdfast.system.many import side_by_side as side_by_side
    from holdfast.system.memory import give_back_memory as give_back_memory
    from holdfast.system.near import near_path as near_path
    from holdfast.system.near import near_words as near_words
    from holdfast.system.records import read_config as read_config
    from holdfast.system.records import read_ids as read_ids
    from holdfast.system.records import read_index as read_index
    from holdfast.system.records import read_rows as read_rows
    from holdfast.system.records import read_study as read_study
    from holdfast.system.stopwatch import SAME as SAME
    from holdfast.system.stopwatch import Pace as Pace
    from holdfast.system.stopwatch import Spent as Spent
    from holdfast.system.stopwatch import about as about
    from holdfast.system.stopwatch import pace as pace
    from holdfast.system.stopwatch import timed as timed
    from holdfast.system.temporary import clean_stale as clean_stale
    from holdfast.system.temporary import is_temporary as is_temporary
    from holdfast.system.temporary import temporary_name as temporary_name
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
