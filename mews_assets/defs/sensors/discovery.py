"""Discovery: new hotels and chains are added to the partition sets.

Lives here: the sensor that asks `enterprises/getAll`. A scope that is no longer visible is named and never removed: its
rows stay. Not here: reading the answer (`ingest.directory`) and adding to the sets (`base.partitions`).
"""

import dagster as dg

from mews_assets.defs.base.jobs import DISCOVERY, default_status
from mews_assets.defs.base.partitions import register_scopes
from mews_assets.defs.base.resources import lake_of, mews_of
from mews_assets.defs.namespace import Namespace
from mews_assets.ingest.directory import Directory, load_directory, save_directory
from mews_assets.settings import Settings

INTERVAL_SECONDS = 600
"""A hotel that is connected today is found within ten minutes; each look is one request per connection."""


def discovery_sensor(settings: Settings) -> dg.SensorDefinition:
    """The sensor that finds new hotels."""
    namespace = Namespace.of(settings)

    @dg.sensor(
        name=namespace.name(DISCOVERY),
        required_resource_keys={namespace.mews_resource, namespace.lake_resource},
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=default_status(settings),
        description=(
            "Finds new hotels and chains: asks Mews every ten minutes what each access token sees, and adds "
            "what is new to the partitions. A hotel that is gone keeps its partitions. The other sensors "
            "fetch for all that it found."
        ),
    )
    def discovery(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        mews, opened = mews_of(context, namespace), lake_of(context, namespace).open()
        # A withdrawn token must not hide the hotels of other connections.
        before = load_directory(opened) or Directory({}, {}, {})
        with mews.open(before=before, patient=False) as platform:
            directory = platform.directory
            directory = save_directory(opened, directory, platform.now())
        added, gone = register_scopes(context.instance, directory, namespace)
        if gone:
            context.log.warning("No connection sees these any more; their rows stay: %s", ", ".join(gone))
        for problem in directory.silent.values():
            context.log.error("%s What this connection served before is kept.", problem)
        names = [directory.enterprises[one].name for one in added if one in directory.enterprises]
        found = f"{len(directory.enterprises)} enterprises, {len(directory.connection_by_chain)} chains"
        return dg.SkipReason(
            f"{found}; new: {', '.join(names) or 'none'}; no longer visible: {', '.join(gone) or 'none'}; "
            f"did not answer: {', '.join(directory.silent.values()) or 'none'}"
        )

    return discovery
