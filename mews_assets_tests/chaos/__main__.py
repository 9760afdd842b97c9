"""Runs one seed and prints its log, runs many seeds and counts the results, or tries the mutants.

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

from mews_assets_tests.chaos.mutants import MUTANTS, UnfitMutantError, caught_by
from mews_assets_tests.chaos.scenario import Outcome, run_scenario, without_log


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m mews_assets_tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="run this seed and print its log")
    parser.add_argument("--first", type=int, default=0, help="first seed of many")
    parser.add_argument("--seeds", type=int, default=1000, help="how many (default 1000)")
    parser.add_argument("--mutants", action="store_true", help="try every broken variant instead")
    parser.add_argument("--jobs", type=int, default=2, help="processes side by side (default 2)")
    chosen = parser.parse_args()
    logging.disable(logging.CRITICAL)
    if chosen.seed is not None:
        outcome = run_scenario(chosen.seed)
        print("\n".join(outcome.log))
        print(outcome.report())
        return bool(outcome.wrong)
    if chosen.mutants:
        return _try_mutants(chosen.seeds, chosen.jobs)
    return _run_many(range(chosen.first, chosen.first + chosen.seeds), chosen.jobs)


def _try_mutants(seeds: int, jobs: int) -> int:
    caught = 0
    with ProcessPoolExecutor(jobs) as pool:
        for name, found in zip(MUTANTS, pool.map(_try_mutant, MUTANTS, [seeds] * len(MUTANTS)), strict=True):
            caught += found is not None
            result = f"seed {found[0]}: {found[1][:200]}" if found else f"not caught by {seeds} seeds"
            print(f"{name}: {result}", flush=True)
    print(f"{caught} of {len(MUTANTS)} mutants caught")
    return caught != len(MUTANTS)


def _try_mutant(name: str, seeds: int) -> tuple[int, str] | None:
    logging.disable(logging.CRITICAL)
    try:
        return caught_by(name, range(seeds))
    except (UnfitMutantError, AttributeError) as error:
        print(f"{name} no longer fits the code: {error}", flush=True)
        return None


def _run_without_log(seed: int) -> Outcome:
    logging.disable(logging.CRITICAL)
    try:
        return without_log(run_scenario(seed))
    except Exception:
        return Outcome(seed, [traceback.format_exc()], Counter(), [])


def _run_many(seeds: range, jobs: int) -> int:
    started = time.monotonic()
    counts: Counter[str] = Counter()
    ended: Counter[str] = Counter()
    failed, longest, runs = 0, (0.0, 0), 0
    with ProcessPoolExecutor(jobs) as pool:
        for outcome in pool.map(_run_without_log, seeds, chunksize=4):
            counts += outcome.counts
            ended += outcome.ended
            runs += outcome.runs
            longest = max(longest, (outcome.recovery_minutes, outcome.seed))
            if outcome.wrong:
                failed += 1
                print(outcome.report(), flush=True)
    print(f"{len(seeds)} seeds, {failed} wrong, {runs} runs, {time.monotonic() - started:.0f} s")
    print("processes ended: " + ", ".join(f"{kind} {count}" for kind, count in ended.most_common()))
    print(f"longest recovery: {longest[0]:.0f} simulated minutes (seed {longest[1]})")
    for kind, count in counts.most_common():
        print(f"{count:8} {kind}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
