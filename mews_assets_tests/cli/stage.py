"""What commands are pointed at."""

from __future__ import annotations

import os

from mews_assets.sandbox.running import RunningSandbox


def point_at(mews: RunningSandbox, **more: str) -> None:
    """Settings in the environment, as a person would export them."""
    os.environ.update(
        MEWS_PLATFORM_ADDRESS=mews.address,
        MEWS_CLIENT_TOKEN=mews.client_token,
        MEWS_ACCESS_TOKEN=mews.access_token,
        MEWS_LAKE="lake",
        **more,
    )
