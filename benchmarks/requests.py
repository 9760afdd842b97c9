"""Requests to the object store: how many each landed partition costs, counted at an S3 server on this machine.

    python -m benchmarks.requests        needs what `make test-services` installs

Lives here: landing, merging and updating a table of some hotels and days, and the requests by kind.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mews_assets.lake.changes.merge import merge
from mews_assets.lake.current.update import update_current
from mews_assets.lake.partition import Partition
from mews_assets.lake.quality.volume import volumes
from mews_assets.lake.reading.inventory import inventory
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.windows import Grain
from mews_assets_tests.lake.made import ORDER_ITEMS, at, days, item, land
from mews_assets_tests.services.machines import LAKE
from mews_assets_tests.services.s3 import S3Server, running_s3

HOTELS = tuple(f"hotel-{number:04}" for number in range(5))
FIRST, AFTER = 2, 22
PARTITIONS = len(HOTELS) * (AFTER - FIRST)
KINDS = ("LIST", "HEAD", "GET", "PUT", "POST", "DELETE")


def capture(hour: int) -> list[dict[str, object]]:
    return [
        item(f"{hotel}-{day}-{hour}", at(day, hour), hotel) for hotel in HOTELS for day in range(FIRST, AFTER)
    ]


def volumes_of_all(lake: Lake) -> Callable[[], object]:
    partitions = [Partition(hotel, days(day, day + 1)) for hotel in HOTELS for day in range(FIRST, AFTER)]
    return lambda: volumes(lake, ORDER_ITEMS, partitions)


def counted(server: S3Server, work: Callable[[], object]) -> Counter[str]:
    server.requests.clear()
    work()
    return Counter(server.requests)


@contextmanager
def steps() -> Iterator[list[tuple[str, int, Counter[str]]]]:
    """Each step with the number of partitions or scopes that it is about, and its requests."""
    done: list[tuple[str, int, Counter[str]]] = []
    with running_s3() as server:
        os.environ.update(server.environment)
        lake = open_lake(LAKE, Grain.DAILY)
        window = days(FIRST, AFTER)
        for number, name in enumerate(("new partitions", "the same partitions, new rows", "nothing new")):
            rows = capture(min(number, 1))
            landing = counted(server, lambda rows=rows: land(lake, ORDER_ITEMS, rows, window, scopes=HOTELS))
            done.append((f"land one capture: {name}", PARTITIONS, landing))
            merging = counted(server, lambda: merge(lake, ORDER_ITEMS, threads=1))
            done.append((f"merge: {name}", PARTITIONS, merging))
        for name in ("first", "nothing new"):
            updates = counted(
                server, lambda: [update_current(lake, ORDER_ITEMS, hotel, threads=1) for hotel in HOTELS]
            )
            done.append((f"current, a scope of {AFTER - FIRST} partitions: {name}", len(HOTELS), updates))

        def read_all() -> object:
            return inventory(lake, ORDER_ITEMS)

        done.append(("status: statistics as merges kept them", PARTITIONS, counted(server, read_all)))
        done.append(
            ("check of volumes, of all partitions", PARTITIONS, counted(server, volumes_of_all(lake)))
        )
        lake.delete(layout.statistics_file(ORDER_ITEMS.name))
        done.append(("status: statistics lost", PARTITIONS, counted(server, read_all)))
        yield done


def main() -> None:
    with steps() as done:
        print(f"{'':54}" + "".join(f"{kind:>8}" for kind in KINDS) + "   per partition or scope")
        for name, count, requests in done:
            print(f"{name:54}" + "".join(f"{requests[kind] / count:8.2f}" for kind in KINDS))


if __name__ == "__main__":
    main()
