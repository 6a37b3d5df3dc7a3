"""Review at a terminal, hunk by hunk, while the files change beneath: nobody's line is lost."""

import random
import re
import sys
from pathlib import Path

import pytest
from attrs import define, field

from inhouse.cli.hunk_review import HunkReview
from inhouse.core.events import EditState
from inhouse.core.hunks import lines
from inhouse.core.ports import Edit, Question
from inhouse.core.settings import EditMode
from inhouse.tools.edit.disk_workspace import DiskWorkspace

MARK = re.compile(r"\b[A-Z]\d+\b")
ANSWERS = ("Apply", "Apply", "Reject", "Apply this and the rest of the file")
REST = ("Reject this and the rest of the file", "Apply everything in this run", "")


def marks(text: str | None) -> list[str]:
    return MARK.findall(text or "")


@define
class Person:
    """Answers by chance, and changes the file meanwhile."""

    path: Path
    random: random.Random
    number: int = 1000
    wrote: set[str] = field(factory=set)
    removed: set[str] = field(factory=set)

    async def ask(self, question: Question) -> tuple[str, ...]:
        assert question.detail  # what is asked about is shown
        if self.random.random() < 0.4:
            self.types()
        answer = self.random.choice(ANSWERS if self.random.random() < 0.85 else REST)
        return (answer,) if answer in question.choices else ("Reject",)

    def types(self) -> None:
        """Put a line somewhere, change one, or take one away; seldom remove the file."""
        if not self.path.exists():
            return
        found = lines(self.path.read_bytes().decode())
        end = "\r\n" if found and found[0].endswith("\r\n") else "\n"
        at = self.random.randrange(len(found) + 1)
        kind = self.random.choice(("add", "add", "change", "drop"))
        if kind != "add":
            self.removed |= set(marks("".join(found[at : at + 1])))
            del found[at : at + 1]
        if kind != "drop":
            if at and not found[at - 1].endswith("\n"):
                found[at - 1] += end
            found.insert(at, f"U{self.number}{end}")
            self.wrote.add(f"U{self.number}")
            self.number += 1
        self.path.write_bytes("".join(found).encode())
        self.wrote -= self.removed


def change(text: str, chance: random.Random, number: int) -> str:
    """Change a text in up to four places, as an agent does."""
    found = lines(text)
    end = "\r\n" if "\r\n" in text else "\n"
    for place in range(chance.randint(1, 4)):
        at = chance.randrange(len(found) + 1)
        kind = chance.choice(("add", "change", "change", "drop"))
        if kind != "add":
            del found[at : at + 1]
        if kind != "drop":
            if at and not found[at - 1].endswith("\n"):
                found[at - 1] += end
            found.insert(at, f"A{number}{place}{end}")
    return "".join(found)


@pytest.mark.parametrize("collects", [False, True])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
async def test_each_line_is_where_its_writer_and_the_answers_put_it(tmp_path, end, collects):
    for seed in range(60):
        chance = random.Random(seed)
        path = tmp_path / f"{seed}.txt"
        text = "".join(f"F{number}{end}" for number in range(chance.randint(0, 30)))
        path.write_bytes((text if chance.random() < 0.7 else text.removesuffix(end)).encode())
        person = Person(path, chance)
        workspace = DiskWorkspace(
            *(tmp_path, lambda _: None, person, EditMode.REVIEW),
            review=HunkReview(person),
            collects=collects,
        )
        for step in range(6):
            await one_step(workspace, person, chance, seed * 10 + step)
            if collects and chance.random() < 0.5:
                person.types()
        if collects and (waiting := workspace.proposals):
            (proposal,) = waiting
            shown = (await workspace.read(path)).text
            (proposal,) = workspace.proposals
            current = path.read_bytes().decode()
            if proposal.edit.old == current:
                assert shown == proposal.edit.new
                assert set(marks(current)) - set(marks(shown)) <= {*marks(proposal.diff)}
                continue
            assert proposal.edit.onto(current) is None, "it has a place, and is not there"


async def one_step(workspace: DiskWorkspace, person: Person, chance: random.Random, number: int):
    path = person.path
    seen = (await workspace.read(path)).text
    wanted = change(seen, chance, number)
    if wanted == seen:
        return
    if chance.random() < 0.3:
        person.types()
    before = path.read_bytes().decode()
    known = {*person.wrote}
    outcome = await workspace.apply(Edit(path, seen, wanted, None))
    after = path.read_bytes().decode()
    mine, gone = set(marks(wanted)) - set(marks(seen)), set(marks(seen)) - set(marks(wanted))
    lost = person.wrote - gone - set(marks(after))
    assert not lost, f"lost what was typed: {lost}"
    person.wrote -= gone
    if outcome.state is not EditState.APPLIED:
        assert not mine & set(marks(after)), "what was not applied is there"
        assert set(marks(before)) - person.removed <= set(marks(after))
        return
    told = outcome.message
    left_out = mine - set(marks(after))
    assert not left_out or "changes" in told or "taken back" in told, (left_out, told)
    lost = set(marks(before)) - set(marks(after)) - gone - person.removed
    assert not lost, f"nobody took them away: {lost}"
    ends = {line[len(line.rstrip("\r\n")) :] for line in lines(after)[:-1]}
    assert len(ends) <= 1, f"line ends of two kinds: {ends}"
    text = outcome.merged if outcome.merged is not None else wanted
    assert text == after or "changed meanwhile" in told or person.wrote != known, told


SCRIPTS = {
    "drops carriage returns": "data.replace(b'\\r', b'')",
    "drops the last line break": "data.rstrip(b'\\r\\n')",
    "writes a mark in front": "b'\\xef\\xbb\\xbf' + data",
    "ends lines otherwise": "data.replace(b'\\r\\n', b'\\n').replace(b'\\n', b'\\r\\n')",
}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
async def test_an_edited_change_keeps_the_ends_of_its_lines(tmp_path, monkeypatch, script, end):
    editor, path = tmp_path / "editor.py", tmp_path / "a.txt"
    work = "import sys\np=sys.argv[1]\ndata=open(p,'rb').read().replace(b'new', b'better')\n"
    editor.write_text(f"{work}open(p,'wb').write({script})\n")
    monkeypatch.setenv("VISUAL", f"{sys.executable} -S {editor}")
    path.write_bytes(f"one{end}two{end}three{end}".encode())
    answers = ["Edit it first", "Apply"]

    class Editing:
        async def ask(self, question: Question) -> tuple[str, ...]:
            return (answers.pop(0),)

    workspace = DiskWorkspace(
        *(tmp_path, lambda _: None, Editing(), EditMode.REVIEW), review=HunkReview(Editing())
    )
    seen = (await workspace.read(path)).text
    await workspace.apply(Edit(path, seen, seen.replace("two", f"new{end}new"), None))

    assert path.read_bytes().decode() == f"one{end}better{end}better{end}three{end}"
