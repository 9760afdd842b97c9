"""The page to begin with: the asset `start_here`, which is nothing but its description.

Lives here: what this code location is and where to look first, with links to the UI's own pages. Nothing materialises
it. Not here: what each table holds (its own description, from the catalog).
"""

from __future__ import annotations

import dagster as dg

from mews_assets.defs.assets.html_report import has_report, link_text
from mews_assets.defs.assets.marts import wanted_marts
from mews_assets.defs.base.asset_specs import OWNERS
from mews_assets.defs.namespace import START_HERE, Namespace
from mews_assets.settings import Settings


def page(settings: Settings) -> str:
    """The path of its page in the UI."""
    return f"/assets/{Namespace.of(settings).start_here.to_user_string()}"


def start_here(settings: Settings) -> dg.AssetSpec:
    """The asset that tells what the others are."""
    namespace = Namespace.of(settings)
    marts = [_link(namespace.mart(mart.name), mart.name) for mart in wanted_marts(settings)]
    first = namespace.changes(settings.tables[0])
    answers = ", ".join(marts) or "no mart can be made of the tables that are fetched"
    report = (
        f" {link_text(settings)}; {_link(namespace.report, 'report')} makes it."
        if has_report(settings)
        else ""
    )
    lines = [
        "**What this is**: the Mews Connector API as a lake of Parquet tables, one partition per hotel and time "
        "window. Data goes from left to right: `landing` (as Mews sent it) → `changes` (typed, every version) → "
        "`current` (the newest version of each record) → `marts` (answers, with plots).",
        f"**See figures**: {answers}. In the tab *Events*, beside `plot`, click *Show Markdown*.{report}",
        "**Fetch days of a hotel**: in the [lineage](/asset-groups) select landing and changes of a table, such as "
        f"{_link(first, first.path[-1])}; then *Materialize selected*, choose hotels and days, *Launch backfill*.",
        "**Is all well?** The tab *Checks* of a table names the hotels and days that fail, and says why; "
        "[Runs](/runs) has what each run asked Mews for and what came.",
        "**Let it run by itself**: turn on sensors and schedules under [Automation](/automation). They ask for each "
        "window as soon as it has settled.",
    ]
    return dg.AssetSpec(
        namespace.start_here,
        description="\n\n".join(lines),
        group_name=namespace.group(START_HERE),
        owners=OWNERS,
    )


def _link(key: dg.AssetKey, text: str) -> str:
    return f"[{text}](/assets/{'/'.join(key.path)})"
