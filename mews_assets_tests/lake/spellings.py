"""One text in the ways that people and programs spell it."""

from __future__ import annotations

import html
import json
import random
import unicodedata
from collections.abc import Callable
from urllib.parse import quote, quote_plus


def _fullwidth(text: str) -> str:
    return "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text)


def _json_escaped(text: str) -> str:
    units = text.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def _percent(text: str) -> str:
    return "".join(f"%{one:02X}" for one in text.encode())


def _entities(text: str) -> str:
    return text.encode("ascii", "xmlcharrefreplace").decode()


def _named_entities(text: str) -> str:
    return "".join(
        f"&{html.entities.codepoint2name[ord(one)]};" if ord(one) in html.entities.codepoint2name else one
        for one in text
    )


SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "capitals": str.upper,
    "small letters": str.lower,
    "accents apart": lambda text: unicodedata.normalize("NFD", text),
    "without accents": lambda text: "".join(
        one for one in unicodedata.normalize("NFD", text) if not unicodedata.combining(one)
    ),
    "fullwidth": _fullwidth,
    "JSON escapes": lambda text: json.dumps(text)[1:-1],
    "JSON escapes of all": _json_escaped,
    "JSON within JSON": lambda text: json.dumps(json.dumps(text))[1:-1],
    "percent": quote,
    "percent of all": _percent,
    "a form": quote_plus,
    "percent twice": lambda text: quote(quote(text)),
    "HTML numbers": _entities,
    "HTML names": _named_entities,
    "HTML twice": lambda text: html.escape(_entities(text)),
    "a URL in HTML": lambda text: "".join(f"&#{ord(one)};" for one in quote(text)),
    "HTML in a URL": lambda text: quote(_entities(text)),
    "spaces that do not break": lambda text: text.replace(" ", "\u00a0"),
    "two spaces": lambda text: text.replace(" ", "  "),
    "underscores": lambda text: text.replace(" ", "_"),
    "soft hyphens": lambda text: "\u00ad".join(text),
}
PHONES: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "dots": lambda text: text.replace(" ", "."),
    "hyphens": lambda text: text.replace(" ", "-"),
    "en dashes": lambda text: text.replace(" ", "\u2013"),
    "slashes": lambda text: text.replace(" ", "/"),
    "nothing": lambda text: text.replace(" ", ""),
    "00": lambda text: text.replace("+", "00").replace(" ", ""),
    "without the country": lambda text: text.split(" ", 1)[1],
    "a 0 for the country": lambda text: f"0{text.split(' ', 1)[1].replace(' ', '')}",
    "brackets": lambda text: "({}) {}".format(*text.split(" ", 1)),
    "percent": lambda text: quote(text, safe=""),
    "JSON escapes of all": _json_escaped,
    "fullwidth": _fullwidth,
}
LETTERS = "abcdefghijklmnoprstuvzáčďéěíňóřšťúůýžäöüßñçøłåæœ"


def made_name(rnd: random.Random) -> str:
    """A name that nobody has."""
    return "Z" + "".join(rnd.choice(LETTERS) for _ in range(rnd.randint(5, 11)))


def made_phone(rnd: random.Random) -> str:
    """A number with the country's code."""
    return f"+{rnd.randint(30, 420)} {rnd.randint(600, 799)} {rnd.randint(100, 999)} {rnd.randint(100, 999)}"
