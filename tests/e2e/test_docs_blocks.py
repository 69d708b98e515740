"""What the documentation prints can be used: configurations load, options exist, links lead on."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from e2e.docs_blocks import ROOT, Block, blocks, commands, pages
from talpa.cli.main import app
from talpa.server.config.loader import load
from talpa.server.config.problems import Problem

TOML = list(blocks("toml"))
KEY_FILES = ("psk.txt", "psk")
"""What the text around a block tells to make."""
COMMANDS = sorted(set(commands()))


@pytest.mark.parametrize("block", TOML, ids=lambda b: b.place)
def test_every_configuration_loads_without_a_doubt(block: Block, tmp_path: Path) -> None:
    for name in KEY_FILES:
        (tmp_path / name).touch(0o600)
        (tmp_path / name).write_text("t0YBtyG2bvbBUFHrGMwsMZ2hBp8zN3oI\n")
    file = tmp_path / "talpa.toml"
    file.touch(0o600)
    file.write_text(block.text)
    doubts: list[Problem] = []
    settings = load(file, doubts.append)
    assert settings.users
    assert settings.pools
    assert not doubts


@pytest.mark.parametrize(("place", "line"), COMMANDS, ids=lambda v: v.replace(" ", "_"))
def test_every_command_line_is_understood(place: str, line: str) -> None:
    program = typer.main.get_command(app)
    name, *arguments = shlex.split(line, comments=True)
    found = program.commands.get(name)  # type: ignore[attr-defined]
    assert found is not None, f"{place}: there is no command {name}"
    found.make_context(name, arguments, resilient_parsing=False)


def test_blocks_were_found() -> None:
    assert len(TOML) > 5
    assert len(COMMANDS) > 10


@pytest.mark.parametrize("page", pages(), ids=lambda p: str(p.relative_to(ROOT)))
def test_links_to_pages_by_hand_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        there = (page.parent / target).resolve()
        generated = there.parent == ROOT / "docs/reference"
        assert there.exists() or generated, f"{page}: {target}"


@pytest.mark.parametrize("page", pages(), ids=lambda p: str(p.relative_to(ROOT)))
def test_files_and_tests_that_are_named_are_there(page: Path) -> None:
    named = re.findall(r"`((?:examples|tests|benchmarks|scripts)/[\w./-]+)`", page.read_text())
    for path in named:
        assert (ROOT / path).exists(), f"{page}: {path}"


def test_every_make_target_that_is_named_is_there() -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.M)
    for page in pages():
        for name in re.findall(r"(?:`|    |\$ )make (\w+)", page.read_text()):
            assert name in targets, f"{page}: make {name}"
