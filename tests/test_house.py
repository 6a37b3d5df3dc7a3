"""The house holds what docs/architecture.md says of it."""

import ast
import subprocess
import sys
from collections.abc import Iterator
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


def test_every_room_says_in_a_sentence_what_it_is_for() -> None:
    packages = [path for path in MODULES if path.name == "__init__.py"]

    assert [named(path) for path in packages if not ast.get_docstring(parsed(path))] == []


def test_the_code_map_is_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "code_map.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, ""), done.stderr
