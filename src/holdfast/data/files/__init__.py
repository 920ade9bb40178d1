"""Files and what is in them: indexes of folders, encoded pictures, rows of tables, streams of pixels."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.data.files.beside import PICTURES as PICTURES
    from holdfast.data.files.beside import begins_as_picture as begins_as_picture
    from holdfast.data.files.checks import checksum as checksum
    from holdfast.data.files.checks import head as head
    from holdfast.data.files.checks import short as short
    from holdfast.data.files.checks import unusable as unusable
    from holdfast.data.files.decode import Files as Files
    from holdfast.data.files.decode import LoadRequest as LoadRequest
    from holdfast.data.files.decode import Row as Row
    from holdfast.data.files.decode import decode_rows as decode_rows
    from holdfast.data.files.decode import of_shape as of_shape
    from holdfast.data.files.deep import Ranges as Ranges
    from holdfast.data.files.deep import Reach as Reach
    from holdfast.data.files.deep import UnscaledError as UnscaledError
    from holdfast.data.files.deep import array_pixels as array_pixels
    from holdfast.data.files.deep import given_ranges as given_ranges
    from holdfast.data.files.deep import ranges_of as ranges_of
    from holdfast.data.files.deep import reach_in as reach_in
    from holdfast.data.files.deep import said as said
    from holdfast.data.files.folder_index import NO_FILE as NO_FILE
    from holdfast.data.files.folder_index import NOT_REGULAR as NOT_REGULAR
    from holdfast.data.files.folder_index import FolderIndex as FolderIndex
    from holdfast.data.files.folder_index import Paths as Paths
    from holdfast.data.files.foreign import NO_PICTURE as NO_PICTURE
    from holdfast.data.files.foreign import named_as as named_as
    from holdfast.data.files.index_cache import cache_folder as cache_folder
    from holdfast.data.files.index_cache import load_index as load_index
    from holdfast.data.files.index_cache import open_index as open_index
    from holdfast.data.files.parquet_rows import ParquetRows as ParquetRows
    from holdfast.data.files.parquet_rows import RowNames as RowNames
    from holdfast.data.files.parquet_rows import Shard as Shard
    from holdfast.data.files.pictures import Resize as Resize
    from holdfast.data.files.pictures import fit as fit
    from holdfast.data.files.pictures import look as look
    from holdfast.data.files.pictures import picture as picture
    from holdfast.data.files.pictures import reason as reason
    from holdfast.data.files.pictures import to_rgb as to_rgb
    from holdfast.data.files.rejects import NOT_READ as NOT_READ
    from holdfast.data.files.rejects import READ_IN_PART as READ_IN_PART
    from holdfast.data.files.rejects import Rejected as Rejected
    from holdfast.data.files.rejects import summary as summary
    from holdfast.data.files.rejects import unread_rows as unread_rows
    from holdfast.data.files.rejects import write_rejects as write_rejects
    from holdfast.data.files.remote import is_remote as is_remote
    from holdfast.data.files.remote import named as named
    from holdfast.data.files.remote import read_file as read_file
    from holdfast.data.files.remote import unread as unread
    from holdfast.data.files.remote import what_is as what_is
    from holdfast.data.files.stream import Streamed as Streamed
    from holdfast.data.files.stream import refuse as refuse
    from holdfast.data.files.tar_members import Member as Member
    from holdfast.data.files.tar_members import TarMembers as TarMembers
    from holdfast.data.files.tar_members import members_of as members_of
    from holdfast.data.files.tar_members import tar_files as tar_files
    from holdfast.data.files.tar_members import text_of as text_of
    from holdfast.data.files.threads import in_threads as in_threads
    from holdfast.data.files.workers import Blocked as Blocked
    from holdfast.data.files.workers import Encoded as Encoded
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
