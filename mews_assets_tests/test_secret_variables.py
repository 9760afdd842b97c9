"""Secrets of the environment: from a variable or a file, and no message that holds them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mews_assets.secret_variables import is_secret_set, read_secret_text
from mews_assets.settings import SettingError, read_alert_urls, read_privacy, read_secret

TOKEN = "C66EF7B239D24632943D115EDE9CB810-EA00F8FD8294692C940F6B5A8F9453D"
NAME = "MEWS_ACCESS_TOKEN"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "token"


@pytest.mark.parametrize("end", ["", "\n", "\r\n", " \n"])
def test_a_file_holds_the_secret_with_or_without_a_line_end(file: Path, end: str) -> None:
    file.write_text(TOKEN + end, newline="")
    assert read_secret({f"{NAME}_FILE": str(file)}, NAME) == TOKEN
    assert is_secret_set({f"{NAME}_FILE": str(file)}, NAME)
    assert read_secret({NAME: f" {TOKEN} "}, NAME) == TOKEN


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read: No such file"),
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (f"{TOKEN}\n{TOKEN}\n".encode(), "has 2 lines"),
        (b"\xff\xfe" + TOKEN.encode(), "not text in UTF-8"),
        (b"x" * 70_000, "longer than 64 KiB"),
    ],
)
def test_a_file_that_holds_no_secret_is_named_and_not_shown(
    file: Path, content: bytes | None, problem: str
) -> None:
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingError, match=problem) as caught:
        read_secret({f"{NAME}_FILE": str(file)}, NAME)
    assert f"{NAME}_FILE is {str(file)!r}" in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_a_folder_is_no_secret(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="Is a directory"):
        read_secret({f"{NAME}_FILE": str(tmp_path)}, NAME)


def test_a_secret_given_twice_is_refused(file: Path) -> None:
    file.write_text(TOKEN)
    with pytest.raises(SettingError, match="both set; set one") as caught:
        read_secret({NAME: TOKEN, f"{NAME}_FILE": str(file)}, NAME)
    assert TOKEN not in str(caught.value)


def test_neither_is_no_secret() -> None:
    assert read_secret_text({}, NAME) == ""
    assert not is_secret_set({NAME: " "}, NAME)
    with pytest.raises(SettingError, match=f"{NAME} is not set.*{NAME}_FILE"):
        read_secret({}, NAME)


def test_every_secret_setting_may_be_in_a_file(file: Path) -> None:
    file.write_text("0123456789abcdef")
    assert read_privacy({"MEWS_PII": "hash", "MEWS_PII_KEY_FILE": str(file)}).key == b"0123456789abcdef"
    file.write_text("slack://a/b/c\njson://example.com\n")
    assert read_alert_urls({"MEWS_ALERT_URLS_FILE": str(file)}).split() == [
        "slack://a/b/c",
        "json://example.com",
    ]
    assert (
        read_secret({"MEWS_ACCESS_TOKEN_PRAGUE_FILE": str(file.with_name("other"))} | {"X": "t"}, "X") == "t"
    )
