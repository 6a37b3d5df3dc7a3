"""Random histories of one workspace: agents, a user who types, other programs, restarts.

Everything is real: a server process, LSP messages, files on disk, a model server over HTTP.  Each
step is checked: a line that anybody wrote is in the file, in a proposal, or somebody was told; and
nothing else has changed.  Lines carry marks of their own (``A17``), so that each can be found.

    async with History(project, seed).played(steps=60) as history: ...
"""

import json
import random
import re
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from inhouse.core.hunks import hunks, lines, unified_diff

from .editor import VSCODE, Editor, ServerError, open_editor, splice
from .model_server import Call, call

_MARK = re.compile(r"\b[A-Z]+\d+\b")
_TAILS = ("", "", " 😀", " é", "\tx", " 漢字 \U0001d518", "  ", " \f", " \u2028 y")
_BOM = b"\xef\xbb\xbf"
_AGENTS = ("alpha", "beta")
_TOOLS = ("read_files", "write_file", "str_replace", "apply_patch")
_PROPOSE = ("propose_write_file", "propose_str_replace")


def marks(text: str | None) -> list[str]:
    """Give the marks of a text's lines, in order."""
    return _MARK.findall(text or "")


class History:
    """One workspace, its editor and its agents."""

    def __init__(self, project: Any, seed: int) -> None:
        self.project = project
        self.seed = seed
        self.random = random.Random(seed)
        self.number = 0
        self.log: list[str] = []
        self.editor: Editor
        self._stack = AsyncExitStack()
        self.announces = self.random.random() < 0.6
        """The editor tells of files that it loads to change them, as VS Code does."""
        self.mode = self.random.choice(("review", "review", "apply"))
        self.boms: dict[Path, bytes] = {}
        self.known: dict[tuple[str, Path], str | None] = {}
        """What each agent was last given, or wrote."""
        self.meanwhile: list[str] = []
        """Marks that the user typed while a change was on its way."""
        self.lost = ""
        """What an editor should never be asked to do."""
        self.types_meanwhile = 0.0
        project.settings["edits"] = self.mode
        for agent in _AGENTS:
            project.agent(agent, *_TOOLS, *_PROPOSE)
        self.counts: dict[str, int] = {}
        self.notices: list[Any] = []
        self.last: list[Any] = []
        """The last calls and what came of them."""
        self.sessions = dict.fromkeys(_AGENTS, 0)
        self.paths = [
            self._new_file("lf.txt", "\n"),
            self._new_file("crlf.txt", "\r\n"),
            self._new_file("bom.txt", "\n", bom=_BOM),
            self._new_file("sub/mixed.txt", "mixed", last=False),
            self._new_file("open.txt", "\n", last=False),
        ]

    # Texts.

    def line(self, who: str, end: str = "\n") -> str:
        self.number += 1
        return f"{who}{self.number}{self.random.choice(_TAILS)}{end}"

    def _new_file(self, name: str, end: str, *, bom: bytes = b"", last: bool = True) -> Path:
        made = ""
        for _ in range(self.random.randint(5, 25)):
            ended = self.random.choice(("\n", "\r\n")) if end == "mixed" else end
            made += self.random.choice(("}", "")) + ended if self.random.random() < 0.15 else ""
            made += self.line("F", ended)
        made = made if last else made.rstrip("\r\n")
        path = self.project.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bom + made.encode())
        self.boms[path] = bom
        return path

    def mutated(self, text: str, who: str) -> str:
        """Take lines away, replace some, put some between."""
        found = lines(text)
        ended = "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"
        for _ in range(self.random.randint(1, 3)):
            at = self.random.randint(0, len(found))
            kind = self.random.choice(("add", "add", "change", "drop"))
            span = self.random.randint(1, 2)
            new = [] if kind == "drop" else [self.line(who, ended) for _ in range(span)]
            if kind == "add":
                if at and not found[at - 1].endswith("\n"):
                    found[at - 1] += ended
                found[at:at] = new
            else:
                found[at : at + span] = new
        return "".join(found)

    # What is where.

    def decoded(self, path: Path) -> str | None:
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        bom = self.boms.get(path, b"")
        assert content.startswith(bom), f"{path.name} lost its byte order mark"
        return content.removeprefix(bom).decode()

    def _write(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.boms.get(path, b"") + text.encode())

    def base(self, path: Path) -> str | None:
        """Give a file as the user has it."""
        uri = path.as_uri()
        if uri in self.editor.buffers:
            return self.editor.buffers[uri]
        return self.editor.hidden.get(uri, self.decoded(path))

    async def view(self, path: Path) -> str | None:
        """Give a file as an agent sees it: with what waits laid over it."""
        try:
            shown = await self.editor.command("inhouse.edits.preview", {"uri": path.as_uri()})
        except ServerError:
            return self.base(path)
        assert shown["original"] == self.base(path), "the server has another text than the editor"
        return shown["proposed"]

    async def waiting(self) -> list[dict[str, Any]]:
        return await self.editor.command("inhouse.edits")

    # The editor.

    async def start(self, buffers: dict[str, str] | None = None) -> None:
        how = self.project.how(VSCODE)
        self.editor = await self._stack.enter_async_context(open_editor(self.project.folder, **how))
        self.editor.on["workspace/applyEdit"] = self._apply
        for uri, text in (buffers or {}).items():
            self._open(Path(uri), text)

    async def aclose(self) -> None:
        await self._stack.aclose()

    def _open(self, path: Path, text: str | None = None) -> str:
        self.editor.hidden.pop(path.as_uri(), None)
        return self.editor.open(path, self.decoded(path) if text is None else text)

    def _apply(self, params: Any) -> Any:
        """Do as an editor does, and sometimes type while the change is on its way."""
        edits = params["edit"]["documentChanges"]
        before = self.random.random() < self.types_meanwhile
        if before:
            for each in edits:
                if "textDocument" in each:
                    self._type_a_line(each["textDocument"]["uri"])
        for each in edits:
            uri = each.get("uri") or each["textDocument"]["uri"]
            path = Path(_path(uri))
            if "textDocument" in each and uri not in self.editor.buffers:
                if path.exists() or uri in self.editor.hidden:
                    self._load(uri, path)
                elif not any(one.get("kind") == "create" for one in edits):
                    return {"applied": False, "failureReason": "no such file"}
            if each.get("kind") == "delete":
                self.boms[path] = b""
                if uri in self.editor.buffers:
                    self.editor.close(uri)
        answer = self.editor.apply(params)
        if answer["applied"]:
            for each in edits:
                uri = each.get("uri") or each["textDocument"]["uri"]
                if "textDocument" in each and uri in self.editor.hidden and self.announces:
                    self._open(Path(_path(uri)), self.editor.hidden[uri])
            if self.random.random() < self.types_meanwhile:
                for each in edits:
                    if "textDocument" in each:
                        self._type_a_line(each["textDocument"]["uri"])
        return answer

    def _load(self, uri: str, path: Path) -> None:
        """Load a file that nobody opened, so that its byte order mark does not count."""
        text = self.editor.hidden.get(uri)
        self.editor.hidden[uri] = self.decoded(path) or "" if text is None else text

    def _type_a_line(self, uri: str) -> None:
        if uri not in self.editor.buffers:
            return
        text = self.editor.buffers[uri]
        count = text.count("\n")
        where = {"line": self.random.randint(0, count), "character": 0}
        new = self.line("T")
        self.meanwhile.append(new.split()[0])
        self.editor.change_range(uri, {"start": where, "end": where}, new)

    # Steps.

    async def step(self) -> None:
        steps: tuple[tuple[int, Callable[[], Any]], ...] = (
            (8, self.agent_edits),
            (2, self.two_agents_edit),
            (4, self.agent_reads),
            (6, self.user_types),
            (2, self.user_saves),
            (2, self.user_undoes),
            (3, self.user_opens_or_closes),
            (3, self.program_writes),
            (1, self.file_goes_or_comes),
            (4, self.user_decides),
            (1, self.turn_is_undone),
            (1, self.restarts),
        )
        (chosen,) = self.random.choices([one for _, one in steps], [weight for weight, _ in steps])
        self.counts[chosen.__name__] = self.counts.get(chosen.__name__, 0) + 1
        self.log.append(chosen.__name__)
        await chosen()
        assert not self.lost, self.lost

    async def agent_reads(self) -> None:
        agent, path = self.random.choice(_AGENTS), self.random.choice(self.paths)
        view = await self.view(path)
        if view is not None and self.random.random() < 0.15:
            wanted: Any = {"path": self.name(path), "offset": 1, "limit": 3}
            (result,) = await self.run(agent, call("read_files", paths=[wanted]))
            assert all(mark in result for mark in marks("".join(lines(view)[:3])))
            return
        (result,) = await self.run(agent, call("read_files", paths=[self.name(path)]))
        self.log.append(f"{agent} reads {path.name}")
        if view is None:
            assert "DOES_NOT_EXIST" in result, result
            self.known[agent, path] = None
            return
        body = result.partition("\n```\n")[2].rpartition("```")[0]
        assert body.rstrip("\n") == view.rstrip("\n"), "the agent reads another text than there is"
        self.known[agent, path] = view

    async def agent_edits(self) -> None:
        agent, path = self.random.choice(_AGENTS), self.random.choice(self.paths)
        base, view, before = self.base(path), await self.view(path), await self.waiting()
        made = self.wish(agent, path, view)
        known, wanted, one = made
        self.meanwhile.clear()
        self.types_meanwhile = self.random.choice((0, 0, 0, 0.4))
        if self.types_meanwhile and self.random.random() < 0.3:
            self.project.server.pieces_delay = 0.0
        (result,) = await self.run(agent, one)
        self.last = [(one, result)]
        self.types_meanwhile = 0
        proposes = one.name.startswith("propose") or self.mode == "review"
        failed, partly = _failed(result), _PARTLY in result
        self.log.append(f"{agent} {one.name} {path.name} {'failed' if failed else 'done'}")
        after, now = self.base(path), await self.view(path)
        typed = tuple(self.meanwhile)
        if proposes:
            assert after == base, "a proposal changed the file"
        else:
            self._check(failed, base, known, wanted, after, typed=typed, partly=partly)
        if proposes:
            self._check(failed, view, known, wanted, now, typed=typed, partly=partly)
        if failed:
            assert _ids(await self.waiting()) == _ids(before)
            if "has changed since" in result or "has not" in result:
                self.known.pop((agent, path), None)
        else:
            self.known[agent, path] = now

    async def two_agents_edit(self) -> None:
        """Two runs at once write one file."""
        path = self.random.choice(self.paths)
        base, view = self.base(path), await self.view(path)
        if view is None:
            return
        wishes = [self.wish(agent, path, view) for agent in _AGENTS]
        results = await self.run_both([one for *_, one in wishes])
        self.last = list(zip(wishes, results, strict=True))
        after = self.base(path) if self.mode == "apply" else await self.view(path)
        start = base if self.mode == "apply" else view
        waits = {mark for each in await self.waiting() for mark in marks(each["new"])}
        self.log.append(f"both {[one.name for *_, one in wishes]} {path.name}")
        if any(one.name.startswith("propose") for *_, one in wishes) and self.mode == "apply":
            return
        for (known, wanted, _), result in zip(wishes, results, strict=True):
            if _failed(result) or _PARTLY in result:
                continue
            other = next(each for each in wishes if each[1] is not wanted or each[0] is not known)
            lost = set(marks(wanted)) - set(marks(known)) - set(marks(after)) - waits
            gone_by_other = set(marks(other[0])) - set(marks(other[1]))
            reported = any("is not shown" in str(notice) for notice in self.notices)
            assert reported or not lost - gone_by_other, f"lost what was told as written: {lost}"
        allowed = set(marks(start)) | {m for _, wanted, _ in wishes for m in marks(wanted)}
        assert set(marks(after)) <= allowed
        for agent in _AGENTS:
            self.known.pop((agent, path), None)

    def wish(self, agent: str, path: Path, view: str | None) -> tuple[str | None, str | None, Call]:
        """Give what an agent knows, what it wants, and the call that it makes for it."""
        known = self.known.get((agent, path), view)
        who = agent[0].upper()
        named = self.name(path)
        names = ["write_file", "str_replace", "apply_patch", *_PROPOSE]
        name = self.random.choice(names)
        if known is None:
            wanted = "".join(self.line(who) for _ in range(3))
            return None, wanted, call("write_file", path=named, instructions="", content=wanted)
        if self.random.random() < 0.06:
            operation = {"type": "delete_file", "path": named}
            return known, None, call("apply_patch", operation=operation)
        wanted = self.mutated(known, who)
        plain = self.random.random() < 0.5
        if name.endswith("write_file"):
            content = wanted.replace("\r\n", "\n") if plain else wanted
            return known, wanted, call(name, path=named, instructions="", content=content)
        if name == "apply_patch":
            diff = unified_diff(named, known, wanted)
            diff = diff.replace("\r\n", "\n") if plain else diff
            operation = {"type": "update_file", "path": named, "diff": diff or "@@\n"}
            return known, wanted, call("apply_patch", operation=operation)
        pairs: list[dict[str, str]] = []
        for hunk in hunks(known, wanted):
            old = "".join((*hunk.before[-1:], *hunk.old, *hunk.after[:1]))
            new = "".join((*hunk.before[-1:], *hunk.new, *hunk.after[:1]))
            if plain:
                old, new = old.replace("\r\n", "\n"), new.replace("\r\n", "\n")
            pairs.append({"oldString": old, "newString": new})
        return known, wanted, call(name, path=named, replacements=pairs or [_NOTHING])

    async def user_types(self) -> None:
        uri = self._some_buffer()
        if uri is None:
            return
        path = Path(_path(uri))
        before = await self.waiting()
        for _ in range(self.random.randint(1, 3)):
            self._type(uri)
        await self._view_is_sound(path, before)

    def _type(self, uri: str) -> None:
        text = self.editor.buffers[uri]
        parts: list[dict[str, Any]] = []
        for _ in range(self.random.randint(1, 2)):
            start, end = sorted((self._place(text), self._place(text)), key=_order)
            if self.random.random() < 0.7 or (start["line"] + 2 < end["line"]):
                end = start
            new = self.random.choice(("x", "😀", "é", "", "\n", self.line("U"), "\t\U0001d518"))
            where = {"start": start, "end": end}
            text = splice(text, [{"range": where, "newText": new}])
            parts.append({"range": where, "text": new})
        self.editor.undo[uri].append(self.editor.buffers[uri])
        self.editor.buffers[uri] = text
        self.editor.versions[uri] += 1
        identifier = {"uri": uri, "version": self.editor.versions[uri]}
        params = {"textDocument": identifier, "contentChanges": parts}
        self.editor.notify("textDocument/didChange", params)

    def _place(self, text: str) -> dict[str, int]:
        found = re.split(r"\r\n|\r|\n", text)
        line = self.random.randrange(len(found))
        at = self.random.randint(0, len(found[line]))
        return {"line": line, "character": len(found[line][:at].encode("utf-16-le")) // 2}

    async def user_saves(self) -> None:
        uris = [*self.editor.buffers, *self.editor.hidden]
        if not uris:
            return
        uri = self.random.choice(uris)
        path = Path(_path(uri))
        before = await self.waiting()
        text = self.editor.buffers.get(uri, self.editor.hidden.get(uri, ""))
        self._write(path, text)
        if uri in self.editor.buffers:
            self.editor.notify("textDocument/didSave", {"textDocument": {"uri": uri}})
        self.editor.hidden.pop(uri, None)
        await self._view_is_sound(path, before)

    async def user_undoes(self) -> None:
        uris = [uri for uri in self.editor.buffers if self.editor.undo[uri]]
        if not uris:
            return
        uri = self.random.choice(uris)
        before = await self.waiting()
        self.editor.change(uri, self.editor.undo[uri].pop())
        await self._view_is_sound(Path(_path(uri)), before)

    async def user_opens_or_closes(self) -> None:
        path = self.random.choice(self.paths)
        uri = path.as_uri()
        before = await self.waiting()
        if uri in self.editor.buffers:
            self.editor.close(uri)
        elif uri in self.editor.hidden:
            self._open(path, self.editor.hidden[uri])
        elif path.exists():
            self._open(path)
        await self._view_is_sound(path, before)

    async def program_writes(self) -> None:
        path = self.random.choice(self.paths)
        text, uri = self.decoded(path), path.as_uri()
        if text is None or uri in self.editor.hidden:
            return
        before = await self.waiting()
        new = self.mutated(text, "P")
        self._write(path, new)
        if self.editor.buffers.get(uri) == text:
            self.editor.undo[uri].append(text)
            self.editor.change(uri, new)
        await self._view_is_sound(path, before)

    async def file_goes_or_comes(self) -> None:
        path = self.random.choice(self.paths)
        uri = path.as_uri()
        before = await self.waiting()
        if path.exists() and uri not in self.editor.hidden:
            if uri in self.editor.buffers:
                self.editor.close(uri)
            path.unlink()
            self.boms[path] = b""
        elif not path.exists() and uri not in self.editor.buffers:
            self._write(path, "".join(self.line("R") for _ in range(4)))
        await self._view_is_sound(path, before)

    async def user_decides(self) -> None:
        before = await self.waiting()
        if not before:
            return
        some = self.random.choice(before)
        wanted = self.random.choice(({}, {"uri": some["uri"]}, {"hunk": some["id"]}))
        chosen = [
            each
            for each in before
            if wanted.get("uri", each["uri"]) == each["uri"]
            and wanted.get("hunk", each["id"]) == each["id"]
        ]
        bases = {each["uri"]: self.base(Path(_path(each["uri"]))) for each in before}
        if self.random.random() < 0.3:
            answer = await self.editor.command("inhouse.edits.reject", wanted)
            assert sorted(answer["rejected"]) == sorted(each["id"] for each in chosen)
            after = await self.waiting()
            assert _contents(after) == _contents(before, without=answer["rejected"])
            for uri, base in bases.items():
                assert self.base(Path(_path(uri))) == base
            return
        self.meanwhile.clear()
        self.types_meanwhile = self.random.choice((0, 0, 0.4))
        answer = await self.editor.command("inhouse.edits.apply", wanted)
        self.types_meanwhile = 0
        self.log.append(f"applied {answer}")
        after = await self.waiting()
        assert _contents(after) == _contents(before, without=answer["applied"])
        left = [each["id"] for each in chosen if each["id"] not in answer["applied"]]
        assert len(left) <= len(answer["problems"]) or not left, (left, answer)
        for uri, base in bases.items():
            done = [e for e in before if e["uri"] == uri and e["id"] in answer["applied"]]
            self._applied(Path(_path(uri)), base, done)

    def _applied(self, path: Path, base: str | None, done: list[dict[str, Any]]) -> None:
        now = self.base(path)
        if any(each["kind"] == "delete" for each in done):
            assert now is None
            return
        if not done:
            assert set(marks(now)) - set(self.meanwhile) == set(marks(base))
            return
        gone = {mark for each in done for mark in marks(each["old"])}
        come = {mark for each in done for mark in marks(each["new"])}
        expected = (set(marks(base)) - gone) | come | (set(self.meanwhile) & set(marks(now)))
        assert set(marks(now)) == expected, (set(marks(now)) ^ expected, done)
        _same_order(now, base)

    async def turn_is_undone(self) -> None:
        agent = self.random.choice(_AGENTS)
        bases = {path: self.base(path) for path in self.paths}
        before = await self.waiting()
        try:
            answer = await self.editor.command(
                "inhouse.session.undo", {"session": self.session(agent)}
            )
        except ServerError:
            answer = {"restored": []}
        self.log.append(f"undone {answer}")
        for path, base in bases.items():
            now = self.base(path)
            if path.as_uri() not in answer["restored"]:
                assert now == base, "undo changed what it did not name"
            else:
                lost = set(marks(base)) - set(marks(now))
                assert all(mark[0] == agent[0].upper() for mark in lost), f"undo took {lost}"
        after = _ids(await self.waiting())
        assert set(after) <= set(_ids(before))
        gone = [each for each in before if each["id"] not in after]
        assert all(each["agent"] == agent for each in gone), "undo dropped another's proposal"
        for path in self.paths:
            self.known.pop((agent, path), None)

    async def restarts(self) -> None:
        before = await self.waiting()
        buffers = dict(self.editor.buffers)
        for uri in list(self.editor.hidden):  # A buffer that nobody saved goes with its editor.
            self._write(Path(_path(uri)), self.editor.hidden[uri])
        if self.random.random() < 0.5:
            self.editor.process.kill()
            await self.editor.process.wait()
        await self._stack.aclose()
        await self.start({_path(uri): text for uri, text in buffers.items()})
        after = await self.waiting()
        assert _contents(after) == _contents(before), "a restart lost a proposal"
        self.known.clear()
        for agent in _AGENTS:
            self.sessions[agent] += 1

    # Parts of steps.

    def name(self, path: Path) -> str:
        return path.relative_to(self.project.folder).as_posix()

    def session(self, agent: str) -> str:
        return f"{agent}-{self.sessions[agent]}"

    def _some_buffer(self) -> str | None:
        return self.random.choice(list(self.editor.buffers)) if self.editor.buffers else None

    async def run(self, agent: str, *calls: Call) -> list[str]:
        """Have an agent make calls in one turn of its session; give what it was told."""
        self.project.server.play(*calls)
        self.project.server.play("done")
        argument = {"agent": agent, "prompt": "go", "session": self.session(agent)}
        started = await self.editor.command("inhouse.run", argument)
        result = await self.editor.ended(started["runId"])
        assert result["status"] == "completed", result
        told = self.project.server.chats[-1].body["messages"]
        return [each["content"] for each in told if each["role"] == "tool"][-len(calls) :]

    async def run_both(self, calls: list[Call]) -> list[str]:
        """Have both agents make one call each, at the same time."""
        runs: list[str] = []
        for agent, one in zip(_AGENTS, calls, strict=True):
            self.project.server.play(one, model=f"{agent}-model")
            self.project.server.play("done", model=f"{agent}-model")
            argument = {
                "agent": agent,
                "prompt": "go",
                "session": self.session(agent),
                "model": f"{agent}-model",
                "streamToken": f"{agent}-{self.number}",
            }
            runs.append((await self.editor.command("inhouse.run", argument))["runId"])
        for run_id in runs:
            result = await self.editor.ended(run_id)
            assert result["status"] == "completed", result
        self.notices = [
            event
            for agent in _AGENTS
            for event in self.editor.events(f"{agent}-{self.number}")
            if event["kind"] == "notice"
        ]
        told: list[str] = []
        for agent in _AGENTS:
            chats = [c for c in self.project.server.chats if c.body["model"] == f"{agent}-model"]
            results = [m["content"] for m in chats[-1].body["messages"] if m["role"] == "tool"]
            told.append(results[-1])
        return told

    async def _view_is_sound(self, path: Path, before: list[dict[str, Any]]) -> None:
        """What the user did keeps each proposal; what fits is seen, and all that the user has."""
        after = await self.waiting()
        assert _contents(after) == _contents(before), "a proposal went because somebody typed"
        base, view = self.base(path), await self.view(path)
        here = [each for each in after if each["uri"] == path.as_uri() and each["fits"]]
        if any(each["kind"] == "delete" for each in here):
            assert view is None
            return
        for each in here:
            if each["kind"] == "change":
                found = _in_range(base or "", each["range"])
                assert found == each["old"], (found, each)
        gone = {mark for each in here for mark in marks(each["old"])}
        come = {mark for each in here for mark in marks(each["new"])}
        # Two that fit alone may overlap: what is seen has one of them.
        assert set(marks(base)) - gone <= set(marks(view))
        assert set(marks(view)) <= (set(marks(base)) | come)
        _same_order(view, base)

    def _check(
        self,
        failed: bool,
        before: str | None,
        known: str | None,
        wanted: str | None,
        after: str | None,
        *,
        typed: tuple[str, ...],
        partly: bool,
    ) -> None:
        """Check what an agent's call made of a file: both sides' lines, and no others."""
        if failed:
            assert set(marks(after)) - set(typed) == set(marks(before)), "a failed call wrote"
            return
        was, mine, theirs, now = (set(marks(t)) for t in (known, wanted, before, after))
        typed_now = set(typed) & now
        assert set(typed) <= now, f"lost what was typed meanwhile: {set(typed) - now}"
        now -= typed_now
        if partly:
            mine &= now | was
        assert mine - was <= now, f"told as done and lost: {mine - was - now}"
        assert theirs - was <= now, f"lost what others wrote: {theirs - was - now}"
        assert partly or not now & (was - mine), f"did not go: {now & (was - mine)}"
        assert now <= theirs | mine, f"came from nowhere: {now - theirs - mine}"
        assert not now & (was - theirs - (mine - was)), "came back"
        assert (theirs & was & mine) <= now, f"lost: {(theirs & was & mine) - now}"
        if wanted is None:
            assert after is None
            return
        if partly:
            return
        _same_order(after, before)
        _same_order(after, wanted)
        _same_bytes(after, before, wanted)


_PARTLY = "Not everything was replaced"
_NOTHING = {"oldString": "no such text", "newString": "x"}


def _failed(result: str) -> bool:
    try:
        value = json.loads(result)
    except ValueError:
        return True
    return not isinstance(value, dict) or "errorMessage" in value


def _order(place: dict[str, int]) -> tuple[int, int]:
    return place["line"], place["character"]


def _path(uri: str) -> str:
    from urllib.parse import unquote, urlparse

    return unquote(urlparse(uri).path)


def _ids(waiting: list[dict[str, Any]]) -> list[str]:
    return sorted(each["id"] for each in waiting)


def _contents(waiting: list[dict[str, Any]], without: list[str] | None = None) -> list[Any]:
    return sorted(
        (each["id"], each["uri"], each["kind"], each["old"], each["new"])
        for each in waiting
        if each["id"] not in (without or ())
    )


def _in_range(text: str, where: dict[str, Any]) -> str:
    marked = splice(text, [{"range": where, "newText": "\0"}])
    left, _, right = marked.partition("\0")
    return text[len(left) : len(text) - len(right)]


def _same_order(one: str | None, other: str | None) -> None:
    mine, theirs = marks(one), marks(other)
    both = set(mine) & set(theirs)
    left = [mark for mark in mine if mark in both]
    right = [mark for mark in theirs if mark in both]
    assert left == right, f"lines changed their order: {left} {right}"


def _same_bytes(now: str | None, before: str | None, wanted: str | None) -> None:
    """Lines that nobody touched keep their bytes, but for the end of a last one."""
    olds = {line.rstrip("\r\n"): line for line in lines(before or "")}
    wants = {line.rstrip("\r\n"): line for line in lines(wanted or "")}
    for line in lines(now or ""):
        bare = line.rstrip("\r\n")
        if not marks(bare) or bare not in olds:
            continue
        if not olds[bare].endswith("\n") or not line.endswith("\n"):
            continue
        if bare in wants and wants[bare] != olds[bare]:
            continue
        assert line == olds[bare], f"bytes of a line that nobody touched: {olds[bare]!r} {line!r}"
