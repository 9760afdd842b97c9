"""Ticks of sensors without a daemon, over a sandbox of two hand-made hotels whose clock only tests move."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from mews_assets.catalog.model import ScopeKind
from mews_assets.defs.base.resources import LakeResource, MewsResource
from mews_assets.defs.build import build_definitions
from mews_assets.ingest.directory import Directory, load_directory
from mews_assets_tests.defs.stage import QUIET, Stage

ADD, GET = "exports/add", "exports/getAll"


@dataclass
class Ticks:
    """A stage whose sensors are ticked by hand, each with the cursor it left behind."""

    stage: Stage
    cursors: dict[str, str | None] = field(default_factory=dict)

    def tick(self, name: str) -> Any:
        definitions = build_definitions(self.stage.settings)
        repository = definitions.get_repository_def()
        context = dg.build_sensor_context(
            instance=self.stage.instance,
            cursor=self.cursors.get(name),
            repository_def=repository,
            sensor_name=name,
            resources={
                "mews": MewsResource.of(self.stage.settings),
                "lake": LakeResource.of(self.stage.settings),
            },
        )
        told = repository.get_sensor_def(name).evaluate_tick(context)
        self.cursors[name] = told.cursor
        return told

    def discover(self) -> str:
        """What the discovery sensor said; it also learns the sandbox's time."""
        return str(self.tick("discovery").skip_message)

    def run(self, job: str, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """The run a sensor asked for."""
        definitions = build_definitions(self.stage.settings)
        return definitions.resolve_job_def(job).execute_in_process(
            instance=self.stage.instance,
            run_config={**request.run_config, "loggers": QUIET},
            tags=dict(request.tags),
            raise_on_error=False,
        )

    def land(self, table: str) -> None:
        """Tick until nothing is due, running what the sensor asks for."""
        for _ in range(10):
            told = self.tick(f"export_{table}")
            for request in told.run_requests:
                assert self.run(table, request).success
            if str(told.skip_message).startswith("nothing is due"):
                return
            self.stage.mews.advance(600)
        raise AssertionError(f"not landed after 10 ticks: {told.skip_message}")

    @property
    def counts(self) -> dict[str, int]:
        return dict(self.stage.mews.requests()["Counts"])

    @property
    def asked(self) -> list[dict[str, Any]]:
        """All exports asked for, as the sandbox's log tells them."""
        return [one for one in self.stage.mews.requests()["Requests"] if one["Operation"] == ADD]

    def directory(self) -> Directory:
        found = load_directory(self.stage.lake)
        assert found is not None
        return found

    def scopes(self) -> list[str]:
        return self.directory().scopes(ScopeKind.ENTERPRISE)


def connections_file(folder: Path, names: Iterable[str]) -> str:
    """A connections file: each name with a token variable of its own."""
    rows = [
        f'[[connections]]\nname = "{one}"\naccess_token_variable = "TOKEN_{one.upper()}"\n' for one in names
    ]
    path = folder / "connections.toml"
    path.write_text("\n".join(rows))
    return str(path)
