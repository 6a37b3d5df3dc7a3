"""`handleSteps`: every spelling that Codebuff's loader takes, and what it uses from outside."""

import pytest

from inhouse.core.text import Severity
from support.definitions import catalog_of, definition_of, literal, problems_of, write

BODY = "({ prompt }) { yield 'STEP' }"
# The verdicts are those of Codebuff's own loader and validator (its SDK 0.10.7, run by Bun 1.4).
TAKEN = {
    "usual": f"export default {{ ID, handleSteps: function* {BODY} }}",
    "spaced": f"export default {{ ID, handleSteps: function * {BODY} }}",
    "named": f"export default {{ ID, handleSteps: function *steps {BODY} }}",
    "lines": f"export default {{ ID, 'handleSteps': function\n*\n{BODY} }}",
    "comments": f"export default {{ ID, handleSteps: function /* a */ * /* b */ {BODY} }}",
    "variable": f"const steps = function *{BODY}\nexport default {{ ID, handleSteps: steps }}",
    "declared": f"export default {{ ID, handleSteps }}\nfunction *handleSteps{BODY}",
    "cast": f"export default {{ ID, handleSteps: (function *{BODY} as any) satisfies any }}",
    "text": f'export default {{ ID, handleSteps: "  function* {BODY}" }}',
    "types": "export default { ID, handleSteps: function *({ prompt }: { prompt?: string }): "
    "Generator<'STEP'> { yield 'STEP' } }",
    "empty": "export default { ID, handleSteps: '' }",
}
REFUSED = {
    "shorthand": f"export default {{ ID, *handleSteps{BODY} }}",
    "quoted": f"export default {{ ID, *'handleSteps'{BODY} }}",
    "computed": f"export default {{ ID, *['handleSteps']{BODY} }}",
    "async": f"export default {{ ID, handleSteps: async function* {BODY} }}",
    "arrow": f"export default {{ ID, handleSteps: (c) => (function* {BODY})(c) }}",
    "plain": f"export default {{ ID, handleSteps: function (c) {{ return (function* {BODY})(c) }} }}",  # noqa: E501
    "method": "export default { ID, handleSteps() { return 1 } }",
    "spaced text": f'export default {{ ID, handleSteps: "function *{BODY}" }}',
    "other text": "export default { ID, handleSteps: 'STEP_ALL' }",
}
COMPUTED = {
    "wrapped": (f"const wrap = (f: any) => f\nexport default {{ ID, handleSteps: wrap(function *{BODY}) }}", True),  # noqa: E501
    "field": (f"class A {{ id = 'a'; displayName = 'A'; model = 'm'; handleSteps = function *{BODY} }}\nexport default new A()", True),  # noqa: E501
    "getter": (f"export default {{ ID, get handleSteps() {{ return function * {BODY} }} }}", True),
    "imported": ("import { steps } from './steps'\nexport default { ID, handleSteps: steps }", True),  # noqa: E501
    "made": ("const G = Object.getPrototypeOf(function* () {}).constructor\nexport default { ID, handleSteps: G('c', 'yield 1') }", True),  # noqa: E501
    "class": (f"class A {{ id = 'a'; displayName = 'A'; model = 'm'; *handleSteps{BODY} }}\nexport default new A()", False),  # noqa: E501
    "static": (f"class S {{ static *steps{BODY} }}\nexport default {{ ID, handleSteps: S.steps }}", False),  # noqa: E501
    "bound": (f"export default {{ ID, handleSteps: (function* {BODY}).bind(null) }}", False),
}  # fmt: skip


def text_of(form):
    return form.replace("ID", "id: 'a', displayName: 'A', model: 'm'")


@pytest.mark.parametrize("form", TAKEN)
def test_a_spelling_that_codebuff_takes_is_taken(form):
    steps = definition_of(text_of(TAKEN[form])).handle_steps

    assert not [p for p in problems_of(text_of(TAKEN[form])) if p.severity is Severity.ERROR]
    assert steps is None if form == "empty" else steps.startswith("function*")


@pytest.mark.parametrize("form", REFUSED)
def test_a_spelling_that_codebuff_refuses_is_refused_at_its_place(form):
    problems = problems_of(text_of(REFUSED[form]))

    assert [p.code for p in problems] == ["handle-steps-form"]


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("form", COMPUTED)
async def test_a_generator_that_is_computed_is_judged_by_what_it_is(form, evaluator, tmp_path):
    text, taken = COMPUTED[form]
    files = {"a.ts": text_of(text), "steps.ts": f"export function *steps{BODY}"}
    write(tmp_path, {f".agents/{name}": each for name, each in files.items()})
    agent = (await catalog_of(tmp_path, evaluator)).agents.get("a")
    codes = [p.code for p in agent.problems if p.severity is Severity.ERROR]

    assert codes == ([] if taken else ["handle-steps-form"])
    if taken:
        assert agent.definition.handle_steps.startswith("function*")


FREE = {
    "yield LIMIT": "LIMIT",
    "const { a = other, ...rest } = { a: 1 }; yield [a, rest]": "other",
    "yield await_(fetch('x'))": "await_ fetch",
    "const text = require('fs').readFileSync('x'); yield text": "require",
    "const m = yield import('x'); return m": "import",
    "yield import.meta.url": "import.meta",
    "for (const x of [1]) { yield x } for (let i = 0; i < 1; i++) {} yield i": "i",
    "helper(); function helper() { return arguments.length } yield [1].map((n) => n + more)": "more",  # noqa: E501
    "class A { x = 1; m() { return this.x } } yield new A(), Bun.file": "Bun",
    "try { yield prompt } catch ({ message }) { yield message } finally { done() }": "done",
    "if (typeof fetch !== 'undefined') fetch('x')": "",
    "type T = { a: Missing }; const v: T = <any>prompt; enum E { A } yield v as Gone.Too, E.A": "",
    "yield JSON.stringify(Buffer.from(new URL('http://a').href)), global, process.env.A": "",
    "loop: while (true) { var v = 1; break loop } yield v, { prompt, key: v, m() { return v } }": "",  # noqa: E501
}


@pytest.mark.parametrize("body", FREE)
def test_a_name_that_will_not_be_there_is_told_where_it_stands(body):
    before = "const LIMIT = 3\n"
    text = before + literal(handleSteps=f"function* ({{ prompt }}) {{ {body} }}")
    problems = problems_of(text)
    lines = text.splitlines()

    assert {p.code for p in problems} <= {"free-name"}
    assert all(p.severity is Severity.WARNING for p in problems)
    told = [
        lines[p.range.start.line][p.range.start.character : p.range.end.character] for p in problems
    ]
    assert told == FREE[body].split()
    assert all(f"`{name}`" in p.message for name, p in zip(told, problems, strict=True))


@pytest.mark.asyncio(loop_scope="session")
async def test_a_computed_definition_is_told_too_with_the_place_it_has(evaluator, tmp_path):
    own = "import { NAME } from './name'\nexport default { id: NAME, displayName: 'A', model: 'm',\n  handleSteps: function * (c: any) { yield NAME } }"  # noqa: E501
    far = "import { steps } from './name'\nexport default { id: 'b', displayName: 'B', model: 'm',\n  handleSteps: steps() }"  # noqa: E501
    more = "export const NAME = 'a'\nexport const steps = () => function* () { yield NAME }"
    names = {"a.ts": own, "b.ts": far, "name.ts": more}
    write(tmp_path, {f".agents/{name}": each for name, each in names.items()})
    agents = (await catalog_of(tmp_path, evaluator)).agents

    [problem] = agents["a"].problems
    assert (problem.code, problem.range.start.line, problem.range.start.character) == (
        "free-name",
        2,
        43,
    )
    [problem] = agents["b"].problems
    assert (problem.code, problem.range.start.line) == ("free-name", 2)
