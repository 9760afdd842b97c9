"""Wording: the text of a message about an incident.

Lives here: title and body from an incident, with hotels by name and links to the UI. Not here: when it is sent
(`incidents`, `outbox`).

Other services see a message, so it holds numbers, names of hotels and our own words only. A cause may quote a value of
a record, and that may be a guest's: whatever is quoted is taken out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from mews_assets.alerts.incidents import WHOLE, Change, ChangeKind, Incident, Kind, Part, Urgency
from mews_assets.alerts.outbox import Notice, Tone

SHOWN_PARTS = 5
"""The worst parts of an incident; the UI shows all."""
_NAMED_WITH_LAYER = ("current", "snapshot", "sql")
"""Layers whose assets share their names with those of other layers, or are unclear without the layer."""
LONGEST_CAUSE = 400

_UNREACHABLE = (
    "Connection refused",
    "Name or service not known",
    "nodename nor servname",
    "No address associated",
)
"""Words of the operating system for an address at which nobody listens, or that nobody knows."""
_DAMAGED = "was changed or cut on disk"
"""Words of `lake.errors.DamagedError`."""
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*(?:"|$)')
_SINGLE_QUOTED = re.compile(r"(?<![A-Za-z0-9])'[^'\n]*(?:'(?![A-Za-z0-9])|$)")
_ADDRESS = re.compile(r"[^\s@<>,;:()]+@[^\s@<>,;:()]+")
_BARE = re.compile(r"\b(number|boolean) \S+(?= where)|\b(list|object) [\[{].*?(?= where)")
"""A value of the wrong type, as the lake's errors quote it."""


@dataclass(frozen=True)
class AlertContext:
    """The names of hotels and chains, and the address of the UI (empty: none)."""

    name_of: Callable[[str, str], str]
    """The name of a scope, by asset and scope id."""
    scope_word: Callable[[str], str] = lambda asset: "hotel"
    """The word for a scope of an asset: hotel or chain."""
    ui: str = ""
    key_prefix: tuple[str, ...] = ()
    """The parts of an asset's key before those by which incidents name it."""

    def run(self, run: str) -> str:
        return f"{self.ui}/runs/{run}" if self.ui else run

    def asset(self, asset: str, *, checks: bool) -> str:
        key = "/".join([*self.key_prefix, asset])
        return f"{self.ui}/assets/{key}{'?view=checks' if checks else ''}" if self.ui else key


def notice_of(change: Change, context: AlertContext) -> Notice:
    """The notice that tells people about a change."""
    incident = change.incident
    if change.kind is ChangeKind.RESOLVED:
        return Notice(
            f"{incident.id}-resolved",
            Tone.SUCCESS,
            f"RESOLVED {_table(incident)}: {_SUBJECT_RESOLVED[incident.subject.kind](incident)}",
            _resolved(change, context),
            f"RESOLVED {_failure(incident)}",
        )
    tone = Tone.FAILURE if incident.urgency is Urgency.FAILURE else Tone.WARNING
    word = "FAILED" if tone is Tone.FAILURE else "WARNING"
    return Notice(
        f"{incident.id}-opened",
        tone,
        f"{word} {_headline(incident, context)}",
        _opened(incident, context),
        f"{word} {_failure(incident)}",
    )


def _failure(incident: Incident) -> str:
    """The failure without its table, by which alike notices are grouped."""
    return incident.subject.name or _KINDS[incident.subject.kind]


_KINDS = {
    Kind.CHECK: "check",
    Kind.RUN: "runs failed",
    Kind.FRESHNESS: "nothing new",
    Kind.GIVEN_UP: "given up",
}
_SUBJECT_RESOLVED: dict[Kind, Callable[[Incident], str]] = {
    Kind.CHECK: lambda incident: f"{incident.subject.name} passes again",
    Kind.RUN: lambda incident: (
        "a later run succeeded"
        if incident.scopes == {WHOLE.scope}
        else "what a run could not do has been done"
    ),
    Kind.FRESHNESS: lambda incident: "fresh again",
    Kind.GIVEN_UP: lambda incident: "what was given up has landed",
}


def _headline(incident: Incident, context: AlertContext) -> str:
    table, kind = _table(incident), incident.subject.kind
    if kind is Kind.CHECK:
        on = _counted(incident, context)
        return f"{table}: {incident.subject.name} fails{f' on {on}' if on else ''}"
    if kind is Kind.RUN:
        missing = _counted(incident, context)
        return f"{table}: a run failed{f', {missing}' if missing else ''}"
    if kind is Kind.FRESHNESS:
        return f"{table}: nothing new for longer than its freshness policy allows"
    return f"{table}: given up, Mews is not asked again for windows of {_scopes(incident, context)}"


def _opened(incident: Incident, context: AlertContext) -> str:
    subject = incident.subject
    lines = []
    if incident.cause:
        lines.append(f"Cause: {without_values(incident.cause)}")
    if named := [part for part in incident.parts.values() if part.key != WHOLE]:
        lines += _worst(incident, named, context)
    elif numbers := next((part.numbers for part in incident.parts.values()), ""):
        lines.append(f"Numbers: {numbers}")
    lines += _next_step(incident)
    lines.append(f"Since: {_instant(incident.opened_at)}")
    lines += _links(incident.run, subject.asset, subject.kind, context)
    return "\n".join([*lines, f"Incident: {incident.id}"])


def _next_step(incident: Incident) -> list[str]:
    """What to do, in one line; of a check that fails the table's page tells more than fits here."""
    kind = incident.subject.kind
    if kind is Kind.GIVEN_UP:
        return [f"Next: {_remedy(incident.cause)}, then launch a backfill of these windows"]
    if kind is not Kind.RUN:
        return []
    if incident.urgency is not Urgency.FAILURE:
        return ["Next: nothing yet, it is tried again by itself"]
    again = "in the UI *Backfill -> Re-execute from failure*, or launch the run again"
    return [f"Next: {_remedy(incident.cause)}, then {again}"]


def _remedy(cause: str) -> str:
    """How a cause is removed, as far as its text tells."""
    if any(text in cause for text in _UNREACHABLE):
        return "check whether MEWS_PLATFORM_ADDRESS is right and this machine reaches it"
    if _DAMAGED in cause:
        return "restore the file on our own disk from a copy (Mews is not at fault)"
    return "remove the cause"


def _worst(incident: Incident, parts: list[Part], context: AlertContext) -> list[str]:
    ordered = sorted(parts, key=lambda part: (-part.weight, part.key))
    shown = [
        f"- {_named(part, incident.subject.asset, context)}" + (f": {part.numbers}" if part.numbers else "")
        for part in ordered[:SHOWN_PARTS]
    ]
    if len(ordered) <= SHOWN_PARTS:
        return shown
    return ["The worst of them:", *shown, f"and {len(ordered) - SHOWN_PARTS} more"]


def _resolved(change: Change, context: AlertContext) -> str:
    incident = change.incident
    lasted = _length(max(change.at - incident.opened_at, timedelta(0)))
    most = f", on {incident.most} at once at most" if incident.most > 1 else ""
    hotels = sorted({context.name_of(incident.subject.asset, scope) for scope in incident.scopes if scope})
    lines = [f"Lasted: {lasted}, since {_instant(incident.opened_at)}{most}"]
    if hotels:
        more = f" and {len(hotels) - SHOWN_PARTS} more" if len(hotels) > SHOWN_PARTS else ""
        lines.append(f"Concerned: {', '.join(_one_line(name) for name in hotels[:SHOWN_PARTS])}{more}")
    lines += _links(change.run, incident.subject.asset, incident.subject.kind, context)
    return "\n".join([*lines, f"Incident: {incident.id}"])


def _links(run: str, asset: str, kind: Kind, context: AlertContext) -> list[str]:
    lines = [f"Run: {context.run(run)}"] if run else []
    if "/" in asset:  # a job has no asset page
        lines.append(f"Table: {context.asset(asset, checks=kind is Kind.CHECK)}")
    return lines


def _table(incident: Incident) -> str:
    """The asset for people: its table, with the layer where another layer has an asset of that name."""
    layer, _, name = incident.subject.asset.rpartition("/")
    return incident.subject.asset if layer in _NAMED_WITH_LAYER else name


def _counted(incident: Incident, context: AlertContext) -> str:
    """How many partitions of how many hotels; empty where the whole subject fails."""
    named = [part for part in incident.parts.values() if part.key != WHOLE]
    windows = sum(bool(part.key.window) for part in named)
    if not named:
        return ""
    hotels = _scopes(incident, context)
    return f"{windows} partition{'s' if windows != 1 else ''} of {hotels}" if windows else hotels


def _scopes(incident: Incident, context: AlertContext) -> str:
    count = len({key.scope for key in incident.parts if key != WHOLE})
    return f"{count} {context.scope_word(incident.subject.asset)}{'s' if count != 1 else ''}"


def _named(part: Part, asset: str, context: AlertContext) -> str:
    name = _one_line(context.name_of(asset, part.key.scope))
    return f"{name}, {part.key.window}" if part.key.window else name


def _one_line(text: str) -> str:
    return " ".join(text.split())[:80]


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _length(lasted: timedelta) -> str:
    minutes = lasted.total_seconds() / 60
    if minutes < 90:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.1f} h" if minutes < 48 * 60 else f"{minutes / 1440:.1f} days"


def without_values(text: str) -> str:
    """The cause of a failure without values that may be a guest's: values of records, and e-mail addresses."""
    text = _BARE.sub(lambda found: f"{found.group(1) or found.group(2)} (value)", " ".join(text.split()))
    text = _ADDRESS.sub("(address)", _SINGLE_QUOTED.sub("(value)", _QUOTED.sub("(value)", text)))
    return text if len(text) <= LONGEST_CAUSE else f"{text[: LONGEST_CAUSE - 3]}..."
