"""The tasks: a small project each, what is asked, and a check that needs nobody's judgement.

A third is kept aside (``aside=True``): nobody looked at how models do on them while the product was
changed.  A check is Python (``check``), run in the project's folder with ``answer`` at hand; for
TypeScript it is JavaScript (``script``), run in QuickJS, where ``project(path)`` imports a file.
"""

from dataclasses import dataclass, field
from textwrap import dedent


@dataclass(frozen=True)
class Task:
    id: str
    prompt: str
    files: dict[str, str]
    named: tuple[str, ...]
    """What a user of a tool that takes files on its command line would name there."""
    check: str = ""
    script: str = ""
    aside: bool = False
    explains: bool = field(default=False)
    """The answer is wanted, and no file may change."""


def _task(identifier: str, prompt: str, files: dict[str, str], **more: object) -> Task:
    texts = {path: dedent(text).lstrip("\n") for path, text in files.items()}
    more = {
        key: dedent(value).strip() if isinstance(value, str) else value
        for key, value in more.items()
    }
    named = more.pop("named", None) or tuple(path for path in texts if path in prompt)
    return Task(identifier, prompt, texts, tuple(named), **more)  # type: ignore[arg-type]


TASKS: tuple[Task, ...] = (
    _task(
        "py-fix-test",
        "The test in test_calc.py fails. Fix calc.py.",
        {
            "calc.py": """
                def add(a, b):
                    return a + b


                def subtract(a, b):
                    return b - a
                """,
            "test_calc.py": """
                from calc import add, subtract

                def test_calc():
                    assert add(2, 3) == 5
                    assert subtract(5, 3) == 2
                """,
        },
        check="""
            from calc import add, subtract
            assert add(2, 3) == 5 and subtract(5, 3) == 2 and subtract(0, 4) == -4
            """,
    ),
    _task(
        "py-off-by-one",
        "pages(10, 5) in pager.py returns 3 but should return 2. Fix it.",
        {
            "pager.py": """
                def pages(items, per_page):
                    \"\"\"Return how many pages are needed for all items.\"\"\"
                    return items // per_page + 1


                def first_item(page, per_page):
                    return (page - 1) * per_page
                """,
        },
        check="""
            from pager import pages, first_item
            assert [pages(n, 5) for n in (0, 1, 5, 6, 10, 11)] == [0, 1, 1, 2, 2, 3]
            assert first_item(2, 5) == 5
            """,
    ),
    _task(
        "py-rename",
        "Rename the function load_cfg to load_config, in config.py and in app.py.",
        {
            "config.py": """
                def load_cfg(path):
                    return {"path": path}
                """,
            "app.py": """
                from config import load_cfg


                def start(path):
                    settings = load_cfg(path)
                    return settings["path"]
                """,
        },
        check="""
            import pathlib, app, config
            assert config.load_config("x") == {"path": "x"} and app.start("y") == "y"
            assert not hasattr(config, "load_cfg")
            assert "load_cfg" not in pathlib.Path("app.py").read_text()
            """,
    ),
    _task(
        "py-add-flag",
        "Add a --verbose flag to cli.py. With it, main prints 'verbose' on a line before the "
        "greeting.",
        {
            "cli.py": """
                import argparse


                def main(argv=None):
                    parser = argparse.ArgumentParser()
                    parser.add_argument("name")
                    options = parser.parse_args(argv)
                    print(f"Hello, {options.name}!")
                """,
        },
        check="""
            import contextlib, io, cli
            def said(*argv):
                with contextlib.redirect_stdout(io.StringIO()) as out:
                    cli.main(list(argv))
                return out.getvalue().lower().split("\\n")
            assert said("Ann") == ["hello, ann!", ""]
            assert said("--verbose", "Ann") == ["verbose", "hello, ann!", ""]
            """,
    ),
    _task(
        "py-write-test",
        "Write a test for slugify from slug.py in test_slug.py, with plain assert in functions "
        "named test_...",
        {
            "slug.py": """
                import re


                def slugify(text):
                    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
                """,
        },
        named=("slug.py",),
        check="""
            import slug, importlib
            def run():
                module = importlib.import_module("test_slug")
                tests = [f for n, f in vars(module).items() if n.startswith("test") and callable(f)]
                assert tests
                for test in tests:
                    test()
            run()
            import sys
            good = slug.slugify
            slug.slugify = lambda text: text
            sys.modules.pop("test_slug")
            try:
                run()
            except AssertionError:
                pass
            else:
                raise SystemExit("the test passes for a broken slugify")
            """,
    ),
    _task(
        "py-find",
        "In which file is the limit for retries set, and what is its value?",
        {
            "app/main.py": """
                from app.net.client import fetch


                def main():
                    print(fetch("/"))
                """,
            "app/net/client.py": """
                from app.net.limits import MAX_RETRIES


                def fetch(path):
                    for _ in range(MAX_RETRIES):
                        pass
                    return path
                """,
            "app/net/limits.py": """
                TIMEOUT = 30
                MAX_RETRIES = 7
                """,
        },
        named=("app/net/client.py", "app/net/limits.py"),
        check="""
            assert "limits.py" in answer and "7" in answer
            """,
        explains=True,
    ),
    _task(
        "py-explain",
        "What does merge in intervals.py return for [(1, 3), (2, 5), (8, 9)]? Do not change "
        "anything.",
        {
            "intervals.py": """
                def merge(intervals):
                    merged = []
                    for start, end in sorted(intervals):
                        if merged and start <= merged[-1][1]:
                            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
                        else:
                            merged.append((start, end))
                    return merged
                """,
        },
        check="""
            import re
            plain = re.sub(r"\\s", "", answer)
            assert "(1,5),(8,9)" in plain or "[1,5],[8,9]" in plain
            """,
        explains=True,
    ),
    _task(
        "py-docstring",
        "Add a docstring to the function area in shapes.py.",
        {
            "shapes.py": """
                def area(width, height):
                    return width * height


                def perimeter(width, height):
                    return 2 * (width + height)
                """,
        },
        check="""
            import shapes
            assert (shapes.area.__doc__ or "").strip()
            assert shapes.area(2, 3) == 6 and shapes.perimeter(2, 3) == 10
            """,
    ),
    _task(
        "py-none",
        "greet(None) in greet.py must return 'Hello, stranger!'.",
        {
            "greet.py": """
                def greet(name):
                    return "Hello, " + name.title() + "!"
                """,
        },
        check="""
            from greet import greet
            assert greet(None) == "Hello, stranger!" and greet("ann") == "Hello, Ann!"
            """,
    ),
    _task(
        "py-new-file",
        "Create primes.py with a function is_prime(n) that returns True for prime numbers.",
        {"README.md": "# Numbers\n"},
        named=(),
        check="""
            from primes import is_prime
            found = [n for n in range(-3, 60) if is_prime(n)]
            assert found == [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59]
            """,
    ),
    _task(
        "py-add-method",
        "Add a method peek to the class Stack in stack.py. It returns the last item without "
        "removing it, and None when the stack is empty.",
        {
            "stack.py": """
                class Stack:
                    def __init__(self):
                        self.items = []

                    def push(self, item):
                        self.items.append(item)

                    def pop(self):
                        return self.items.pop()
                """,
        },
        check="""
            from stack import Stack
            stack = Stack()
            assert stack.peek() is None
            stack.push(1); stack.push(2)
            assert stack.peek() == 2 and stack.pop() == 2 and stack.pop() == 1
            """,
    ),
    _task(
        "py-constant",
        "Change the default timeout from 30 to 60 seconds.",
        {
            "service/settings.py": """
                DEFAULT_TIMEOUT = 30
                DEFAULT_RETRIES = 3
                """,
            "service/client.py": """
                from service.settings import DEFAULT_RETRIES, DEFAULT_TIMEOUT


                def connect(timeout=DEFAULT_TIMEOUT, retries=DEFAULT_RETRIES):
                    return timeout, retries
                """,
        },
        named=("service/settings.py",),
        check="""
            from service.client import connect
            assert connect() == (60, 3)
            """,
    ),
    _task(
        "ts-fix-sum",
        "sum in src/sum.ts ignores the last number. Fix it.",
        {
            "src/sum.ts": """
                export function sum(numbers: number[]): number {
                  let total = 0;
                  for (let i = 0; i < numbers.length - 1; i++) {
                    total += numbers[i];
                  }
                  return total;
                }
                """,
        },
        script="""
            const { sum } = await project("src/sum.ts");
            if (sum([1, 2, 3]) !== 6 || sum([]) !== 0) throw new Error("sum");
            """,
    ),
    _task(
        "ts-parameter",
        'Add a second parameter greeting with the default "Hello" to greet in src/greet.ts, so '
        'that greet("Ann", "Hi") returns "Hi, Ann!".',
        {
            "src/greet.ts": """
                export function greet(name: string): string {
                  return `Hello, ${name}!`;
                }
                """,
        },
        script="""
            const { greet } = await project("src/greet.ts");
            if (greet("Ann") !== "Hello, Ann!" || greet("Ann", "Hi") !== "Hi, Ann!")
              throw new Error("greet");
            """,
    ),
    _task(
        "ts-rename",
        "Rename fetchUser to getUser in src/api.ts and src/page.ts.",
        {
            "src/api.ts": """
                export function fetchUser(id: number): { id: number; name: string } {
                  return { id, name: `user ${id}` };
                }
                """,
            "src/page.ts": """
                import { fetchUser } from "./api";

                export function title(id: number): string {
                  return fetchUser(id).name.toUpperCase();
                }
                """,
        },
        script="""
            const api = await project("src/api.ts");
            const { title } = await project("src/page.ts");
            if (api.fetchUser || api.getUser(1).name !== "user 1" || title(2) !== "USER 2")
              throw new Error("rename");
            """,
    ),
    _task(
        "ts-function",
        "Add an exported function clamp(value, low, high) to src/numbers.ts.",
        {
            "src/numbers.ts": """
                export function double(value: number): number {
                  return value * 2;
                }
                """,
        },
        script="""
            const { clamp, double } = await project("src/numbers.ts");
            if (clamp(5, 0, 3) !== 3 || clamp(-1, 0, 3) !== 0 || clamp(2, 0, 3) !== 2 ||
                double(4) !== 8) throw new Error("clamp");
            """,
    ),
    # Kept aside.
    _task(
        "py-exception",
        "parse_port in ports.py must raise a ValueError for numbers outside of 1 to 65535.",
        {
            "ports.py": """
                def parse_port(text):
                    return int(text)
                """,
        },
        check="""
            from ports import parse_port
            assert parse_port("80") == 80 and parse_port("65535") == 65535
            for bad in ("0", "65536", "-1"):
                try:
                    parse_port(bad)
                except ValueError:
                    continue
                raise SystemExit(bad)
            """,
        aside=True,
    ),
    _task(
        "py-dataclass",
        "Add a field email to User in models.py, a text that is empty by default, and put it into "
        "to_dict.",
        {
            "models.py": """
                from dataclasses import dataclass


                @dataclass
                class User:
                    name: str
                    age: int

                    def to_dict(self):
                        return {"name": self.name, "age": self.age}
                """,
        },
        check="""
            from models import User
            assert User("a", 1).to_dict() == {"name": "a", "age": 1, "email": ""}
            assert User("a", 1, email="x@y").to_dict()["email"] == "x@y"
            """,
        aside=True,
    ),
    _task(
        "py-delete",
        "Remove the unused function old_total from totals.py.",
        {
            "totals.py": """
                def total(prices):
                    return sum(prices)


                def old_total(prices):
                    result = 0
                    for price in prices:
                        result = result + price
                    return result


                def average(prices):
                    return total(prices) / len(prices)
                """,
        },
        check="""
            import totals
            assert not hasattr(totals, "old_total")
            assert totals.total([1, 2]) == 3 and totals.average([1, 3]) == 2
            """,
        aside=True,
    ),
    _task(
        "py-blank-lines",
        "read_rows in report.py fails on blank lines. Make it skip them.",
        {
            "report.py": """
                def read_rows(text):
                    rows = []
                    for line in text.split("\\n"):
                        name, amount = line.split(",")
                        rows.append((name, int(amount)))
                    return rows
                """,
        },
        check="""
            from report import read_rows
            assert read_rows("a,1\\n\\nb,2\\n") == [("a", 1), ("b", 2)]
            """,
        aside=True,
    ),
    _task(
        "py-two-files",
        "Add a function multiply to ops.py, and make main.py print multiply(6, 7) as well.",
        {
            "ops.py": """
                def add(a, b):
                    return a + b
                """,
            "main.py": """
                from ops import add


                def main():
                    print(add(1, 2))


                if __name__ == "__main__":
                    main()
                """,
        },
        check="""
            import subprocess, sys
            out = subprocess.run([sys.executable, "main.py"], capture_output=True, text=True).stdout
            assert out.split() == ["3", "42"]
            """,
        aside=True,
    ),
    _task(
        "ts-interface",
        "Add an optional field tags, a list of strings, to Note in src/note.ts, and export a "
        "function hasTag(note, tag).",
        {
            "src/note.ts": """
                export interface Note {
                  title: string;
                  body: string;
                }

                export function short(note: Note): string {
                  return note.title.slice(0, 10);
                }
                """,
        },
        script="""
            const { hasTag, short } = await project("src/note.ts");
            const note = { title: "A long title here", body: "" };
            if (hasTag(note, "x") !== false || hasTag({ ...note, tags: ["x"] }, "x") !== true ||
                short(note) !== "A long tit") throw new Error("tags");
            """,
        aside=True,
    ),
    _task(
        "ts-empty",
        'firstWord("") in src/words.ts must return an empty string instead of failing.',
        {
            "src/words.ts": """
                export function firstWord(text: string): string {
                  return text.match(/\\S+/)![0];
                }
                """,
        },
        script="""
            const { firstWord } = await project("src/words.ts");
            if (firstWord("") !== "" || firstWord(" two words") !== "two") throw new Error("word");
            """,
        aside=True,
    ),
    _task(
        "ts-enum",
        'Add the status Cancelled with the value "cancelled" to Status in src/status.ts; its label '
        'is "Called off".',
        {
            "src/status.ts": """
                export const Status = {
                  Open: "open",
                  Done: "done",
                } as const;

                const labels: Record<string, string> = {
                  open: "Open",
                  done: "Finished",
                };

                export function label(status: string): string {
                  return labels[status];
                }
                """,
        },
        script="""
            const { Status, label } = await project("src/status.ts");
            if (Status.Cancelled !== "cancelled" || label("cancelled") !== "Called off" ||
                label(Status.Done) !== "Finished") throw new Error("status");
            """,
        aside=True,
    ),
)
