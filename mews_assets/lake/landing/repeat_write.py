"""Work that writes rows, done again until what it wrote is still right: others write at the same time, on any machine.

Lives here: when work is done again. Not here: the work, and how a file is replaced only over what was read (`store`).

Whoever erases a customer writes the erasure list first and then goes through the files. Whoever writes rows reads the
list, puts the rows in place, and reads the list again. So one of the two sees the other, and no lock is needed for it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from typing import TypeVar

from mews_assets.catalog.model import Table
from mews_assets.lake.errors import LostRaceError
from mews_assets.lake.landing.erasure_list import erased_customers, refuse_changed_policy
from mews_assets.lake.storage.lake import Lake

log = logging.getLogger(__name__)

MAX_TRIES = 5
_PAUSE_SECONDS = 0.2
Result = TypeVar("Result")


def repeat_until_valid(lake: Lake, table: Table, work: Callable[[Collection[str]], Result]) -> Result:
    """Do the work, given the ids of erased customers, until nothing that it depends on changed meanwhile.

    Raises LostRaceError where others were faster every time, and PolicyChangedError where the lake is being brought
    under another policy: what the work put in place then stands.
    """
    problem = LostRaceError(f"{table.name}: the list of erased customers")
    for number in range(MAX_TRIES):
        time.sleep(_PAUSE_SECONDS * number)
        refuse_changed_policy(lake, table)
        people = erased_customers(lake).keys()
        try:
            done = work(people)
        except LostRaceError as error:
            log.info("%s: %s (try %d of %d)", table.name, error, number + 1, MAX_TRIES)
            problem = error
            continue
        refuse_changed_policy(lake, table)
        if erased_customers(lake).keys() <= people:
            return done
        log.info("%s: customers were erased while rows were written; they are written again", table.name)
    raise problem
