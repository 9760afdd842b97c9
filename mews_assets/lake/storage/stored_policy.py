"""What a lake remembers of the policy its tables were written under, so that two are never mixed.

Lives here: the policy as `lake.json` holds it, and refusing another. The file holds a fingerprint of the key, from
which the key cannot be found. Not here: changing a lake from one policy to another (`repolicy`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mews_assets.catalog.privacy import Pii, Privacy
from mews_assets.lake.errors import LakeError

_POLICY, _KEY, _NEXT = "pii", "pii_key", "pii_next"


def written_policy(privacy: Privacy) -> dict[str, Any]:
    """What `lake.json` says of a policy: nothing where all is kept."""
    if privacy.pii is Pii.KEEP:
        return {}
    return {_POLICY: privacy.pii.value, **({_KEY: privacy.fingerprint} if privacy.fingerprint else {})}


def begin_migration(laid: Mapping[str, Any], privacy: Privacy) -> dict[str, Any]:
    """What `lake.json` says while the tables are brought under another policy."""
    return {**laid, _NEXT: _as_next(privacy)}


def _as_next(privacy: Privacy) -> dict[str, Any]:
    return written_policy(privacy) or {_POLICY: Pii.KEEP.value}


def without_policy(laid: Mapping[str, Any]) -> dict[str, Any]:
    """The other things that `lake.json` says."""
    return {name: value for name, value in laid.items() if name not in (_POLICY, _KEY, _NEXT)}


def stored_policy(laid: Mapping[str, Any]) -> Privacy:
    """The policy a lake was laid under, its key not at hand. Raises LakeError on one that is not known."""
    try:
        return Privacy(Pii(laid.get(_POLICY, Pii.KEEP.value)))
    except ValueError:
        raise LakeError(
            f"the lake says its personal data is treated by {laid.get(_POLICY)!r}, which this version does not know"
        ) from None


def is_stored_policy(laid: Mapping[str, Any], privacy: Privacy) -> bool:
    """Whether the tables stand under the policy, all of them."""
    same_key = not privacy.key or laid.get(_KEY, "") == privacy.fingerprint
    return _NEXT not in laid and stored_policy(laid).pii is privacy.pii and same_key


def is_migrating_to(laid: Mapping[str, Any], privacy: Privacy) -> bool:
    """Whether a change to the policy was begun and did not end."""
    return bool(laid.get(_NEXT) == _as_next(privacy))


def is_migrating(laid: Mapping[str, Any]) -> bool:
    """Whether a change to any policy was begun and did not end."""
    return _NEXT in laid


def refuse_other_policy(location: str, laid: Mapping[str, Any], privacy: Privacy) -> None:
    """Raise LakeError unless the lake's tables stand under the policy."""
    if is_stored_policy(laid, privacy):
        return
    if is_migrating(laid):
        raise LakeError(
            f"{location} is on its way from MEWS_PII={stored_policy(laid).pii} to {laid[_NEXT].get(_POLICY)}, and not "
            "all of its tables have got there. Set MEWS_PII to the latter and run `mews-assets repolicy` to go on"
        )
    before = stored_policy(laid).pii
    if before is privacy.pii:
        problem = (
            "the key in MEWS_PII_KEY is another than the one its hashes were made with: they would not join"
        )
    else:
        problem = f"its tables were written with MEWS_PII={before}, and MEWS_PII is {privacy.pii}"
    raise LakeError(
        f"{location}: {problem}. Set it back, or run `mews-assets repolicy` to write the tables anew under the new "
        "setting, from what landed"
    )
