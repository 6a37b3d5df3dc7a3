"""What definitions use of JavaScript's hosts: the same values as in Node, or a refusal by name."""

import json
from pathlib import Path

import pytest

from inhouse.core.ports import StepContext, StepYield
from inhouse.definitions.typescript.global_names import STEP_NAMES

pytestmark = pytest.mark.asyncio(loop_scope="session")

DAY = "new Date(Date.UTC(2026, 2, 5, 14, 7, 9))"
SAME = {
    # What Node 20 gives for the same, in en-US and UTC.
    f"{DAY}.toLocaleDateString()": "3/5/2026",
    f"{DAY}.toLocaleTimeString('en-US')": "2:07:09 PM",
    f"{DAY}.toLocaleString()": "3/5/2026, 2:07:09 PM",
    f"{DAY}.toLocaleDateString('en-US', {{ weekday: 'long', year: 'numeric', month: 'long', day: 'numeric' }})": "Thursday, March 5, 2026",  # noqa: E501
    f"{DAY}.toLocaleDateString('en-US', {{ month: 'short', day: '2-digit' }})": "Mar 05",
    f"{DAY}.toLocaleTimeString('en-US', {{ hour: '2-digit', minute: '2-digit', hour12: false }})": "14:07",  # noqa: E501
    f"new Intl.DateTimeFormat('en-US', {{ dateStyle: 'medium' }}).format({DAY})": "Mar 5, 2026",
    "(1234567.891).toLocaleString()": "1,234,567.891",
    "new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD' }).format(1234.5)": "$1,234.50",  # noqa: E501
    "new Intl.NumberFormat('en-US', { style: 'percent' }).format(0.256)": "26%",
    "(2.345).toLocaleString('en-US', { maximumFractionDigits: 2 })": "2.35",
    "['b', 'a', 'B', 'A', 'ä', '1', '_'].sort((x, y) => x.localeCompare(y)).join()": "_,1,a,A,ä,b,B",  # noqa: E501
    "['a10', 'a9'].sort(new Intl.Collator('en', { numeric: true }).compare).join()": "a9,a10",
    "new URL('../b?x=1#y', 'https://User@Example.com:443/a/c/d').href": "https://User@example.com/a/b?x=1#y",
    "new URL('http://a.com/p q').pathname": "/p%20q",
    "(() => { const u = new URL('http://a.com:8080/?a=1'); u.searchParams.set('b', 'c d'); return u.href })()": "http://a.com:8080/?a=1&b=c+d",  # noqa: E501
    "new URLSearchParams({ q: 'a&b', n: 1 }).toString()": "q=a%26b&n=1",
    "new URLSearchParams('a=1&a=2&b=%20+').getAll('a').join('-')": "1-2",
    "Array.from(new TextEncoder().encode('é€😀')).join()": "195,169,226,130,172,240,159,152,128",
    "new TextDecoder().decode(new TextEncoder().encode('é€😀'))": "é€😀",
    "btoa('héllo') + atob('aGk=')": "aOlsbG8=hi",
    "JSON.stringify(structuredClone({ a: [new Date(0)], s: [...new Set([1])] }))": '{"a":["1970-01-01T00:00:00.000Z"],"s":[1]}',  # noqa: E501
    "/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID())": True,  # noqa: E501
    "Buffer.from('héllo €').toString('base64')": "aMOpbGxvIOKCrA==",
    "Buffer.from('aGk=', 'base64').toString() + Buffer.from('ff00zz', 'hex').length": "hi2",
    "Buffer.byteLength('é€😀') + Buffer.concat([Buffer.from('a'), Buffer.from([98])]).toString()": "9ab",  # noqa: E501
    "JSON.stringify(Buffer.from('ab').subarray(1)) + Buffer.isBuffer(new Uint8Array(1))": '{"type":"Buffer","data":[98]}false',  # noqa: E501
    "Buffer.from('é', 'latin1').toString('hex') + Buffer.from('aé?').toString('base64url')": "e9YcOpPw",  # noqa: E501
    "Buffer.from('hello world').indexOf('wor') + Buffer.alloc(3, 'ab').toString()": "6aba",
    "typeof setTimeout(() => {}, 5) !== 'undefined'": True,
}
REFUSED = {
    f"{DAY}.toLocaleDateString('de-DE')": "The language de-DE",
    f"{DAY}.toLocaleTimeString('en-US', {{ timeZone: 'Asia/Tokyo' }})": "The time zone Asia/Tokyo",
    "(1).toLocaleString('en-US', { notation: 'compact' })": "The option notation",
    "new Intl.ListFormat('en')": "Intl.ListFormat",
    "Buffer.from('a', 'utf32')": "The encoding utf32",
    "Buffer.alloc(4).readUInt32LE(0)": "Buffer.readUInt32LE",
    "setInterval(() => {}, 1)": "setInterval",
    "'I'.toLocaleLowerCase('tr')": "The language tr",
    "'\\u00e6'.localeCompare('z')": "The order of \u00e6",
    "new URL('http://\\u00e4.de/')": "not ASCII",
    "new Date(-1e14).toLocaleDateString()": "A year before 1583",
}


NODE = json.loads(Path(__file__).with_name("node_values.json").read_text(encoding="utf-8"))
"""Expressions with what Node 20 gives for them in UTC and en-US, and some that it refuses."""


async def evaluated(sandbox, folder, expression):
    entry = folder.resolve() / "x.ts"
    entry.write_text(f"export default {{ v: {expression} }}", encoding="utf-8")
    return await sandbox.evaluate(entry, roots=[folder.resolve()], texts={})


async def test_every_value_is_the_one_that_node_gives(sandbox, tmp_path):
    parts = ", ".join(f"[{json.dumps(one)}]: {one}" for one in SAME)
    result = await evaluated(sandbox, tmp_path, f"{{ {parts} }}")

    assert result.problem is None
    assert result.exports["default"]["v"] == SAME


async def test_hundreds_of_expressions_give_what_node_gives(sandbox, tmp_path):
    asked = [*(one for one, _ in NODE["same"]), *NODE["errors"]]
    parts = ", ".join(f"said(() => {one})" for one in asked)
    tried = "(() => { const said = (f: any) => { try { return String(f()) } catch (e: any) { return 'ERR' } }; return [%s] })()"  # noqa: E501
    result = await evaluated(sandbox, tmp_path, tried % parts)

    assert result.problem is None
    expected = [*(value for _, value in NODE["same"]), *["ERR"] * len(NODE["errors"])]
    found = result.exports["default"]["v"]
    other = [
        (one, value)
        for one, value, node in zip(asked, found, expected, strict=True)
        if value != node
    ]
    assert not other


@pytest.mark.parametrize("expression", REFUSED)
async def test_what_is_not_known_is_refused_by_name(expression, sandbox, tmp_path):
    problem = (await evaluated(sandbox, tmp_path, expression)).problem

    assert problem is not None
    assert REFUSED[expression] in problem.message


async def test_a_timer_has_its_turn(sandbox, tmp_path):
    waits = (
        "await new Promise((done) => { setTimeout(() => done('late'), 20); setTimeout(done, 50) })"
    )
    result = await evaluated(sandbox, tmp_path, waits)

    assert result.exports == {"default": {"v": "late"}}


async def test_handle_steps_has_the_same(sandbox):
    source = "function* () { yield { toolName: new URL('http://a.com/x').pathname, input: {} } }"
    steps = await sandbox.steps(source, StepContext({}, ""))

    assert await steps.send(None) == StepYield({"toolName": "/x", "input": {}})
    await steps.aclose()


async def test_the_names_that_a_diagnostic_takes_for_known_are_those_that_are_there(sandbox):
    source = "function* () { yield Object.getOwnPropertyNames(globalThis) }"
    steps = await sandbox.steps(source, StepContext({}, ""))
    answer = await steps.send(None)
    await steps.aclose()

    assert set(answer.value) == STEP_NAMES
