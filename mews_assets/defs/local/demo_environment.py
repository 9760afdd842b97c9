"""The demonstration's environment, protected from a `.env` that is written while its UI is open.

Lives here: passing that environment to child processes. Every Dagster process reads `.env` in its folder, which
overrides the environment of its parent: after somebody fills one in, a reload would switch the open UI from the
simulated hotels to real ones. Not here: the settings themselves (`settings`).
"""

from __future__ import annotations

import json
from collections.abc import MutableMapping

_HELD = "DEMO_OF_MEWS_ASSETS"
_OURS = "MEWS_"


def freeze_env(environment: MutableMapping[str, str]) -> None:
    """Let processes started from now on keep the settings of this environment."""
    ours = {name: value for name, value in environment.items() if name.startswith(_OURS)}
    environment[_HELD] = json.dumps(ours)


def apply_frozen_env(environment: MutableMapping[str, str]) -> None:
    """Restore the frozen settings and remove others; do nothing where none are frozen."""
    if held := environment.get(_HELD):
        for name in [name for name in environment if name.startswith(_OURS)]:
            del environment[name]
        environment.update(json.loads(held))
