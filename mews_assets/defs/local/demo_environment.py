"""The demonstration's environment, held against a `.env` that appears while its UI is open.

Lives here: handing that environment over, and taking it. Every Dagster process reads `.env` in its folder, and
lets it win over what its parent gave it: once somebody fills one in, a reload would turn the open UI of the
simulated hotels to real ones.
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
    """Take the settings that were held, and no others; without any, leave all as it is."""
    if held := environment.get(_HELD):
        for name in [name for name in environment if name.startswith(_OURS)]:
            del environment[name]
        environment.update(json.loads(held))
