"""The alerts sensor: reads the events since its last tick and sends messages about incidents.

Lives here: one tick, the shell around `mews_assets.alerts`. Incidents and the cursor in the event log are saved before
anything is sent; a sent message is marked at once. A daemon may be killed between any two lines: no incident is lost,
and none is sent twice, but for a message whose delivery was interrupted, which says that it may be a repeat.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

import dagster as dg
from dagster._core.storage.runs import SqlRunStorage

from mews_assets import catalog
from mews_assets.alerts import state as states
from mews_assets.alerts.delivery import DeliveryError, Target, deliver, targets_of
from mews_assets.alerts.incidents import Change
from mews_assets.alerts.state import State
from mews_assets.alerts.wording import AlertContext, notice_of
from mews_assets.catalog.model import ScopeKind
from mews_assets.defs.alerts.facts import facts_of, is_still_going, new_events
from mews_assets.defs.alerts.run_facts import landed_since
from mews_assets.defs.base.jobs import default_status
from mews_assets.defs.base.partitions import PartitionKeys, keys_in
from mews_assets.defs.base.resources import lake_of
from mews_assets.defs.namespace import Namespace
from mews_assets.ingest.directory import Directory, load_directory
from mews_assets.lake.errors import LakeError
from mews_assets.lake.storage.lake import Lake
from mews_assets.settings import ALERT_URLS, Settings, read_alert_urls

INTERVAL_SECONDS = 30
READ_SECONDS = 10.0
"""After so long, a tick saves and sends what it has read; the next tick reads on."""
SEND_SECONDS = 35.0
"""So long after its start a tick begins no delivery: one may take 15 s, and Dagster ends a tick after 60 s."""


def alerts_sensor(settings: Settings) -> dg.SensorDefinition:
    """The sensor that sends alerts."""
    namespace = Namespace.of(settings)

    @dg.sensor(
        name=namespace.name("alerts"),
        required_resource_keys={namespace.lake_resource},
        minimum_interval_seconds=min(INTERVAL_SECONDS, settings.poll_seconds),
        default_status=default_status(settings),
        description="Tells the addresses in MEWS_ALERT_URLS of failing checks, failed runs, late data and exports "
        "given up: one message for each incident, and one when it is over.",
    )
    def alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        # Read here and not stored: addresses are secrets.
        targets = targets_of(read_alert_urls(os.environ))
        if not targets:
            return dg.SkipReason(f"{ALERT_URLS} is not set: nobody is told when something fails")
        opened = lake_of(context, namespace).open_for_state()
        with opened.lock("alerts"):
            tick = Tick(context.instance, opened, settings, targets, log_error=context.log.error)
            return dg.SkipReason(tick.run())

    return alerts


@dataclass
class Tick:
    """One tick."""

    instance: dg.DagsterInstance
    lake: Lake
    settings: Settings
    targets: list[Target]
    log_error: Callable[[str], None]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _began: float = field(default_factory=time.monotonic)
    _key: str = ""

    def run(self) -> str:
        """Read events, save the state, send messages. Returns the text that the UI shows for the tick."""
        storage = self.instance.run_storage
        assert isinstance(storage, SqlRunStorage)  # SQLite and Postgres: every open-source storage
        self._key = storage.get_run_storage_id()
        state = states.load(self.lake, self._key, self.now())
        before = states.encode(state)
        changes = self._read_events(state)
        alert_context = self._alert_context()
        state.outbox.waiting += [notice_of(change, alert_context) for change in changes]
        state.outbox.fold(self.now())
        for dropped in state.outbox.drop_old(self.now(), self._names):
            self.log_error(f"not delivered for a week, given up: {dropped.title}")
        if states.encode(state) != before:
            self._save(state)
        sent, problems = self._send(state)
        return "; ".join(
            [
                f"{sum(1 for _ in state.book)} open incidents, {sent} messages sent",
                f"{len(state.outbox.messages)} on their way, {len(state.outbox.waiting)} kept for a digest",
                *problems,
            ]
        )

    def _read_events(self, state: State) -> list[Change]:
        """Read all new events. Returns the incidents that opened or were resolved."""
        changes, all_read = self._read_new(state)
        # Asked before the second read: of a run that has ended by now, that reads every event.
        going = {
            incident.run: is_still_going(self.instance, incident.run)
            for incident in state.book
            if not incident.is_announced
        }
        if going and all_read:
            more, all_read = self._read_new(state)
            changes += more
        for incident in list(state.book):
            fact = landed_since(
                self.instance, incident, state.feed.newest, self.now(), self._keys, self._namespace
            )
            if fact is not None:
                changes += state.book.apply(fact)
        return changes + state.book.announce(self.now(), lambda run: not all_read or going.get(run, True))

    def _read_new(self, state: State) -> tuple[list[Change], bool]:
        """The changes, and whether all events were read in time."""
        changes: list[Change] = []
        read: list[int] = []
        for page in new_events(self.instance, state.feed):
            for record in page:
                for fact in facts_of(self.instance, record, self._keys, self._namespace):
                    changes += state.book.apply(fact)
                read.append(record.storage_id)
            if time.monotonic() - self._began > READ_SECONDS:
                state.feed.took(read)
                return changes, False
        state.feed.took(read)
        return changes, True

    def _send(self, state: State) -> tuple[int, list[str]]:
        """Deliver messages while there is time; failed deliveries wait for a later tick."""
        sent, problems = 0, list[str]()
        outbox = state.outbox
        while time.monotonic() - self._began < SEND_SECONDS:
            now = self.now()
            # Targets without failures first: a slow failing one must not use up the time.
            ready = sorted(self.targets, key=lambda target: target.name in outbox.pauses)
            found = ((target, outbox.next_for(target.name, now)) for target in ready)
            target, message = next((pair for pair in found if pair[1]), (None, None))
            if target is None or message is None:
                break
            repeated = outbox.trying(message, target.name)
            self._save(state)
            try:
                deliver(target, message, repeated=repeated)
            except DeliveryError as error:
                outbox.failed(message, target.name, self.now())
                problems.append(f"{error} Trying again at {outbox.pauses[target.name].until:%H:%M:%S} UTC")
                self.log_error(problems[-1])
            else:
                outbox.arrived(message, target.name, self._names)
                sent += 1
            self._save(state)
        return sent, problems

    @property
    def _names(self) -> list[str]:
        return [target.name for target in self.targets]

    def _save(self, state: State) -> None:
        states.save(self.lake, self._key, state)

    @cached_property
    def _directory(self) -> Directory | None:
        try:
            return load_directory(self.lake)
        except LakeError as error:  # alerts are sent with ids where names cannot be read
            self.log_error(str(error))
            return None

    @property
    def _namespace(self) -> Namespace:
        return Namespace.of(self.settings)

    @cached_property
    def _keys(self) -> PartitionKeys:
        return keys_in(self.instance, self._directory, self.settings.grain, self._namespace)

    def _alert_context(self) -> AlertContext:
        directory = self._directory
        kinds = {table.name: table.scope for table in catalog.TABLES}

        def kind_of(asset: str) -> ScopeKind:
            return kinds.get(asset.rpartition("/")[2], ScopeKind.ENTERPRISE)

        def name_of(asset: str, scope: str) -> str:
            return directory.name_of(kind_of(asset), scope) if directory is not None else scope

        def scope_word(asset: str) -> str:
            return "hotel" if kind_of(asset) is ScopeKind.ENTERPRISE else "chain"

        return AlertContext(name_of, scope_word, self.settings.ui_url, self.settings.key_prefix)
