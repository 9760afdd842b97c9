"""Replays one seed with its story, tells many and sums up, or tries the mutants.

Lives here: the command `python -m mews_assets_tests.chaos`; see its --help.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from mews_assets_tests.chaos.mutants import MUTANTS, caught_by
from mews_assets_tests.chaos.story import Outcome, tell, without_story


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m mews_assets_tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="tell this one, with its story")
    parser.add_argument("--first", type=int, default=0, help="first of many")
    parser.add_argument("--seeds", type=int, default=1000, help="how many (default 1000)")
    parser.add_argument("--mutants", action="store_true", help="try every broken variant instead")
    parser.add_argument("--jobs", type=int, default=2, help="processes side by side (default 2)")
    chosen = parser.parse_args()
    logging.disable(logging.CRITICAL)
    if chosen.seed is not None:
        outcome = tell(chosen.seed)
        print("\n".join(outcome.story))
        print(outcome.said())
        return bool(outcome.wrong)
    if chosen.mutants:
        return _try_mutants(chosen.seeds, chosen.jobs)
    return _many(range(chosen.first, chosen.first + chosen.seeds), chosen.jobs)


def _try_mutants(seeds: int, jobs: int) -> int:
    caught = 0
    with ProcessPoolExecutor(jobs) as pool:
        for name, found in zip(MUTANTS, pool.map(_try_mutant, MUTANTS, [seeds] * len(MUTANTS)), strict=True):
            caught += found is not None
            said = f"seed {found[0]}: {found[1][:200]}" if found else f"not caught by {seeds} seeds"
            print(f"{name}: {said}", flush=True)
    print(f"{caught} of {len(MUTANTS)} mutants caught")
    return caught != len(MUTANTS)


def _try_mutant(name: str, seeds: int) -> tuple[int, str] | None:
    logging.disable(logging.CRITICAL)
    return caught_by(name, range(seeds))


def _briefly(seed: int) -> Outcome:
    logging.disable(logging.CRITICAL)
    try:
        return without_story(tell(seed))
    except Exception:
        return Outcome(seed, [traceback.format_exc()], Counter(), [])


def _many(seeds: range, jobs: int) -> int:
    started = time.monotonic()
    struck: Counter[str] = Counter()
    ended: Counter[str] = Counter()
    failed, longest, runs = 0, (0.0, 0), 0
    with ProcessPoolExecutor(jobs) as pool:
        for outcome in pool.map(_briefly, seeds, chunksize=4):
            struck += outcome.struck
            ended += outcome.ended
            runs += outcome.runs
            longest = max(longest, (outcome.recovery_minutes, outcome.seed))
            if outcome.wrong:
                failed += 1
                print(outcome.said(), flush=True)
    print(f"{len(seeds)} seeds, {failed} wrong, {runs} runs, {time.monotonic() - started:.0f} s")
    print("processes ended: " + ", ".join(f"{kind} {count}" for kind, count in ended.most_common()))
    print(f"longest recovery: {longest[0]:.0f} simulated minutes (seed {longest[1]})")
    for kind, count in struck.most_common():
        print(f"{count:8} {kind}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
