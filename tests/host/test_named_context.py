"""What a prompt names: read as it is written, and written so that it is read alike."""

import os

import pytest

from inhouse.host.named_context import Mention, begun, completions, mentions, named


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("see @src/a.ts, (@b.py) and [@c.md].", ["src/a.ts", "b.py", "c.md"]),
        ("fix @app/(shop)/[id]/[...rest]/page.tsx!", ["app/(shop)/[id]/[...rest]/page.tsx"]),
        ("call @f(x) and @a.py(3), me@home", ["f", "a.py"]),
        ('@"a b.txt:2-3" @"a b.txt"', [Mention("a b.txt", 2, 3), "a b.txt"]),
        ('@"not closed \nnext @x', ["not closed", "x"]),
        ('he wrote "look @" and more.', []),
        (r'@"say \"hi\".md" @"src\sub\x y.md"', ['say "hi".md', r"src\sub\x y.md"]),
    ],
)
def test_a_name_ends_where_a_reader_would_say_so(prompt, expected):
    assert list(mentions(prompt)) == [
        each if isinstance(each, Mention) else Mention(each) for each in expected
    ]


NAMES = [
    *("a b", "a,b.txt", "it's", 'say "hi".md', "[id].ts", "f(x)", "end.", "a'b` c", "日本 語.txt"),
    *("plain.txt", "über.md", "-x", "@scope", "{a}", "sub dir/in it", "x;y", ".dot file", "a  b"),
]


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_completed_from_each_of_its_beginnings_so_that_it_is_read_alike(
    tmp_path, name
):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("x")
    assert [mention.name for mention in mentions(f"x @{named(name)} y")] == [name]
    for length in range(len(name) + 1):
        for written in (f"see @{name[:length]}", f'see @"{name[:length]}'):
            prefix = written.partition("@")[2].removeprefix('"')
            if (word := begun(written)) is None or word.prefix != prefix:
                continue  # No beginning of a name, as after "it'".
            offered = completions([tmp_path], word.prefix)
            if name in offered:
                line = written[: word.start] + word.finished(name, "")
                assert [mention.name for mention in mentions(line)] == [name]
            else:
                shown = name.partition("/")[0] + "/" if "/" in name else ""
                hidden = name.startswith(".") and not prefix
                assert shown in offered or hidden, (written, offered)


def test_other_roots_broken_links_and_names_that_nobody_can_write_do_not_disturb(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second root"
    for root in (first, second):
        root.mkdir()
        (root / "a b.txt").write_text("x")
    (first / "loop").symlink_to("loop")
    (first / "line\nend").write_text("x")
    with open(os.fsencode(first) + b"/\xff", "wb"):  # noqa: PTH123  not UTF-8
        pass
    assert completions([first, second], "") == [
        *("diff", "diagnostics", "selection", "open"),
        *("second root/", "a b.txt", "loop"),
    ]
    assert completions([first, second], "second root/") == ["second root/a b.txt"]
