"""Download: the files of an export, complete or not at all.

Lives here: streaming the files side by side, and refusing what the disk cannot hold. Not here: one file's requests
(`file_download`), where links come from (`links`), what the lines mean, keeping the files (the lake).
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from mews_assets.api.client import MewsClient, bare_http
from mews_assets.api.errors import DownloadError
from mews_assets.api.exports import Export
from mews_assets.api.file_download import DownloadContext, DownloadedFile, FileDownload
from mews_assets.api.limits import DownloadLimits
from mews_assets.api.links import Links
from mews_assets.api.runtime import Runtime
from mews_assets.api.transport.ssrf_guard import not_public, refuse_private


def download_files(
    client: MewsClient,
    export_id: str,
    target_dir: Path,
    *,
    refresh: Callable[[], Export],
    sink: Callable[[DownloadedFile], object] | None = None,
    limits: DownloadLimits = DownloadLimits(),  # noqa: B008 - a frozen value
    runtime: Runtime = Runtime(),  # noqa: B008 - a frozen value
) -> list[DownloadedFile]:
    """All files of the export, as `part-00001.jsonl` and so on in `target_dir`, in Mews' order.

    `refresh` asks Mews for the export's state: once before the first byte, and again when a link has died.
    `sink` gets each file as soon as it is complete, in the calling thread, in the order of arrival. The first
    error ends the other downloads too. `client` lends its name and platform address, not its tokens.
    Raises DownloadError, and what `refresh` raises.
    """
    links = Links(client, refresh)
    stop = threading.Event()
    target_dir.mkdir(parents=True, exist_ok=True)
    _refuse_more_than_fits(client, export_id, sum(links.sizes), target_dir)
    is_private = bool(not_public(runtime.resolve(client.platform.host)))
    refuse = None if is_private else refuse_private
    with (
        bare_http(client.platform, limits.timeouts, runtime.transport, refuse) as http,
        ThreadPoolExecutor(limits.files_at_once, thread_name_prefix="download") as pool,
    ):
        context = DownloadContext(client, export_id, http, links, stop, limits, runtime, is_private)
        files = [FileDownload(context, index, size, target_dir) for index, size in enumerate(links.sizes)]
        futures = {pool.submit(file.fetch): at for at, file in enumerate(files)}
        done: dict[int, DownloadedFile] = {}
        try:
            for future in as_completed(futures):
                done[futures[future]] = downloaded = future.result()
                if sink:
                    sink(downloaded)
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [done[at] for at in sorted(done)]


def _refuse_more_than_fits(client: MewsClient, export_id: str, size: int, target_dir: Path) -> None:
    free = shutil.disk_usage(target_dir).free
    if size > free:
        raise DownloadError(
            f"the export's files are {size} bytes by Mews' word, and {target_dir} has {free} free.",
            operation=f"download of export {export_id}",
            connection=client.connection,
            advice="free some space on that disk, or let TMPDIR or MEWS_LAKE name a larger one.",
        )
