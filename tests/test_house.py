"""The house holds what docs/architecture.md says of it."""

import ast
import contextlib
import fnmatch
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SERVER = ROOT / "server" / "inhouse"
MODULES = sorted(SERVER.rglob("*.py"))


def named(path: Path) -> str:
    return path.relative_to(SERVER).as_posix()


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def decided_by_kind(tree: ast.Module) -> Iterator[int]:
    """Lines where something depends on a kind's name: any ``Kind.X`` that no call is given."""
    given = {
        id(value)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        for value in (*call.args, *(one.value for one in call.keywords))
    }
    given |= {
        id(default)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for default in (*function.args.defaults, *function.args.kw_defaults)
    }
    for node in ast.walk(tree):
        is_kind = (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "Kind"
            and node.attr.isupper()
        )
        if is_kind and id(node) not in given:
            yield node.lineno


OFFERS_KINDS = {"host/endpoint_setup.py"}
"""It offers well-known servers of some kinds by name, and decides nothing by it."""


@pytest.mark.parametrize(
    "path", [path for path in MODULES if named(path) not in OFFERS_KINDS], ids=named
)
def test_only_the_declaration_of_kinds_decides_by_a_kinds_name(path: Path) -> None:
    if named(path) == "core/endpoint_kinds.py":
        assert list(decided_by_kind(parsed(path)))  # the test sees what it looks for
        return

    assert not list(decided_by_kind(parsed(path))), "look at a fact of kind.profile instead"


CONNECTING = {
    *("socket", "urllib.request", "http.client", "httpx", "httpx2", "httpcore", "httpcore2"),
    *("requests", "aiohttp", "ftplib", "smtplib", "xmlrpc.client", "websockets", "urllib3"),
}
OPENERS = {
    *("open_connection", "create_connection", "create_datagram_endpoint", "sock_connect"),
    *("open_unix_connection", "create_unix_connection", "AsyncClient", "AsyncHTTPTransport"),
    *("AsyncConnectionPool", "start_connection", "connect_tcp", "connect_unix", "urlopen"),
}
NETWORK = "providers/network/"
"""The one room that opens connections."""
CONNECTIONS_ELSEWHERE = {
    "acp/prompt_content.py": {"urllib.request"},  # url2pathname: only a spelling of a path
    "core/urls.py": {"socket"},  # inet_aton: only reads numbers
    "mcp/access.py": {"httpx2"},  # types: the host hands clients of the network room in
    "mcp/http.py": {"httpx2"},  # types and errors of such a client
    "providers/chat/completions.py": {"httpx2"},  # errors and time limits of such a client
    "providers/chat/ollama.py": {"httpx2"},
    "providers/chat/sse.py": {"httpx2"},
    "providers/endpoints/http_json.py": {"httpx2"},
    "verify/capture.py": {"socket"},  # watches packets in a network namespace of its own
    "verify/inside.py": {"socket"},
    "verify/relay.py": {"open_connection", "open_unix_connection"},  # the only way out of it
}
STARTING = {"subprocess", "_posixsubprocess", "pty", "multiprocessing"}
STARTERS = {
    *("create_subprocess_exec", "create_subprocess_shell", "subprocess_exec", "Popen"),
    *(
        "posix_spawn",
        "posix_spawnp",
        "os.fork",
        "execv",
        "execve",
        "execvp",
        "execvpe",
        "startfile",
    ),
}
PROCESSES_ELSEWHERE = {
    "tools/shell/launcher.py": {"os.fork", "execvp"},  # runs in a process of the helper's
}


def used(tree: ast.Module, modules: set[str], calls: set[str]) -> set[str]:
    """Give which of these modules are imported and which of these functions are called."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & modules
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names)} & modules
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            found |= {name, name.rpartition(".")[2]} & calls
    return found


@pytest.mark.parametrize(
    ("modules", "calls", "room", "elsewhere"),
    [
        pytest.param(CONNECTING, OPENERS, NETWORK, CONNECTIONS_ELSEWHERE, id="connection"),
        pytest.param(STARTING, STARTERS, "processes.py", PROCESSES_ELSEWHERE, id="process"),
    ],
)
def test_only_one_place_opens_a(
    modules: set[str], calls: set[str], room: str, elsewhere: dict[str, set[str]]
) -> None:
    found = {
        named(path): what
        for path in MODULES
        if not named(path).startswith(room) and (what := used(parsed(path), modules, calls))
    }

    assert found == elsewhere


@pytest.mark.parametrize(
    "source",
    [
        "import httpx2",
        "from urllib import request",
        "async def f():\n    import socket",
        "async def f():\n    await asyncio.open_connection()",
        "from asyncio import create_subprocess_exec as start\nstart()\nPopen()",
        "import subprocess",
    ],
)
def test_the_rule_would_catch(source: str) -> None:
    assert used(ast.parse(source), CONNECTING | STARTING, OPENERS | STARTERS)


def test_the_one_other_import_of_socket_only_reads_numbers() -> None:
    attributes = {
        node.attr
        for node in ast.walk(parsed(SERVER / "core" / "urls.py"))
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "socket"
    }

    assert attributes == {"inet_aton"}


OPENING = {"os", "pathlib", "io", "shutil", "sqlite3", "tempfile", "glob", "socket"}


def test_the_loop_does_no_io_of_its_own() -> None:
    calls = {"open", "asyncio.to_thread"}
    modules = OPENING | CONNECTING | STARTING
    loop = [path for path in MODULES if named(path).startswith("loop/")]

    assert {
        named(path): what for path in loop if (what := used(parsed(path), modules, calls))
    } == {}
    assert used(ast.parse("from pathlib import Path\nasyncio.to_thread(f)"), modules, calls)


def swallowed(tree: ast.Module) -> Iterator[int]:
    """Give the lines where a cancellation may be caught and not raised again."""
    endings = ("CancelledError", "BaseException")
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            kinds = ast.unparse(node.type) if node.type is not None else "BaseException"
            raises = any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
            if any(ending in kinds for ending in endings) and not raises:
                yield node.lineno
        elif (
            isinstance(node, ast.Call)
            and ast.unparse(node.func).endswith("suppress")
            and any(ast.unparse(given).endswith(endings) for given in node.args)
        ):
            yield node.lineno


NO_TASKS = {
    "core/own_thread.py": 1,  # a thread that tells whoever waits for it
    "tools/shell/launcher.py": 1,  # a forked child, which ends there
}
ENDS_IN_PEACE = {
    "host/sessions.py": 1,  # a turn's end is written first; then the cancellation is raised again
    "mcp/connection.py": 1,  # the last line of a cancelled task waits until its server has gone
}


def test_a_cancellation_is_never_swallowed() -> None:
    found = {named(path): len(list(swallowed(parsed(path)))) for path in MODULES}

    assert {name: count for name, count in found.items() if count} == NO_TASKS | ENDS_IN_PEACE
    for source in (
        "try:\n    f()\nexcept BaseException:\n    pass",
        "try:\n    f()\nexcept:\n    pass",
        "with contextlib.suppress(ValueError, asyncio.CancelledError):\n    f()",
    ):
        assert list(swallowed(ast.parse(source)))


CHANGING = {
    "core/files.py": {"FileSnapshot"},  # reads each file once
    "core/quiet_markdown.py": {"QuietMarkdown"},  # takes a text in pieces
    "core/redaction.py": {"StreamRedactor"},  # the same
}
NO_VALUES = ("Enum", "Error", "Exception", "Protocol", "TypedDict", "NamedTuple", "logging.")


def test_values_of_the_core_are_frozen() -> None:
    found: dict[str, set[str]] = {}
    for path in MODULES:
        classes = ast.walk(parsed(path)) if named(path).startswith("core/") else ()
        for node in classes:
            if isinstance(node, ast.ClassDef):
                decorators = " ".join(map(ast.unparse, node.decorator_list))
                bases = " ".join(map(ast.unparse, node.bases))
                if "frozen" not in decorators and not any(one in bases for one in NO_VALUES):
                    found.setdefault(named(path), set()).add(node.name)

    assert found == CHANGING


def test_only_the_terminal_writes_to_standard_output() -> None:
    found = {
        named(path)
        for path in MODULES
        if not named(path).startswith("cli/")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"sys.stdout", "sys.__stdout__"}
    }

    assert found == {
        "tools/search/python_grep.py",  # a process of its own, whose output the search reads
        "verify/inside.py",  # the same, for a verification
        "verify/repeat_run.py",
    }


def typed_any(*more: str) -> set[str]:
    """Give the modules in which a function takes or returns `Any`."""
    command = [sys.executable, "-m", "ruff", "check", "--select", "ANN401", "--exit-zero", *more]
    told = subprocess.run(
        [*command, "--no-cache", "--output-format", "json", str(SERVER)],
        capture_output=True,
        check=True,
        timeout=60,
    )
    return {named(Path(one["filename"])) for one in json.loads(told.stdout)}


def places_of_any() -> list[str]:
    """Give the modules that pyproject.toml lets take and return `Any`."""
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["ruff"]["lint"]
    return [
        place.removeprefix("server/inhouse/")
        for place, left_out in rules["per-file-ignores"].items()
        if place.startswith("server/") and "ANN401" in left_out
    ]


def test_any_enters_only_in_the_modules_that_say_so() -> None:
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["ruff"]["lint"]
    found = typed_any("--isolated")

    assert "ANN401" not in rules["ignore"]
    assert typed_any() == set()
    assert [place for place in places_of_any() if not fnmatch.filter(found, place)] == []


def says_any(annotation: ast.expr | None, names: set[str]) -> bool:
    """Say whether an annotation has one of these names in it, quoted or not."""
    for node in ast.walk(annotation) if annotation is not None else ():
        if isinstance(node, ast.Name) and node.id in names:
            return True
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            with contextlib.suppress(SyntaxError):  # a text of `Literal`
                if says_any(ast.parse(node.value, mode="eval").body, names):
                    return True
    return False


def names_of_any(trees: Mapping[Path, ast.Module]) -> dict[str, set[str]]:
    """Give, by module, the names that are `Any` or an alias of a type with `Any` in it."""
    found: dict[str, set[str]] = {named(path): {"Any"} for path in trees}
    size = 0
    while size != (size := sum(map(len, found.values()))):
        for path, tree in trees.items():
            own = found[named(path)]
            for node in tree.body:
                match node:
                    case ast.Assign([ast.Name(alias)], ast.Subscript() | ast.BinOp() as value):
                        is_type = not alias.isupper() and alias not in SAYS_WHY
                        own |= {alias} if is_type and says_any(value, own) else set()
                    case ast.ImportFrom(source, imported, level):
                        at = path.parents[level - 1] if level else SERVER.parent
                        other = at.joinpath(*(source or "").split(".")).with_suffix(".py")
                        theirs = found.get(named(other), set()) if other in trees else set()
                        own |= {one.asname or one.name for one in imported if one.name in theirs}
                    case _:
                        pass
    return found


def public_annotations(body: list[ast.stmt]) -> Iterator[ast.expr | None]:
    """Give what public functions take and return, and what public classes have."""
    for node in body:
        match node:
            case ast.ClassDef(name) if not name.startswith("_"):
                fields = [one for one in node.body if isinstance(one, ast.AnnAssign)]
                yield from (
                    one.annotation for one in fields if not ast.unparse(one.target).startswith("_")
                )
                yield from public_annotations(node.body)
            case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) if not name.startswith(
                "_"
            ) or name in {"__init__", "__call__"}:
                given = node.args
                more = (given.vararg, given.kwarg)
                every = (*given.posonlyargs, *given.args, *given.kwonlyargs, *filter(None, more))
                yield from (one.annotation for one in every)
                yield node.returns
            case _:
                pass


def test_any_is_hidden_inside_no_type() -> None:
    trees = {path: parsed(path) for path in MODULES}
    names = names_of_any(trees)
    found = [
        named(path)
        for path, tree in trees.items()
        if any(says_any(one, names[named(path)]) for one in public_annotations(tree.body))
    ]
    known = (*places_of_any(), *PASSES_ON)

    assert [one for one in found if not any(fnmatch.fnmatch(one, place) for place in known)] == []
    assert [place for place in PASSES_ON if not fnmatch.filter(found, place)] == []


SAYS_WHY = {"Arguments", "Schema"}
"""Names of `inhouse.core.ports` for types with `Any` in them, each with its reason."""
PASSES_ON: Mapping[str, str] = {
    "acp/door.py": "values of the ACP SDK, read by their attributes",
    "acp/mcp_servers.py": "the same",
    "acp/prompt_content.py": "the same",
    "cli/verify_report.py": "a report of `verify`",
    "core/messages.py": "JSON values that cattrs reads as they are only where a type says Any",
    "core/route.py": "a setting, whose type the table of settings knows as any JSON",
    "store/replays.py": "what this version or another one wrote",
    "store/sessions.py": "the same",
    "store/waiting_edits.py": "the same",
    "tools/search/*": "the lines of ripgrep",
    "tools/shell/isolation.py": "what the process that starts this one wrote",
    "verify/*": "the reports of processes to each other",
}
"""Modules that give or take what nobody has looked into yet, inside another type, and why."""


UNSAID = {"Exception", "RuntimeError", "NotImplementedError", "TypeError", "AssertionError"}
"""What nobody can act on: a door would have to show it as a bug."""
OF_DOORS = UNSAID | {"ValueError", "KeyError", "LookupError"}


def raised(tree: ast.Module) -> set[str]:
    """Give the names of what is raised anew."""
    return {
        ast.unparse(node.exc.func)
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
    }


def test_an_error_on_purpose_is_one_that_users_can_read() -> None:
    found: dict[str, set[str]] = {}
    for path in MODULES:
        at_a_door = named(path).startswith(("lsp/", "cli/", "acp/"))
        if what := raised(parsed(path)) & (OF_DOORS if at_a_door else UNSAID):
            found[named(path)] = what

    assert found == READ_ELSEWHERE


READ_ELSEWHERE = {
    "cli/dispatch.py": {"AssertionError"},  # a command that the list has and nobody wrote
    "lsp/edits/kept_edits.py": {"ValueError"},
}
"""Each is caught by its caller, who says it in words."""


def test_what_the_page_says_of_invariants_exists() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    section = page.partition("\n## Invariants")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if re.match(r"\| \d+ \|", line)]
    tests = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", section)
    contracts = (ROOT / "pyproject.toml").read_text("utf-8")

    assert len(rows) >= 17
    assert all(re.search(r"`tests/|contracts? \"|ruff", row) for row in rows)
    for path, name in tests:
        assert f"def {name}(" in (ROOT / path).read_text("utf-8"), f"{path}::{name}"
    for name in re.findall(r'"([A-Z][^"]+)"', section):
        assert f'name = "{name}"' in contracts, name


def test_the_contracts_cover_every_room_also_one_that_comes_later() -> None:
    """Who adds a door or a room is told which lists it must stand in."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    contracts = {each["name"]: each for each in told["contracts"]}
    packages = {path.parent.name for path in SERVER.glob("*/__init__.py")}
    rooms = {f"inhouse.{name}" for name in packages}
    every = rooms | {f"inhouse.{path.stem}" for path in SERVER.glob("*.py")}
    every -= {"inhouse.__init__", "inhouse.__main__"}
    layers = re.findall(r"[\w.]+", " ".join(contracts[ROOMS]["layers"]))

    assert set(layers) - {"inhouse.__main__"} == every
    for name, room in ONLY.items():
        assert set(contracts[name]["source_modules"]) == every - {room}, name
    assert set(contracts["No circles inside a room"]["ancestors"]) == rooms


ROOMS = "Rooms: doors on top, core at the bottom"
ONLY = {
    "Only the LSP door knows pygls and lsprotocol": "inhouse.lsp",
    "Only the ACP door knows the ACP SDK": "inhouse.acp",
    "Only one room knows the SDK of MCP": "inhouse.mcp",
}


def test_every_room_says_in_a_sentence_what_it_is_for() -> None:
    packages = [path for path in MODULES if path.name == "__init__.py"]

    assert [named(path) for path in packages if not ast.get_docstring(parsed(path))] == []


def test_the_code_map_is_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "code_map.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, ""), done.stderr
