"""Probes: which enterprises one connection sees and which operations it may call, by the cheapest requests.

Lives here: the requests for the chosen tables, and what their answers mean. Every probe reads; none adds an export. A
page is requested with one record of one second of one hotel. The right to exports is tested by `exports/getAll` with an
id that cannot exist; whether `exports/add` is granted, and for which entity types, only the first export shows.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec

from mews_assets import catalog
from mews_assets.api import MewsClient, MewsError, Pages, TransientError, get_exports, read_page
from mews_assets.api.exports import GET
from mews_assets.catalog.entities.reference import ENTERPRISES, REFERENCES, Reference
from mews_assets.catalog.model import Export, FetchMethod, ScopeKind, Table
from mews_assets.catalog.model import Pages as ByPages
from mews_assets.catalog.series_model import SeriesTable
from mews_assets.ingest.findings import Finding, fail, ok, warn
from mews_assets.ingest.pull import filter_of, undocumented_advice
from mews_assets.windows import SETTLE, Grain, Window, window_at

_NAMED = 3
"""Hotels named in one line, besides their number."""


class _Seen(msgspec.Struct, rename="pascal"):
    id: str
    name: str
    chain_id: str


@dataclass(frozen=True)
class Probe:
    """One request, and the tables that need it. `owned` names the parameter that lists ids the scope owns, which the
    operation `owned_by` returns."""

    operation: str
    records_key: str
    body: dict[str, Any] = field(hash=False)
    tables: tuple[str, ...]
    owned: str = ""
    owned_by: str = ""
    paginated: bool = True
    is_documented: bool = True


def probe(
    client: MewsClient,
    tables: Sequence[Table],
    references: Iterable[Reference],
    only: Iterable[str],
    now: Callable[[], datetime],
    series: Iterable[SeriesTable] = (),
) -> list[Finding]:
    """One finding if the connection has no problem, otherwise one more for each problem.

    `only` are the ids the connection is limited to. `now` is Mews' time, known after its first answer.
    """
    subject = client.connection
    try:
        fetch = ENTERPRISES.fetch
        pages = Pages(client, fetch.operation, fetch.records_keys, {})
        records = [raw for page in pages for key in fetch.records_keys for raw in page.records[key]]
    except MewsError as error:
        return [fail(subject, _describe(error), error.advice or "read Mews' message.")]
    every = [msgspec.json.decode(raw, type=_Seen) for raw in records]
    limits = set(only)
    seen = [enterprise for enterprise in every if not limits or enterprise.id in limits]
    if not seen:
        text = f"sees {_count(len(every), 'enterprise')}" + (
            ", none of those it is limited to" if limits else ""
        )
        return [fail(subject, text, "ask the hotel to connect this integration in Mews, or correct its ids.")]
    findings = _unseen(subject, limits - {enterprise.id for enterprise in every})
    asked = probes(tables, references, seen[0].id, seen[0].chain_id, now(), series)
    answered, refused = _ask_all(client, asked)
    findings += refused
    exported = [table for table in tables if isinstance(table.fetch, Export)]
    if exported:
        findings += (problem := _exports(client, exported))
        answered += not problem
    names = ", ".join(enterprise.name for enterprise in seen[:_NAMED]) + (
        ", ..." if len(seen) > _NAMED else ""
    )
    chains = len({enterprise.chain_id for enterprise in seen})
    text = f"sees {_count(len(seen), 'enterprise')} in {_count(chains, 'chain')} ({names}); "
    text += f"{_count(answered + 1, 'operation')} answered"
    if exported and not any(GET in finding.text for finding in findings):
        text += "; exports/getAll answered, only the first export shows if exports/add is granted"
    return [ok(subject, text), *findings]


def probes(
    tables: Sequence[Table],
    references: Iterable[Reference],
    enterprise: str,
    chain: str,
    now: datetime,
    series: Iterable[SeriesTable] = (),
) -> list[Probe]:
    """The probes for the tables by pages, the reference tables and series of days, one for each operation.

    Not for figures by time units: a request must name a bookable service and the starts of its units.
    """
    found: dict[str, Probe] = {}

    def add(probe: Probe) -> None:
        before = found.get(probe.operation)
        found[probe.operation] = replace(probe, tables=(*(before.tables if before else ()), *probe.tables))

    for reference in references:
        if reference.name != ENTERPRISES.name:
            add(_of_reference(reference, enterprise if reference.scope is ScopeKind.ENTERPRISE else chain))
    end = now - 2 * SETTLE
    second, day = Window(end - timedelta(seconds=1), end), window_at(end, Grain.DAILY)
    for one in series:
        if not one.is_by_time_unit:
            days = {name.partition(".")[2]: f"{end:%Y-%m-%d}" for name in (one.fetch.first, one.fetch.last)}
            body = {**one.fetch.parameters, one.fetch.scope_parameter: [enterprise]}
            body[one.fetch.first.partition(".")[0]] = days
            add(Probe(one.fetch.operation, one.fetch.records_key, body, (one.name,)))
    for table in tables:
        fetch = table.fetch
        if not isinstance(fetch, ByPages):
            continue
        scope = enterprise if table.scope is ScopeKind.ENTERPRISE else chain
        body = {**fetch.parameters, fetch.scope_parameter: [scope]}
        if fetch.of_parents:
            parents = catalog.table(fetch.of_parents.tables[0]).fetched_by(FetchMethod.PAGES).fetch
            by = parents.operation if isinstance(parents, ByPages) else ""
            parameter = fetch.of_parents.parameter
            add(Probe(fetch.operation, fetch.records_key, body, (table.name,), parameter, by))
            continue
        body[fetch.filter] = filter_of(fetch, day if fetch.by_dates else second)
        owned_by = table.lookup.operation if fetch.owned_parameter and table.lookup else ""
        page = Probe(fetch.operation, fetch.records_key, body, (table.name,), fetch.owned_parameter, owned_by)
        add(replace(page, is_documented=fetch.is_documented))
    return list(found.values())


def _of_reference(reference: Reference, scope: str) -> Probe:
    fetch, operations = reference.fetch, {one.name: one.fetch.operation for one in REFERENCES}
    body = dict(fetch.parameters)
    if fetch.scope_parameter:
        body[fetch.scope_parameter] = scope if fetch.one_scope else [scope]
    records_key = fetch.records_keys[0] if fetch.records_keys else ""
    probe = Probe(fetch.operation, records_key, body, (reference.name,), paginated=fetch.paginated)
    for parent in fetch.parents:
        probe = replace(probe, owned=parent.parameter, owned_by=operations[parent.table])
    return probe


def _ask_all(client: MewsClient, wanted: list[Probe]) -> tuple[int, list[Finding]]:
    """The number of operations that answered, and a finding for each that did not."""
    answered, findings, first_ids = 0, list[Finding](), dict[str, str]()
    for probe in wanted:
        body = {**probe.body, **({"Limitation": {"Count": 1}} if probe.paginated else {})}
        if probe.owned:
            if probe.owned_by not in first_ids:
                continue  # no id to ask with: the finding of that operation says why
            body[probe.owned] = [first_ids[probe.owned_by]]
        try:
            answer = client.ask(probe.operation, body, minimal=probe.paginated)
            records = read_page(answer, (probe.records_key,)).records if probe.records_key else {"": []}
        except MewsError as error:
            findings.append(_refused(client.connection, probe, error))
            continue
        answered += 1
        for raw in records[probe.records_key]:
            first_ids[probe.operation] = msgspec.json.decode(raw).get("Id", "")
    return answered, findings


def _refused(subject: str, probe: Probe, error: MewsError) -> Finding:
    needed = f"Needed for {', '.join(probe.tables)}"
    if isinstance(error, TransientError):
        return warn(subject, f"{_describe(error)} {needed}", error.advice)
    if not probe.is_documented:
        return fail(subject, f"{_describe(error)} {needed}", undocumented_advice(probe.tables))
    fix = f"ask Mews to grant {probe.operation} to this integration, or leave out {', '.join(probe.tables)}."
    return fail(subject, f"{_describe(error)} {needed}", fix if error.status in (401, 403) else error.advice)


def _exports(client: MewsClient, tables: Sequence[Table]) -> list[Finding]:
    subject = client.connection
    try:
        get_exports(client, [str(uuid.uuid4())])
    except TransientError as error:
        return [warn(subject, _describe(error), error.advice)]
    except MewsError as error:
        if error.status in (401, 403):
            text = f"{_describe(error)} Needed for {', '.join(table.name for table in tables)}"
            return [fail(subject, text, _without_exports(tables))]
        text = f"{_describe(error)} So only the first export shows whether exports are granted"
        return [warn(subject, text, "launch one small partition, and look at its run.")]
    return []


def _without_exports(tables: Sequence[Table]) -> str:
    stuck = [table.name for table in tables if FetchMethod.PAGES not in table.documented_methods]
    ways = ["set MEWS_FETCH=pages"] if len(stuck) < len(tables) else []
    ways += [f"leave out {', '.join(stuck)} (documented by exports only)"] if stuck else []
    return f"ask Mews to grant exports/add and exports/getAll to this integration, or {' and '.join(ways)}."


def _unseen(subject: str, ids: set[str]) -> list[Finding]:
    if not ids:
        return []
    named = ", ".join(sorted(ids)[:_NAMED])
    text = f"does not see {_count(len(ids), 'enterprise')} it is limited to: {named}"
    return [fail(subject, text, "correct the ids in MEWS_CONNECTIONS, or connect these hotels in Mews.")]


def _describe(error: MewsError) -> str:
    facts = [f"status {error.status}"] if error.status is not None else []
    facts += [f"request id {error.request_id}"] if error.request_id else []
    return f"{error.operation}{' (' + ', '.join(facts) + ')' if facts else ''}: {error.message}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
