"""The pages of all tables: an index, and every table's grain, key, source and columns, in Markdown.

Lives here: turning rows of the catalog into text. Not here: which page a table is on (`topics`), the
diagram (`diagram`), writing files (`cli.commands.docs`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from mews_assets.catalog.arrow import OWN_COLUMNS, arrow_type
from mews_assets.catalog.diagram import diagram
from mews_assets.catalog.model import Column, Export, Kind, Pages, Table, kept, snake_case
from mews_assets.catalog.reference_model import Owner, Reference, Whole
from mews_assets.catalog.series_model import SeriesTable
from mews_assets.catalog.topics import TOPICS

_HEAD = """\
# The tables

Generated from the catalog by `make docs`; a test holds these pages and the catalog equal. Edit the catalog
(`mews_assets/catalog/`), not the pages.

Every table of changes is stored at `changes/<table>/scope=<id>/window=<key>/rows.parquet`, one row per version of a
record. Names are Mews' own in snake_case, nested ones too. Windows are half-open and in UTC. **Required** means that
Mews promises the field; it may be null all the same, and then a check fails. **Personal** columns identify a guest, or
hold free text that may do so. Lists of values are those known today: Mews adds values at any
time, and they are kept as they come. Fields that Mews deprecates stay in the landing and are not columns here.

What a personal column holds is decided by `MEWS_PII`; its type stays. A hash is HMAC-SHA-256 under `MEWS_PII_KEY`.
Everything in a personal struct is personal.

| | `keep` | `hash` | `drop` |
|---|---|---|---|
| text | as Mews sent it | its keyed hash, 32 hexadecimal digits: the same text, the same hash in all tables | null |
| JSON | as Mews sent it | the same shape, every text in it hashed, all else null | null |
| enums, dates, instants, numbers, booleans | as Mews sent it | null: their few values could be guessed | null |
| struct, list | as Mews sent it | each value as above | null |

After the erasure of a person (`mews-assets forget`), personal columns are null in every row that names them, or
`forgotten` where Mews requires a text; the record of the customer keeps its keys and required columns.
"""


_REFERENCE_HEAD = """\
Small tables that the ids in other tables refer to are read and replaced as a whole, once a day. They are stored at
`reference/<table>/rows.parquet`, have no windows, and hold one row per record as it is now. A record that Mews no
longer sends is kept: `_captured_at_utc` is when Mews last sent it. Where Mews keeps no trace of deleted records,
`_gone_utc` is when one was found gone."""

_SERIES_HEAD = """\
Series are figures per day or time unit whose past may change. They are asked for by interval, once a day, and stored at
`series/<table>/scope=<id>/window=<YYYY-MM>/rows.parquet`, by the month of `_day`, the day of the hotel's own calendar.
A figure that differs from the row that stands is a new row: it stood from `_asked_utc` to `_last_asked_utc`; where
Mews sends it no more, `_gone_utc` says since when. `current.<table>` in SQL shows the newest row of each."""

_BY_NAME = "fetched if `MEWS_TABLES` names it"

_MORE = ("more", "More tables")


Documented = Table | Reference | SeriesTable


def pages(
    tables: Iterable[Table], reference: Iterable[Reference], series: Iterable[SeriesTable]
) -> dict[str, str]:
    """All pages by their path in the folder of documents: the index, and one for each topic."""
    every: list[Documented] = [*tables, *reference, *series]
    by_topic: dict[str, list[Documented]] = {topic: [] for topic in (*TOPICS, _MORE[0])}
    for one in every:
        topics = (topic for topic, (_, names) in TOPICS.items() if one.name in names)
        by_topic[next(topics, _MORE[0])].append(one)
    found = {topic: chosen for topic, chosen in by_topic.items() if chosen}
    titles = {**{topic: title for topic, (title, _) in TOPICS.items()}, _MORE[0]: _MORE[1]}
    index = {"tables.md": _index(every, found, titles)}
    return index | {f"tables/{topic}.md": page(titles[topic], chosen) for topic, chosen in found.items()}


def page(title: str, chosen: Iterable[Documented]) -> str:
    """The page of one topic."""
    lines = [f"# {title}", "", "Generated from the catalog; see [the index](../tables.md)."]
    for one in chosen:
        if isinstance(one, Table):
            lines += _section(one)
        else:
            lines += _reference_section(one) if isinstance(one, Reference) else _series_section(one)
    return "\n".join(lines) + "\n"


def _index(
    every: list[Documented], by_topic: Mapping[str, list[Documented]], titles: Mapping[str, str]
) -> str:
    lines = [_HEAD, _REFERENCE_HEAD, "", _SERIES_HEAD, "", "## How the core refers to one another", ""]
    lines += ["```mermaid", *diagram(one for one in every if not isinstance(one, SeriesTable)), "```"]
    for topic, chosen in by_topic.items():
        lines += ["", f"## {titles[topic]}", "", "| table | what it holds | |", "|---|---|---|"]
        for one in chosen:
            layer = "" if isinstance(one, Table) else f"{_layer(one)}/"
            link = f"[{layer}{one.name}](tables/{topic}.md#{layer.replace('/', '')}{one.name})"
            lines.append(f"| {link} | {_cell(one.description)} | {'' if one.is_standard else _BY_NAME} |")
    lines += ["", "## Columns of the project's own", ""]
    lines += ["They follow the columns of Mews in every table of changes.", ""]
    lines += ["| column | type | meaning |", "|---|---|---|"]
    lines += [f"| `{own.name}` | {_cell(str(own.type))} | {_cell(own.description)} |" for own in OWN_COLUMNS]
    return "\n".join(lines) + "\n"


def _section(table: Table) -> list[str]:
    version = table.version_field
    facts = {
        "a row is": f"one version of one {table.entity}",
        "key": f"`id`, `{version}`",
        "scope": _scope(table),
        "window": _window(table),
        "asked of Mews": _asked(table.fetch),
    }
    if not table.is_standard:
        facts["by default"] = f"not fetched; {_BY_NAME}"
    if table.alternative is not None:
        facts[f"with `{table.name}={table.alternative.way}` in `MEWS_FETCH`"] = _asked(table.alternative)
    lines = ["", f"## {table.name}", "", table.description, "", "| | |", "|---|---|"]
    lines += [f"| {name} | {fact} |" for name, fact in facts.items()]
    return [*lines, "", *_columns(table.columns)]


def _reference_section(table: Reference) -> list[str]:
    lines = ["", f"## reference/{table.name}", "", table.description, "", "| | |", "|---|---|"]
    facts = {
        "key": ", ".join(f"`{_path(path)}`" for path in table.key)
        + (", and the day of `_captured_at_utc`" if table.daily else ""),
        "belongs to": _owner(table),
        "asked of Mews": _asked_whole(table.fetch),
    }
    if not table.is_standard:
        facts["by default"] = f"not read; {_BY_NAME}"
    lines += [f"| {name} | {fact} |" for name, fact in facts.items()]
    return [*lines, "", *_columns(table.columns)]


def _series_section(table: SeriesTable) -> list[str]:
    fetch = table.fetch
    ids = f"; a request for each record of `{fetch.parent.table}`" if fetch.parent else ""
    unit = "time units" if table.is_by_time_unit else "days"
    facts = {
        "key": ", ".join(f"`{_path(path)}`" for path in table.key) + ", and `_asked_utc`",
        "belongs to": _owner_text(table.owner, "enterprise"),
        "asked of Mews": f"`{fetch.operation}`{ids}; at most {fetch.longest} {unit} at a time",
        "days asked for": f"from {fetch.lookback} days before today to {fetch.ahead} days after, and months that are "
        "missing",
    }
    if not table.is_standard:
        facts["by default"] = f"not read; {_BY_NAME}"
    lines = ["", f"## series/{table.name}", "", table.description, "", "| | |", "|---|---|"]
    lines += [f"| {name} | {fact} |" for name, fact in facts.items()]
    return [*lines, "", *_columns(table.columns)]


def _layer(table: Reference | SeriesTable) -> str:
    return "reference" if isinstance(table, Reference) else "series"


def _path(mews_path: str) -> str:
    return ".".join(map(snake_case, mews_path.split(".")))


def _owner(table: Reference) -> str:
    if table.owner is None:
        return "everyone" if table.for_everyone else "what the token sees; a row does not name it"
    return _owner_text(table.owner, table.scope.value)


def _owner_text(owner: Owner, scope: str) -> str:
    if owner.through:
        return f"the {scope} of `{_path(owner.column)}`, a record of `{owner.through}`"
    return f"the {scope} in `{_path(owner.column)}`"


def _asked_whole(fetch: Whole) -> str:
    keys = " and ".join(f"`{key}`" for key in fetch.records_keys)
    asked = f"`{fetch.operation}`, " + (
        f"the records under {keys}" if keys else "whose answer is the record itself"
    )
    ids = "".join(f"; `{parent.parameter}` are the ids of `{parent.table}`" for parent in fetch.parents)
    return asked + ids


def _scope(table: Table) -> str:
    if table.scope_column is None:
        return f"{table.scope.value}; a row does not name it, so its partition does"
    found = f"{table.scope.value}, by `{snake_case(table.scope_column)}`"
    return (
        found
        if table.lookup is None
        else f"{found}, whose {table.scope.value} `{table.lookup.operation}` names"
    )


def _window(table: Table) -> str:
    if table.parent_tables:
        return "that of the parents; each window is asked for alone, and tells versions apart"
    if table.window_column is None:
        return "a row does not say; each window is asked for alone, and tells versions apart"
    column = snake_case(table.window_column)
    if table.parent_key is not None:
        return f"`{column}` of the row of `{table.parent_key.table}` that `{snake_case(table.parent_key.column)}` names"
    if not table.by_day:
        return f"`{column}`"
    again = (
        f", and again with those of the next {table.lookback.days} days at least" if table.lookback else ""
    )
    return f"`{column}`, the hotel's own day; asked for when it is over everywhere{again}"


def _asked(fetch: Export | Pages) -> str:
    if isinstance(fetch, Export):
        how = f"`exports/add` of {fetch.entity_type}, filtered by `{fetch.filter}`"
    elif fetch.of_parents:
        parents = " and ".join(f"`{name}`" for name in fetch.of_parents.tables)
        how = f"`{fetch.operation}`, by `{fetch.of_parents.parameter}`, the ids of {parents} that changed in the window"
        return f"{how}; at most {fetch.of_parents.limit} ids at a time"
    else:
        how = f"`{fetch.operation}`, filtered by `{fetch.filter}`, the records under `{fetch.records_key}`"
    if not fetch.is_documented:
        how = f"{how}; Mews does not document this operation and may refuse it"
    days = fetch.max_length.days
    return f"{how}; at most {days} {'day' if days == 1 else 'days'} and {fetch.max_scopes} scopes at a time"


def _columns(columns: tuple[Column, ...]) -> list[str]:
    lines = ["| column | type | required | personal | meaning |", "|---|---|---|---|---|"]
    for path, column in _flat(columns, ""):
        required, personal = ("yes" if flag else "" for flag in (column.required, column.pii))
        lines.append(f"| `{path}` | {_type(column)} | {required} | {personal} | {_meaning(column)} |")
    return lines


def _flat(columns: tuple[Column, ...], above: str) -> Iterator[tuple[str, Column]]:
    """Every column with its path; nested columns follow the column that contains them."""
    for column in kept(columns):
        path = above + column.field_name
        yield path, column
        yield from _flat(column.columns, f"{path}[]." if column.is_list else f"{path}.")


def _type(column: Column) -> str:
    """The type in Parquet; of an object only `struct`, for its columns follow."""
    if column.kind is Kind.OBJECT:
        return "list of structs" if column.is_list else "struct"
    kind = arrow_type(column)
    name = str(kind.value_type if column.is_list else kind)
    if column.kind is Kind.JSON:
        name += " (JSON)"
    return f"list of {name}" if column.is_list else name


def _meaning(column: Column) -> str:
    meaning = _cell(column.description)
    return f"{meaning} Values: {', '.join(column.values)}." if column.values else meaning


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
