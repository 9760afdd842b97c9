"""Links: the current addresses of an export's files, shared by all downloads of the export.

Lives here: fetching links, fetching them again after one has expired, and checking that the files are still the same.
Not here: downloading (`file_download`).

A link works for 10 minutes after the answer that contained it; a new answer contains new links.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from mews_assets.api.client import MewsClient
from mews_assets.api.errors import DownloadError
from mews_assets.api.exports import Export, ExportFile
from mews_assets.api.transport.address import read_url
from mews_assets.api.waiting import ready_or_raise


class Links:
    """The links of an export, fetched when this is made. Files keep the index they had in the first answer."""

    def __init__(self, client: MewsClient, refresh: Callable[[], Export]) -> None:
        self._client = client
        self._refresh = refresh
        self._lock = threading.Lock()
        self._generation = 1
        self._files = self._fetch()
        self.sizes = tuple(file.size_bytes for file in self._files)

    def get(self, index: int) -> tuple[int, str]:
        """The link of a file, and its generation for `renew`."""
        with self._lock:
            return self._generation, self._files[index].url

    def renew(self, generation: int) -> None:
        """Fetch new links, unless another thread has done so since this generation. Raises DownloadError."""
        with self._lock:
            if generation != self._generation:
                return
            fresh = in_the_order_of(self._files, self._fetch())
            sizes = tuple(file.size_bytes for file in fresh)
            if sizes != self.sizes:
                raise DownloadError(
                    f"the export has other files than before: {len(self.sizes)} of {sum(self.sizes)} bytes "
                    f"before, {len(sizes)} of {sum(sizes)} bytes now.",
                    operation="exports/getAll",
                    connection=self._client.connection,
                )
            self._files = fresh
            self._generation += 1

    def _fetch(self) -> tuple[ExportFile, ...]:
        export = self._refresh()
        if not ready_or_raise(self._client, export):
            raise DownloadError(
                f"export {export.id} has no files yet: it is {export.status_text or export.status}.",
                operation="exports/getAll",
                connection=self._client.connection,
                advice="wait for the export first.",
            )
        return export.files


def in_the_order_of(first: Sequence[ExportFile], fresh: Sequence[ExportFile]) -> tuple[ExportFile, ...]:
    """The new files in the first answer's order if their paths identify them, otherwise in their own order.

    Mews does not promise the same order in a second answer, and a resumed file must not be completed with the bytes of
    another.
    """
    by_path = {_path(file): file for file in fresh}
    paths = [_path(file) for file in first]
    if len(by_path) == len(fresh) == len(first) and set(paths) == set(by_path):
        return tuple(by_path[path] for path in paths)
    return tuple(fresh)


def _path(file: ExportFile) -> str:
    try:
        return read_url(file.url).path
    except ValueError:
        return ""
