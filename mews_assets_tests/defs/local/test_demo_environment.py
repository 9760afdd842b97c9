"""The demonstration's environment stays what it was, whatever a `.env` says later."""

from __future__ import annotations

from mews_assets.defs.local import demo_environment


def test_what_was_held_is_kept_and_nothing_is_added() -> None:
    """An open UI of simulated hotels must not come to write into the lake of real ones."""
    environment = {"MEWS_LAKE": "data/demo/lake", "MEWS_CLIENT_TOKEN": "sandbox", "PATH": "/bin"}
    demo_environment.freeze_env(environment)
    # What Dagster does in each of its processes:
    environment |= {
        "MEWS_LAKE": "data/lake",
        "MEWS_ALERT_URLS": "slack://",
        "MEWS_WINDOW": "weekly",
        "OTHER": "x",
    }
    demo_environment.apply_frozen_env(environment)
    ours = {name: value for name, value in environment.items() if name.startswith("MEWS_")}
    assert ours == {"MEWS_LAKE": "data/demo/lake", "MEWS_CLIENT_TOKEN": "sandbox"}
    assert environment["OTHER"] == "x"


def test_without_a_demonstration_nothing_changes() -> None:
    environment = {"MEWS_LAKE": "data/lake", "PATH": "/bin"}
    demo_environment.apply_frozen_env(environment)
    assert environment == {"MEWS_LAKE": "data/lake", "PATH": "/bin"}
