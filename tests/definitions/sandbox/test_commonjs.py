"""CommonJS modules in ES modules, in every form that packages come in."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

FORMS = YAML(typ="safe").load(Path(__file__).with_name("commonjs.yaml").read_text(encoding="utf-8"))

pytestmark = pytest.mark.asyncio(loop_scope="session")


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / ".agents").mkdir(parents=True, exist_ok=True)
        (root / ".agents" / name).write_text(text, encoding="utf-8")
    return root / ".agents" / "x.ts"


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form["name"])
async def test_names_are_imported_from_every_form_of_commonjs(form, tmp_path, sandbox):
    files = {f"m.{form.get('ext', 'js')}": form["module"], "other.js": form.get("other", "")}
    code = f"{form['import']}\nexport default [{', '.join(form['gives'])}]"
    entry = write(tmp_path.resolve(), {**files, "x.ts": code})

    result = await sandbox.evaluate(entry, roots=[tmp_path.resolve()], texts={})

    assert result.problem is None
    assert result.exports == {"default": form["exports"], **form.get("also", {})}


WRONG = {
    "a name that is not there": ("import { nope } from './m'", "exports.a = 1", "no export 'nope'"),
    "nearly a name": ("\nimport {\n  lenght,\n} from './m'", "exports.length = 1", "'length'?"),
    "no default": ("\n\nimport nope from './e'", "", "'./e' has no default export"),
    "exported again": ("export { nope } from './e'", "", "'./e' has no export 'nope'"),
    "throws": ("import { a } from './m'", "exports.a = 1\n\nthrow new Error('no')", "Error: no"),
    "needs more": ("import { a } from './m'", "exports.a = require('./no')", "'./no'"),
    "never ends": ("import { a } from './m'", "exports.a = 1; for (;;) {}", "endless loop"),
    "is broken": ("import { a } from './m'", "exports.a = (", "SyntaxError"),
}
CODES = {"throws": "throws", "never ends": "time", "is broken": "syntax"}
LINES = {"nearly a name": 2, "no default": 2, "throws": 2}


@pytest.mark.parametrize("what", WRONG)
async def test_an_import_that_cannot_be_had_is_told_at_its_line(what, tmp_path, hasty):
    imports, module, says = WRONG[what]
    uses = ", ".join(set(re.findall(r"\b(?:nope|lenght|a)\b", imports)))
    body = "id: 'x'" if imports.startswith("export") else f"id: 'x', {uses}"
    files = {"m.js": module, "e.ts": "export const a = 1"}
    code = f"{imports}\nexport default {{ {body} }}"
    entry = write(tmp_path.resolve(), {**files, "x.ts": code})

    problem = (await hasty.evaluate(entry, roots=[tmp_path.resolve()], texts={})).problem

    assert problem is not None
    assert (problem.code, problem.line) == (CODES.get(what, "import"), LINES.get(what, 0))
    assert says in problem.message


async def test_a_member_that_cannot_be_had_is_told_to_those_who_use_it(tmp_path, sandbox):
    module = "Object.defineProperty(exports, 'b', { get() { throw new Error('not here') } })"
    code = "import { b } from './m'\nexport default { id: b.name }"
    entry = write(tmp_path.resolve(), {"m.js": module, "x.ts": code})

    problem = (await sandbox.evaluate(entry, roots=[tmp_path.resolve()], texts={})).problem

    assert problem is not None
    assert "not here" in problem.message
