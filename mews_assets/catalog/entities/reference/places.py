"""Countries and languages: codes that Mews uses everywhere, the same for everyone.

Lives here: the tables countries, country_subdivisions, country_rules, country_groups and languages.
"""

from __future__ import annotations

from mews_assets.catalog.columns import boolean, string
from mews_assets.catalog.model import Column
from mews_assets.catalog.reference_model import Reference, Whole

COUNTRY_COLUMNS = (
    string("Code", "ISO 3166-1 code of the country.", required=True),
    string("SovereignCountryCode", "ISO 3166-1 code of the state it is part of.", required=True),
    string("EnglishName", "Name of the country in English.", required=True),
)

COUNTRY_SUBDIVISION_COLUMNS = (
    string("Code", "ISO 3166-2 code of the subdivision.", required=True),
    string("CountryCode", "ISO 3166-1 code of the country.", required=True, refers_to="countries"),
    string("EnglishName", "Name of the subdivision in English.", required=True),
)

COUNTRY_RULE_COLUMNS = (
    string("CountryCode", "ISO 3166-1 code of the country.", required=True, refers_to="countries"),
    boolean(
        "IdentityCardExpirationDateNotRequired", "Whether its identity cards need no last day.", required=True
    ),
    boolean(
        "DriverLicenceExpirationDateNotRequired",
        "Whether its driving licences need no last day.",
        required=True,
    ),
)

COUNTRY_GROUP_COLUMNS = (
    string("Code", "Code of the group.", required=True),
    string("EnglishName", "Name of the group in English.", required=True),
    string("CountryCodes", "ISO 3166-1 codes of its countries.", required=True, is_list=True),
)

LANGUAGE_COLUMNS = (
    string("Code", "Code of the language and culture.", required=True),
    string(
        "FallbackLanguageCode", "Code of the language used where a text is missing.", refers_to="languages"
    ),
    string("EnglishName", "Name of the language in English.", required=True),
    string("LocalName", "Name of the language in the language itself.", required=True),
)


def _for_everyone(
    name: str, entity: str, description: str, columns: tuple[Column, ...], fetch: Whole
) -> Reference:
    """A table that is the same for every token. Its first column is its key."""
    return Reference(
        name,
        entity,
        description,
        columns,
        fetch,
        owner=None,
        for_everyone=True,
        keyed_by=(columns[0].name,),
        is_standard=False,
    )


def _countries(records_key: str) -> Whole:
    return Whole("countries/getAll", (records_key,), scope_parameter="", paginated=False)


COUNTRIES = _for_everyone(
    "countries", "Country", "One row per country.", COUNTRY_COLUMNS, _countries("Countries")
)

COUNTRY_SUBDIVISIONS = _for_everyone(
    "country_subdivisions",
    "CountrySubdivision",
    "One row per subdivision of a country: a state or region.",
    COUNTRY_SUBDIVISION_COLUMNS,
    _countries("CountrySubdivisions"),
)

COUNTRY_RULES = _for_everyone(
    "country_rules",
    "CountryRules",
    "One row per country with rules of its own for identity documents.",
    COUNTRY_RULE_COLUMNS,
    _countries("CountryRules"),
)

COUNTRY_GROUPS = _for_everyone(
    "country_groups",
    "CountryGroup",
    "One row per group of countries, such as the Schengen area.",
    COUNTRY_GROUP_COLUMNS,
    _countries("CountryGroups"),
)

LANGUAGES = _for_everyone(
    "languages",
    "Language",
    "One row per language that Mews knows.",
    LANGUAGE_COLUMNS,
    Whole("languages/getAll", ("Languages",), scope_parameter="", paginated=False),
)
