"""What a terminal, an environment or a settings file holds that is odd: a sentence each time, and no traceback."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mews_assets.cli import main
from mews_assets_tests.cli.stage import told

pytestmark = pytest.mark.usefixtures("elsewhere")

NAME = "Přístav Łódź 日本 ✓"
QUERY = f"SELECT '{NAME}' AS name"


def run(*arguments: str, encoding: str = "latin-1", **variables: str) -> tuple[int, str, str]:
    """A command in a process of its own, whose terminal has this encoding."""
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from mews_assets.cli import main; sys.exit(main())", *arguments],
        capture_output=True,
        timeout=120,
        env={**os.environ, "PYTHONIOENCODING": encoding, **variables},
    )
    return done.returncode, done.stdout.decode(encoding), done.stderr.decode(encoding)


@pytest.fixture
def lake(elsewhere: None, tmp_path: Path) -> None:
    from mews_assets_tests.lake.reading.filled import fill

    fill(tmp_path / "lake")
    os.environ["MEWS_LAKE"] = "lake"


@pytest.mark.slow
@pytest.mark.usefixtures("lake")
@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-8", "cp437"])
def test_a_query_is_answered_in_the_letters_that_the_terminal_has(encoding: str) -> None:
    code, out, err = run("sql", QUERY, encoding=encoding)
    assert (code, err) == (0, "")
    assert "name" in out
    assert (NAME in out) == (encoding == "utf-8")
    assert ("┌" in out) == (encoding in ("utf-8", "cp437"))
    assert "\\u250c" not in out

    code, out, err = run("sql", QUERY, "--json", encoding=encoding)
    assert (code, err) == (0, "")
    assert json.loads(out) == {"name": NAME}  # whatever the letters, it is the same JSON


@pytest.mark.slow
@pytest.mark.usefixtures("lake")
def test_csv_that_the_terminal_cannot_hold_is_an_error_and_not_other_values() -> None:
    code, out, err = run("sql", QUERY, "--csv", encoding="utf-8")
    assert (code, list(csv.reader(out.splitlines()))) == (0, [["name"], [NAME]])
    code, out, err = run("sql", QUERY, "--csv")
    assert code == 1
    assert "PYTHONIOENCODING=utf-8" in err and "Traceback" not in err and len(err.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.usefixtures("lake")
@pytest.mark.parametrize(
    "command", [["status"], ["doctor"], ["sql"], ["expire"], ["docs", "--help"], ["pull", NAME]]
)
def test_no_command_ends_in_a_traceback_for_a_letter_that_the_terminal_has_not(command: list[str]) -> None:
    nowhere = {"MEWS_PLATFORM_ADDRESS": "http://127.0.0.1:9", "MEWS_LAKE": "lake", "MEWS_TABLES": NAME}
    _, out, err = run(*command, MEWS_START_DATE="2026-01-01", **nowhere)
    assert "Traceback" not in out + err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("file:///x/a b", "/x/a b"),
        ("file:///x/ü", "/x/ü"),
        ("file:///x/%zz", "%"),
        ("file:///x?y", "?"),
        ("file:///x#y", "#"),
        ("file://host/x", "host"),
        ("s3://bucket/a b", "%20"),
        ("s3://bucket/a#b", "%23"),
        ("~nobody-of-this-name/lake", "~nobody-of-this-name"),
        ("s3://bucket/lake?scheme=gopher", "MEWS_LAKE"),
    ],
)
@pytest.mark.parametrize("command", ["status", "sql", "expire"])
def test_a_place_that_is_none_is_one_line(
    command: str, given: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    os.environ.update(MEWS_LAKE=given, MEWS_START_DATE="2026-01-01", MEWS_LANDING_DAYS="30")
    line = told(capsys, main([command]))
    assert "MEWS_LAKE" in line and said in line


def test_a_place_below_ones_home_is_there_and_not_in_a_folder_of_that_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from mews_assets_tests.lake.reading.filled import fill

    os.environ.update(HOME=str(tmp_path / "me"), MEWS_LAKE="~/lake")
    fill(tmp_path / "me" / "lake")
    assert main(["sql"]) == 0
    assert str(tmp_path / "me" / "lake") in capsys.readouterr().out
    assert not Path("~").exists()


def test_a_place_of_a_uri_with_escapes_is_the_folder_that_it_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from mews_assets_tests.lake.reading.filled import fill

    fill(tmp_path / "a b")
    os.environ["MEWS_LAKE"] = f"file://{tmp_path}/a%20b"
    assert main(["sql"]) == 0


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-01-01", "9999-12-31T23:59:59Z"),
        ("2026-01-01", "9999-12-31"),
        ("0001-01-01", "2026-01-01"),
        ("0001-01-01", "9999-12-31"),
        ("2026-01-01", "2099-01-01"),
        ("2026-01-01", "0001-01-01"),
    ],
)
@pytest.mark.parametrize("window", ["hourly", "daily", "weekly", "monthly"])
def test_a_pull_from_or_to_where_no_window_is_is_one_line(
    start: str, end: str, window: str, capsys: pytest.CaptureFixture[str]
) -> None:
    os.environ.update(MEWS_CLIENT_TOKEN="c", MEWS_ACCESS_TOKEN="a", MEWS_WINDOW=window)
    os.environ.update(MEWS_PLATFORM_ADDRESS="http://127.0.0.1:9", MEWS_LAKE="lake")
    line = told(capsys, main(["pull", "payments", "--start", start, "--end", end]))
    assert "--start" in line or "--end" in line or "MEWS_START_DATE" in line


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HTTPS_PROXY", "ftp://proxy.example"),
        ("ALL_PROXY", "socks5://proxy.example:1080"),
        ("SSL_CERT_FILE", "/no/such/file.pem"),
        ("MEWS_PLATFORM_ADDRESS", f"https://{'a' * 64}.example"),
        ("MEWS_PLATFORM_ADDRESS", "https://xn--0.example"),
        ("MEWS_PLATFORM_ADDRESS", "https://api.mews.com:99999"),
        ("MEWS_START_DATE", "9999-12-31"),
        ("MEWS_START_DATE", "0001-01-01"),
        ("MEWS_LANDING_DAYS", "9" * 5000),
        ("MEWS_POLL_SECONDS", "9" * 5000),
        ("MEWS_ALLOWED_LAG_HOURS", "9" * 5000),
        ("MEWS_CLIENT", "caf\udce9"),
        ("MEWS_LAKE", "caf\udce9"),
        ("MEWS_ACCESS_TOKEN", "caf\udce9"),
        ("MEWS_CONNECTIONS", "deep.toml"),
        ("MEWS_CONNECTIONS", "~nobody-of-this-name/x"),
        ("MEWS_CONNECTIONS", "latin.toml"),
    ],
)
def test_a_variable_that_cannot_be_used_is_one_line_that_names_it(
    variable: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("deep.toml").write_text("a = " + "[" * 5000)
    Path("latin.toml").write_bytes(b'[[connections]]\nname = "caf\xe9"')
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        os.environ.pop(name, None)
        os.environ.pop(name.lower(), None)
    given = {"MEWS_CLIENT_TOKEN": "c", "MEWS_ACCESS_TOKEN": "a", "MEWS_LAKE": "lake"}
    given |= {"MEWS_PLATFORM_ADDRESS": "https://api.mews.com", variable: value}
    os.environ.update(given)
    days = ["--start", "2026-01-01", "--end", "2026-01-02"]
    assert variable in told(capsys, main(["pull", "payments", *days]))
    main(["doctor"])
    captured = capsys.readouterr()
    assert variable in captured.out + captured.err
    assert "Traceback" not in captured.out + captured.err


@pytest.mark.parametrize("content", [b"MEWS_LAKE=caf\xe9\n", b"\xff\xfeM\x00"])
def test_an_env_file_that_is_no_text_is_one_line(content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    Path(".env").write_bytes(content)
    assert ".env" in told(capsys, main(["status"]))


@pytest.mark.parametrize("port", ["99999", "-1", "70000"])
def test_a_port_that_is_none_is_one_line(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sandbox", "--port", port, "--hotels", "1", "--days", "1"]) == 1
    assert "--port" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["--now", "9999-12-31T00:00:00"], ["--now", "0001-01-01T00:00:00"], ["--days", "99999999"],
     ["--export-seconds", "nan"], ["--export-seconds", "-1"], ["--export-seconds", "inf"], ["--port", "x"]],
)  # fmt: skip
def test_an_option_of_the_sandbox_that_makes_no_sense_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["sandbox", "--hotels", "1", *arguments])
    assert ended.value.code == 2
    assert arguments[0] in capsys.readouterr().err
