"""The page to begin with: the asset `start_here`, which is nothing but its description.

Lives here: what this code location is and where to look first, with links to the UI's own pages. Nothing materialises
it. Not here: what each table holds (its own description, from the catalog).
"""

from __future__ import annotations

import dagster as dg

from mews_assets.defs.assets.html_report import REPORT_KEY, has_report, link_text
from mews_assets.defs.assets.marts import mart_key, wanted_marts
from mews_assets.defs.base.asset_specs import OWNERS, changes_key
from mews_assets.settings import Settings

START_HERE = dg.AssetKey("start_here")
PAGE = f"/assets/{START_HERE.to_user_string()}"
"""The path of its page in the UI."""


def start_here(settings: Settings) -> dg.AssetSpec:
    """The asset that tells what the others are."""
    marts = [_link(mart_key(mart), mart.name) for mart in wanted_marts(settings)]
    first = changes_key(settings.tables[0])
    answers = ", ".join(marts) or "no mart can be made of the tables that are fetched"
    report = (
        f" {link_text(settings)}; [report](/assets/{REPORT_KEY.path[0]}) makes it."
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
        START_HERE,
        description="\n\n".join(lines),
        group_name="start_here",
        owners=OWNERS,
    )


def _link(key: dg.AssetKey, text: str) -> str:
    return f"[{text}](/assets/{'/'.join(key.path)})"
