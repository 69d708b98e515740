"""Pages made from the code: they can be made, and what people wrote beside it has not drifted."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.docs_blocks import ROOT

DOCS = ROOT / "docs"

_WRITE = """
import sys
sys.path.insert(0, {docs!r})
import generate
from pathlib import Path
for name, page in generate.PAGES.items():
    (Path({out!r}) / name).write_text(page())
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The generated pages. Fails when a notice in the source has no meaning in the log page."""
    out = tmp_path_factory.mktemp("reference")
    program = _WRITE.format(docs=str(DOCS), out=str(out))
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, timeout=60)
    return out


def test_all_are_in_the_navigation(made: Path) -> None:
    navigation = (ROOT / "mkdocs.yml").read_text()
    names = {page.name for page in made.iterdir()}
    assert len(names) > 5
    for name in names:
        assert f"reference/{name}" in navigation


def test_every_notice_has_fields_and_a_meaning(made: Path) -> None:
    log = (made / "log.md").read_text()
    assert "| `login-failed` | warning | `user`, `client`, `method`, `reason`, `session` |" in log
    assert "`windows_error`" in log
    assert "| `connected` | info |" in log


def test_every_reason_in_troubleshooting_is_a_reason(made: Path) -> None:
    known = (made / "drops.md").read_text()
    guide = (DOCS / "how-to/troubleshooting.md").read_text()
    table = guide.partition("## Drops that grow")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    reasons = [reason for row in rows for reason in row.strip(" `").split("`, `")]
    assert len(reasons) > 5
    for reason in reasons:
        text = reason.removeprefix("LCP: ")
        assert text in known or text == "data for no session"


def test_every_command_has_its_help(made: Path) -> None:
    text = (made / "commands.md").read_text()
    for name in ("serve", "check-config", "connect", "sessions", "storm", "demo"):
        assert f"Usage: talpa {name} " in text


def test_the_drawings_stay_inside_their_frame(made: Path) -> None:
    text = (made / "state-machines.md").read_text()
    assert text.count("<svg") == 6
    assert "-->" not in re.sub(r"\[(start|end):(connection|association)\] -->", "", text)
