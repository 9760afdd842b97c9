"""User errors: their messages say what to do, so the command prints them without a traceback."""

from mews_assets.api import MewsError
from mews_assets.catalog import UnknownTableError
from mews_assets.cli.home import HomeError
from mews_assets.ingest.find_scope import UnknownScopeError
from mews_assets.ingest.materialise import UnsettledWindowError
from mews_assets.ingest.snapshot import NoSnapshotError
from mews_assets.lake.errors import LakeError
from mews_assets.settings import SettingError

USER_ERRORS = (
    MewsError,
    UnknownTableError,
    HomeError,
    UnknownScopeError,
    NoSnapshotError,
    UnsettledWindowError,
    LakeError,
    SettingError,
    OSError,
)
