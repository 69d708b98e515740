"""From a configuration file to settings, or to everything that is wrong with it."""

import re
import stat
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from talpa.server.config import checks
from talpa.server.config.ipsec_schema import Ipsec
from talpa.server.config.locator import Locator
from talpa.server.config.problems import ConfigError, Finding, Problem, key_text
from talpa.server.config.schema import (
    Dataplane,
    L2tp,
    Pool,
    Ppp,
    Server,
    Settings,
    User,
)
from talpa.server.config.section import Section
from talpa.server.config.wording import findings

__all__ = ["ConfigError", "Problem", "Report", "examine", "load", "read"]

S = TypeVar("S", bound=Section)


@dataclass(frozen=True, slots=True)
class Report:
    """What came of reading a configuration."""

    settings: Settings | None
    """None: there are problems."""
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


def load(path: Path, on_warning: Callable[[Problem], None] | None = None) -> Settings:
    """The settings in the file. Raises `ConfigError` with everything that is wrong with it."""
    report = examine(path)
    if report.settings is None:
        raise ConfigError(report.problems)
    for warning in report.warnings:
        if on_warning is not None:
            on_warning(warning)
    return report.settings


def examine(path: Path) -> Report:
    """Read the file. Raises nothing."""
    file = str(path)
    try:
        data = path.read_bytes()
        mode = path.stat().st_mode
    except OSError as error:
        return _refused(Problem(file, None, "", *_unreadable(error)))
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return _refused(Problem(file, line, "", "is not UTF-8 text", "save it as UTF-8"))
    report = read(text, file)
    if mode & stat.S_IROTH and report.settings and _has_secrets(report.settings):
        open_to_all = Problem(
            file, None, "", "everybody on this machine can read its passwords", f"chmod 600 {file}"
        )
        return Report(report.settings, (), (open_to_all, *report.warnings))
    return report


def read(text: str, file: str) -> Report:
    """Settings from the text of a file, whose name goes into problems; files that it names with a
    relative path are looked for beside it. Raises nothing."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return _refused(_syntax_problem(str(error), text, file))
    except ValueError:  # Python reads numbers of some thousand digits at most
        return _refused(Problem(file, None, "", "a number in it has too many digits"))
    except RecursionError:
        return _refused(Problem(file, None, "", "arrays are nested too deep"))
    locator = Locator(text)
    directory = Path(file).parent

    def located(findings: Iterable[Finding]) -> tuple[Problem, ...]:
        problems = {
            Problem(file, locator.line(f.path), key_text(f.path), f.what, f.hint) for f in findings
        }
        return tuple(sorted(problems, key=lambda p: (p.line or 0, p.key, p.what)))

    try:
        settings = Settings.model_validate(document, context={"directory": directory})
    except ValidationError as error:
        found = findings(error.errors(include_url=False))
        return Report(None, located([*found, *checks.faults(_draft(document, directory))]))
    faults = located(checks.faults(checks.Draft.of(settings)))
    if faults:
        return Report(None, faults)
    return Report(settings, (), located(checks.doubts(settings)))


def _refused(problem: Problem) -> Report:
    return Report(None, (problem,))


def _unreadable(error: OSError) -> tuple[str, str]:
    match error:
        case FileNotFoundError():
            return "there is no such file", "name another with --config"
        case PermissionError():
            return "may not be read by this user", "run this as root"
        case IsADirectoryError():
            return "is a directory", "name the file in it"
        case _:
            return f"cannot be read: {error.strerror}", ""


def _syntax_problem(message: str, text: str, file: str) -> Problem:
    what, _, place = message.partition(" (at ")
    found = re.match(r"line (\d+)", place)
    line = int(found.group(1)) if found else text.rstrip().count("\n") + 1
    return Problem(file, line, "", f"this is not TOML: {what[:1].lower()}{what[1:]}")


def _draft(document: dict[str, Any], directory: Path) -> checks.Draft:
    """What of a broken document is right by itself."""

    def whole(kind: type[S], table: object) -> S | None:
        try:
            return kind.model_validate(table, context={"directory": directory})
        except ValidationError:
            return None

    pools = _tables(document, "pool")
    return checks.Draft(
        whole(Server, document.get("server", {})),
        whole(L2tp, document.get("l2tp", {})),
        whole(Ipsec, document.get("ipsec", {})),
        whole(Ppp, document.get("ppp", {})),
        whole(Dataplane, document.get("dataplane", {})),
        tuple(whole(Pool, table) for table in pools),
        tuple(whole(User, table) for table in _tables(document, "user")),
        frozenset(str(table.get("name")) for table in pools if isinstance(table, dict)),
        not isinstance(document.get("pool", []), list),
    )


def _tables(document: dict[str, Any], key: str) -> list[Any]:
    tables = document.get(key, [])
    return tables if isinstance(tables, list) else []


def _has_secrets(settings: Settings) -> bool:
    l2tp, ipsec = settings.l2tp, settings.ipsec
    keyed = (*ipsec.psks, *ipsec.connections, *ipsec.ppks)
    written = any(table.secret is not None for table in keyed)
    return bool(settings.users or l2tp.peers or l2tp.secret or written)
