"""The VS Code extension in a real workbench: runs the node tests of tests/editors/vscode."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "client-vscode"
TESTS = sorted((Path(__file__).parent / "vscode").glob("*.test.mjs"))

pytestmark = [pytest.mark.editor, pytest.mark.timeout(900)]


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run to the end in a process group of its own; fail with the output where it fails."""
    environment = os.environ | {"INHOUSE_PYTHON": sys.executable}
    done = subprocess.run(
        [str(each) for each in command],
        cwd=cwd,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        start_new_session=True,
    )
    assert done.returncode == 0, f"{command[0]} failed:\n{done.stdout[-8000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def client() -> Path:
    if sys.platform != "linux" or shutil.which("npm") is None:
        pytest.skip("NOT TESTED: the workbench needs Linux and npm")
    run(ROOT / "scripts" / "setup-editors", "vscode")
    if not (CLIENT / "node_modules").is_dir():
        run("npm", "ci", "--ignore-scripts", cwd=CLIENT)
    run("npm", "run", "--silent", "bundle", cwd=CLIENT)
    run("npm", "run", "--silent", "build-tests", cwd=CLIENT)
    return CLIENT


def test_the_extension_passes_its_own_checks(client: Path) -> None:
    run("npm", "run", "--silent", "check", cwd=client)
    run("npm", "run", "--silent", "lint", cwd=client)


def test_the_package_is_ready_for_a_marketplace(client: Path, tmp_path: Path) -> None:
    package = json.loads((client / "package.json").read_text("utf-8"))
    out = tmp_path / "inhouse.vsix"
    run("node", "scripts/package.mjs", "--light", "--out", out, cwd=client)
    with zipfile.ZipFile(out) as vsix:
        names = {name.removeprefix("extension/") for name in vsix.namelist()}
        pages = [vsix.read(f"extension/{name}").decode() for name in ("readme.md", "changelog.md")]

    assert {"repository", "bugs", "homepage", "license", "icon", "categories"} <= set(package)
    assert "private" not in package
    # VS Code's confirmation of a tool approves the tool, not the command that it would run.
    assert "languageModelTools" not in package["contributes"]
    allowed = r"dist/\w+\.js|media/(icon\.png|view\.svg|walkthrough/\w+\.md)|package\.json"
    allowed += r"|syntaxes/\w+\.tmLanguage\.json|readme\.md|changelog\.md|LICENSE\.txt"
    allowed += r"|extension\.vsixmanifest|\[Content_Types\]\.xml"
    assert [name for name in sorted(names) if not re.fullmatch(allowed, name)] == []
    links = [link for page in pages for link in re.findall(r"\]\(([^)\s]+)", page)]
    assert [each for each in links if not each.startswith(("https://", "#"))] == []
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)", pages[0])
    folder = package["repository"]["directory"]
    for each in pictures:
        assert (client / each.partition(f"/{folder}/")[2]).is_file(), each
    assert len(pictures) >= 3


@pytest.mark.parametrize("file", TESTS, ids=lambda path: path.name.removesuffix(".test.mjs"))
def test_in_the_workbench(
    client: Path, file: Path, tmp_path: Path, workbench_went: Callable[[Path], None]
) -> None:
    report = tmp_path / "report.xml"
    reporters = ["--test-reporter=spec", "--test-reporter-destination=stdout"]
    reporters += ["--test-reporter=junit", f"--test-reporter-destination={report}"]
    try:
        print(run("node", "--test", *reporters, file))
    finally:
        if report.exists():
            workbench_went(report)
    if untested := list(skipped(report)):
        pytest.skip(f"the rest passed; {'; '.join(untested)}")


def skipped(report: Path) -> Iterator[str]:
    """Give why each test was skipped: pytest tells it at its end, node only in its own report."""
    for case in ET.parse(report).iter("testcase"):
        if (skip := case.find("skipped")) is not None:
            yield f"{skip.get('message')} ({case.get('name')})"
