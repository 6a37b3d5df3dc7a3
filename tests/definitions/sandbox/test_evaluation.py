"""What computed definitions give, and where it is said what is wrong with the others."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from inhouse.definitions.sandbox import Sandbox

HERE = Path(__file__).parent
GOOD = YAML(typ="safe").load((HERE / "good.yaml").read_text(encoding="utf-8"))
BAD = YAML(typ="safe").load((HERE / "bad.yaml").read_text(encoding="utf-8"))
MARK = "«"

pytestmark = pytest.mark.asyncio(loop_scope="session")


def written(case, root: Path) -> dict[Path, str]:
    """Make the files of a case below a folder; give the unsaved texts."""
    for name, text in case["files"].items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        deep = "[" * 50_000 + "]" * 50_000 if "deep" in case else "DEEP"
        plain = text.replace(MARK, "").replace("DEEP", deep)
        path.write_text(plain, encoding="utf-8", newline="")
    for name, text in case.get("bytes", {}).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text.encode("latin-1"))
    for name, target in case.get("links", {}).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(root / target)
    if "huge" in case:
        (root / case["huge"]).parent.mkdir(parents=True, exist_ok=True)
        (root / case["huge"]).write_text("// " + "x" * (10 << 20))
    (root.parent / "outside.ts").write_text("export default {}")
    return {root / name: text for name, text in case.get("texts", {}).items()}


def marked(case):
    """Where the mark stands, as file, line and column in UTF-16 units."""
    for name, text in case["files"].items():
        if MARK in text:
            before = text[: text.index(MARK)]
            line = before.count("\n")
            column = len(before[before.rfind("\n") + 1 :].encode("utf-16-le")) // 2
            return name, line, column
    return None


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case["name"])
async def test_a_good_module_gives_its_exports(case, tmp_path, sandbox):
    root = tmp_path.resolve() / "work"
    texts = written(case, root)
    entry = root / case.get("entry", ".agents/x.ts")

    result = await sandbox.evaluate(entry, roots=[root], texts=texts)

    if "fails" in case:
        assert result.problem is not None
        assert case["fails"] in result.problem.message
        return
    assert result.problem is None
    assert result.exports == case["exports"]
    if "modules" in case:
        assert list(result.modules) == [root / name for name in case["modules"]]


@pytest.mark.parametrize("case", BAD, ids=lambda case: case["name"])
async def test_a_bad_module_gives_a_problem_at_its_place(case, tmp_path, sandbox, hasty):
    root = tmp_path.resolve() / "work"
    texts = written(case, root)
    entry = root / case.get("entry", ".agents/x.ts")

    result = await (sandbox if case.get("patient") else hasty).evaluate(
        entry, roots=[root], texts=texts
    )

    problem = result.problem
    assert problem is not None
    assert result.exports == {}
    assert (problem.code, problem.path) == (case["code"], root / case.get("path", entry))
    assert case.get("says", "") in problem.message
    place = marked(case)
    if place is not None and not case.get("anywhere"):
        assert (problem.path, problem.line, problem.column) == (root / place[0], *place[1:])
    if "line" in case:
        assert problem.line == case["line"]
    assert {root / name for name in case.get("missing", [])} <= set(result.missing)


async def test_many_are_evaluated_in_order_and_apart(tmp_path, sandbox):
    paths = [tmp_path / f"agent-{number}.ts" for number in range(60)]
    for number, path in enumerate(paths):
        path.write_text(
            "throw new Error('no')" if number % 7 == 3 else f"export default {{n: {number}}}"
        )

    results = await sandbox.evaluate_all(paths, roots=[], texts={})

    assert [result.exports.get("default") for result in results] == [
        None if number % 7 == 3 else {"n": number} for number in range(60)
    ]


async def test_values_may_be_large_within_reason(tmp_path, sandbox):
    path = tmp_path / "x.ts"
    path.write_text(
        "export default {text: 'ä'.repeat(1e6), list: Array.from({length: 50000}, (_, i) => i)}"
    )

    result = await sandbox.evaluate(path, roots=[], texts={})

    assert result.problem is None
    assert len(result.exports["default"]["text"]) == 1_000_000
    assert result.exports["default"]["list"][-1] == 49_999


async def test_a_root_that_is_itself_a_link_is_followed(tmp_path, sandbox):
    (tmp_path / "dotfiles").mkdir()
    (tmp_path / "dotfiles" / "x.ts").write_text("import a from './a'; export default {a}")
    (tmp_path / "dotfiles" / "a.ts").write_text("export default 'a'")
    (tmp_path / ".agents").symlink_to(tmp_path / "dotfiles")
    path = tmp_path / ".agents" / "x.ts"

    result = await sandbox.evaluate(
        path, roots=[], texts={path: "import a from './a'; export default {b: a}"}
    )

    assert result.exports == {"default": {"b": "a"}}


async def test_packages_of_the_repository_around_the_workspace_are_found(tmp_path, sandbox):
    (tmp_path / ".git").mkdir()
    package = tmp_path / "node_modules" / "hoisted"
    package.mkdir(parents=True)
    (package / "index.mjs").write_text("import b from './b.mjs'; export default b")
    (package / "b.mjs").write_text("export default 'found'")
    (package / "package.json").write_text('{"exports": "./index.mjs"}')
    path = tmp_path / "packages" / "one" / ".agents" / "x.ts"
    path.parent.mkdir(parents=True)
    path.write_text("import a from 'hoisted'; export default {a}")

    result = await sandbox.evaluate(path, roots=[tmp_path / "packages" / "one"], texts={})

    assert result.exports == {"default": {"a": "found"}}


async def test_a_closed_sandbox_says_so(tmp_path, cache):
    sandbox = Sandbox(cache=cache)
    await sandbox.aclose()
    path = tmp_path / "x.ts"

    result = await sandbox.evaluate(path, roots=[], texts={path: "export default 1"})

    assert result.problem.code == "sandbox"
