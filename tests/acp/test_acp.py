"""``inhouse acp`` as a client has it: a real process, the SDK's own client, a scripted model."""

import asyncio
import json
import sys
from pathlib import Path

import acp
import pytest
from acp import schema

from inhouse.acp.transport import initialize_result
from support.acp_client import Opened, Person, open_agent
from support.model_server import ModelServer, Pause, Usage, call
from support.terminal import Terminal

TRUST = "Trust this workspace"


async def started(place: Terminal, opened: Opened) -> str:
    answer = await opened.agent.new_session(cwd=str(place.workspace), mcp_servers=[])
    return answer.session_id


async def test_initialize_says_what_is_true(place: Terminal) -> None:
    schema.InitializeResponse.model_validate(initialize_result())
    async with open_agent(place.environment) as opened:
        assert opened.hello.protocol_version == 1
        assert opened.hello.agent_info.name == "inhouse"
        assert opened.hello.auth_methods == []
        with pytest.raises(acp.RequestError, match="No session 'nothing' is open"):
            await opened.ask("nothing", "hello")


async def test_a_turn_streams_exactly_what_the_model_says(
    place: Terminal, server: ModelServer
) -> None:
    pieces = ["Hel", "lo ", "wörld\n", "\U0001f600", "```py\n", "x\t=  1\n", "```", "\u2028 end "]
    server.play(*pieces)
    async with open_agent(place.environment, Person(choose=[TRUST])) as opened:
        session = await started(place, opened)

        done = await opened.ask(session, "Say hello")

        assert done.stop_reason == "end_turn"
        assert done.usage.total_tokens >= 0
        ran = done.field_meta["inhouse"]
        assert (ran["route"]["endpoint"], ran["route"]["model"]) == ("test", "some/model")
        assert opened.person.text() == "".join(pieces)
        titles = [each.title for each in opened.person.of("session_info_update")]
        assert titles == ["Say hello"]
        commands = opened.person.of("available_commands_update")[-1].available_commands
        assert {"helper", "other", "compact"} <= {each.name for each in commands}


async def test_a_session_goes_on_with_what_was_said(place: Terminal, server: ModelServer) -> None:
    server.play("One.")
    server.play("Two.")
    async with open_agent(place.environment, Person(choose=[TRUST])) as opened:
        session = await started(place, opened)
        await opened.ask(session, "first question")
        await opened.ask(session, "second question")
        done = await opened.ask(session, "/compact")
        assert done.stop_reason == "end_turn"
        assert "nothing to compact" in opened.person.text()

    assert len(server.chats) == 2
    sent = json.dumps(server.chats[-1].body["messages"])
    assert "first question" in sent
    assert "One." in sent
    assert "second question" in sent


async def test_trust_is_asked_before_anything_of_a_workspace_runs(
    place: Terminal, server: ModelServer
) -> None:
    async with open_agent(place.environment, Person(choose=["Not now"])) as opened:
        session = await started(place, opened)
        with pytest.raises(acp.RequestError, match="trust"):
            await opened.ask(session, "hello")

    assert server.requests == []
    _, options = opened.person.questions[0]
    assert options[0].kind == "reject_once"


async def test_a_client_that_cannot_ask_gets_the_safe_answer(
    place: Terminal, server: ModelServer
) -> None:
    async with open_agent(place.environment) as opened:
        session = await started(place, opened)
        with pytest.raises(acp.RequestError):
            await opened.ask(session, "hello")
    assert server.requests == []


async def test_an_edit_is_asked_for_with_its_diff_and_made(
    place: Terminal, server: ModelServer
) -> None:
    path = place.workspace / "a.txt"
    path.write_bytes(b"one\r\ntwo\r\n")
    server.play(call("read_files", paths=["a.txt"]))
    replacement = {"oldString": "two", "newString": "TWO"}
    server.play(call("str_replace", path="a.txt", replacements=[replacement]))
    server.play("Done.")
    async with open_agent(place.environment, Person(choose=[TRUST, "Apply"])) as opened:
        session = await started(place, opened)
        await opened.ask(session, "shout")

    assert path.read_bytes() == b"one\r\nTWO\r\n"
    tool_call, options = opened.person.questions[1]
    assert options[0].kind == "reject_once"
    [diff] = tool_call.content
    assert (diff.type, diff.path) == ("diff", str(path))
    assert "TWO" in diff.new_text
    assert "two" in diff.old_text
    starts = {each.title: each for each in opened.person.of("tool_call")}
    assert starts["Edit a.txt"].kind == "edit"
    assert starts["Edit a.txt"].locations[0].path == str(path)
    assert starts["Read a.txt"].kind == "read"
    assert opened.person.of("tool_call_update")[-1].status == "completed"


async def test_a_rejected_edit_leaves_the_file(place: Terminal, server: ModelServer) -> None:
    path = place.workspace / "a.txt"
    path.write_text("one\n")
    server.play(call("read_files", paths=["a.txt"]))
    replacement = {"oldString": "one", "newString": "ONE"}
    server.play(call("str_replace", path="a.txt", replacements=[replacement]))
    server.play("Well.")
    async with open_agent(place.environment, Person(choose=[TRUST, "Reject"])) as opened:
        session = await started(place, opened)
        await opened.ask(session, "shout")
    assert path.read_text() == "one\n"


async def test_unsaved_text_of_the_client_is_read_and_written_there(
    place: Terminal, server: ModelServer
) -> None:
    path = place.workspace / "a.txt"
    path.write_text("saved\n")
    server.play(call("read_files", paths=["a.txt"]))
    replacement = {"oldString": "typed", "newString": "TYPED"}
    server.play(call("str_replace", path="a.txt", replacements=[replacement]))
    server.play("Done.")
    person = Person(choose=[TRUST, "Apply"], files={str(path): "typed\n"})
    async with open_agent(place.environment, person, fs=True) as opened:
        session = await started(place, opened)
        await opened.ask(session, "shout")
    assert "typed" in json.dumps(server.chats[1].body["messages"])
    assert person.written == {str(path): "TYPED\n"}
    assert path.read_text() == "saved\n"


async def test_a_command_is_asked_for_whole_and_its_output_is_shown(
    place: Terminal, server: ModelServer
) -> None:
    server.play(call("run_terminal_command", command="echo out-$((40 + 2))"))
    server.play("Done.")
    async with open_agent(place.environment, Person(choose=[TRUST, "Run once"])) as opened:
        session = await started(place, opened)
        await opened.ask(session, "count")
    tool_call, options = opened.person.questions[1]
    shown = tool_call.title + "".join(
        each.content.text for each in tool_call.content or [] if each.type == "content"
    )
    assert "echo out-$((40 + 2))" in shown
    assert options[0].kind == "reject_once"
    texts = json.dumps([u.model_dump() for u in opened.person.of("tool_call_update")])
    assert "out-42" in texts


APPLY = 'edits = "apply"\n'


async def test_a_command_runs_in_the_clients_terminal_without_the_clients_variables(
    place: Terminal, server: ModelServer
) -> None:
    place.user_settings(
        f'{APPLY}defaultEndpoint = "test"\n[endpoints.test]\nbaseUrl = "{server.base_url}"\n'
    )
    command = "echo out-$((40 + 2)); echo ${SECRET_OF_THE_CLIENT:-nothing}; pwd; exit 3"
    server.play(call("run_terminal_command", command=command))
    server.play("Done.")
    person = Person(choose=[TRUST, "Run once"])
    async with open_agent(place.environment, person, terminal=True) as opened:
        session = await started(place, opened)
        await opened.ask(session, "count")
        await person.used("release")
    assert command in person.terminal_calls[0][1]
    contents = [each for u in person.of("tool_call_update") for each in u.content or []]
    assert "terminal-0" in [each.terminal_id for each in contents if each.type == "terminal"]
    told = json.loads(server.chats[-1].body["messages"][-1]["content"])
    assert (told["exitCode"], told["stdout"].split()) == (
        3,
        ["out-42", "nothing", str(place.workspace)],
    )
    assert told["startingCwd"] == "."


async def test_a_command_in_the_clients_terminal_ends_with_its_turn(
    place: Terminal, server: ModelServer
) -> None:
    place.user_settings(
        f'{APPLY}defaultEndpoint = "test"\n[endpoints.test]\nbaseUrl = "{server.base_url}"\n'
    )
    server.play(call("run_terminal_command", command="sleep 300"))
    person = Person(choose=[TRUST, "Run once"])
    async with open_agent(place.environment, person, terminal=True) as opened:
        session = await started(place, opened)
        turn = asyncio.create_task(opened.ask(session, "wait"))
        await person.used("wait")
        await opened.agent.cancel(session_id=session)
        assert (await turn).stop_reason == "cancelled"
        await person.used("release")
        assert [name for name, _ in person.terminal_calls][-2:] == ["kill", "release"]


@pytest.mark.parametrize("settings", ['privacy = "local-only"\n' + APPLY, 'edits = "review"\n'])
async def test_a_command_that_needs_the_sandbox_never_runs_in_the_clients_terminal(
    place: Terminal, server: ModelServer, settings: str
) -> None:
    place.user_settings(
        f'{settings}defaultEndpoint = "test"\n[endpoints.test]\nbaseUrl = "{server.base_url}"\n'
    )
    (place.workspace / "a.txt").write_text("one\n")
    server.play(call("write_file", path="a.txt", content="two\n", instructions="x"))
    server.play(call("run_terminal_command", command="echo made > made.txt"))
    server.play("Done.")
    person = Person(choose=[TRUST, "Run once", "Reject"])
    async with open_agent(place.environment, person, terminal=True) as opened:
        session = await started(place, opened)
        await opened.ask(session, "go")
    assert person.terminal_calls == []
    assert "exitCode" in server.chats[-1].body["messages"][-1]["content"]


async def test_cancel_ends_the_turn_and_closes_the_models_connection(
    place: Terminal, server: ModelServer
) -> None:
    server.play("Begin", Pause(30), "never")
    async with open_agent(place.environment, Person(choose=[TRUST])) as opened:
        session = await started(place, opened)
        turn = asyncio.create_task(opened.ask(session, "go"))
        await opened.person.heard("Begin")

        await opened.agent.cancel(session_id=session)

        assert (await turn).stop_reason == "cancelled"
        assert opened.person.text() == "Begin"


async def test_a_client_that_goes_takes_its_runs_with_it(
    place: Terminal, server: ModelServer
) -> None:
    server.play("Begin", Pause(30), "never")
    async with open_agent(place.environment, Person(choose=[TRUST])) as opened:
        session = await started(place, opened)
        turn = asyncio.create_task(opened.ask(session, "go"))
        await opened.person.heard("Begin")
    turn.cancel()
    assert opened.process.returncode == 0
    assert "Traceback" not in "".join(opened.stderr)


async def test_sub_agents_are_tool_calls_and_their_text_is_no_answer(
    place: Terminal, server: ModelServer
) -> None:
    server.play(call("spawn_agents", agents=[{"agent_type": "other", "prompt": "look"}]))
    server.play("I looked.")
    server.play("It looked.")
    async with open_agent(place.environment, Person(choose=[TRUST])) as opened:
        session = await started(place, opened)
        await opened.ask(session, "/helper go")
    assert opened.person.text() == "It looked."
    [child] = [each for each in opened.person.of("tool_call") if each.title == "Agent other"]
    ends = [u for u in opened.person.of("tool_call_update") if u.tool_call_id == child.tool_call_id]
    assert ends[-1].status == "completed"
    assert ends[-1].content[0].content.text == "I looked."


async def test_todos_are_a_plan(place: Terminal, server: ModelServer) -> None:
    todos = [{"task": "a", "completed": True}, {"task": "b", "completed": False}]
    server.play(call("write_todos", todos=todos))
    server.play("Done.")
    async with open_agent(place.environment, Person(choose=[TRUST])) as opened:
        session = await started(place, opened)
        await opened.ask(session, "plan")
    [plan] = opened.person.of("plan")
    assert [(e.content, e.status) for e in plan.entries] == [("a", "completed"), ("b", "pending")]


async def test_a_file_is_named_and_an_attached_text_comes_along(
    place: Terminal, server: ModelServer
) -> None:
    (place.workspace / "b.py").write_text("x = 1\n")
    (place.workspace / "c.py").write_text("one = 1\ntwo = 2\nthree = 3\nfour = 4\n")
    server.play("Done.")
    link = acp.resource_link_block("b.py", (place.workspace / "b.py").as_uri())
    text = acp.embedded_text_resource("file:///elsewhere/c.py", "``` y = 2\n")
    async with open_agent(place.environment, Person(choose=[TRUST])) as opened:
        session = await started(place, opened)
        odd = [
            acp.resource_link_block("c.py", f"{(place.workspace / 'c.py').as_uri()}#L2:3"),
            acp.resource_link_block("page", "https://pages.example/x"),
            acp.resource_link_block("broken", "file://[not a host"),
        ]
        blob = schema.BlobResourceContents(blob="aGk=", uri="file:///elsewhere/x.bin")
        prompt = [acp.text_block("Explain "), link, *odd, acp.resource_block(text)]
        prompt += [acp.resource_block(blob), acp.audio_block("aGk=", "audio/wav")]
        await opened.agent.prompt(session_id=session, prompt=prompt)
    sent = json.dumps(server.chats[0].body["messages"])
    assert "b.py" in sent
    assert "y = 2" in sent
    assert "three = 3" in sent
    assert "four = 4" not in sent
    assert "https://pages.example/x" in sent
    thoughts = opened.person.text("agent_thought_chunk")
    assert "x.bin (not text)" in thoughts
    assert "'audio'" in thoughts


async def test_options_are_never_wider_than_the_settings(
    place: Terminal, server: ModelServer
) -> None:
    place.user_settings(
        'privacy = "ask"\ndefaultEndpoint = "test"\n'
        f'[endpoints.test]\nbaseUrl = "{server.base_url}"\n'
    )
    server.play("Done.")
    async with open_agent(place.environment, Person(choose=[TRUST])) as opened:
        answer = await opened.agent.new_session(cwd=str(place.workspace), mcp_servers=[])
        options = {each.id: each for each in answer.config_options}
        assert [each.value for each in options["privacy"].options] == ["ask", "local-only"]
        assert [each.value for each in options["endpoint"].options] == ["", "test"]
        assert [each.value for each in options["model"].options] == ["", "some/model"]
        assert [each.id for each in answer.modes.available_modes] == ["review"]
        for option, value in (("privacy", "any"), ("edits", "apply"), ("nothing", "x")):
            with pytest.raises(acp.RequestError):
                await opened.agent.set_config_option(
                    session_id=answer.session_id, config_id=option, value=value
                )
        with pytest.raises(acp.RequestError):
            await opened.agent.set_session_mode(session_id=answer.session_id, mode_id="apply")
        changed = await opened.agent.set_config_option(
            session_id=answer.session_id, config_id="agent", value="other"
        )
        assert {o.id: o.current_value for o in changed.config_options}["agent"] == "other"
        await opened.agent.set_config_option(
            session_id=answer.session_id, config_id="privacy", value="local-only"
        )
        await opened.ask(answer.session_id, "go")
    assert server.requests[-1].method == "POST"


DEAD = 'defaultEndpoint = "dead"\n[endpoints.dead]\nbaseUrl = "http://127.0.0.1:9/v1"\n'
LOCAL = 'privacy = "local-only"\n'
FAR = '[endpoints.far]\nbaseUrl = "https://models.example/v1"\n'


@pytest.mark.parametrize(
    ("settings", "choose", "code", "says"),
    [
        (
            DEAD,
            TRUST,
            "unreachable",
            ("127.0.0.1:9", "in the options of this session"),
        ),
        ("", TRUST, "no-endpoint", ("No model serves 'helper' yet", "`inhouse endpoint add`")),
        (DEAD, "Not now", "untrusted", ("not trusted", "Send the prompt again")),
        (
            f'{LOCAL}defaultEndpoint = "far"\n{FAR}',
            TRUST,
            "refused",
            ("models.example is not this machine", "config.toml"),
        ),
    ],
)
async def test_what_is_wrong_is_told_with_what_to_do_in_this_client(
    place: Terminal, settings: str, choose: str, code: str, says: tuple[str, ...]
) -> None:
    place.user_settings(settings)
    async with open_agent(place.environment, Person(choose=[choose])) as opened:
        session = await started(place, opened)
        with pytest.raises(acp.RequestError) as error:
            await opened.ask(session, "hello")
        assert error.value.data["code"] == code
        for words in says:
            assert words in str(error.value)
        assert "`inhouse.endpoints" not in str(error.value)
        assert "--trust" not in str(error.value)


async def test_what_was_added_on_disk_counts_in_the_next_prompt(
    place: Terminal, server: ModelServer
) -> None:
    place.user_settings("")
    server.play("Here.")
    async with open_agent(place.environment, Person(choose=[TRUST])) as opened:
        session = await started(place, opened)
        with pytest.raises(acp.RequestError, match="No model serves"):
            await opened.ask(session, "hello")
        again = await opened.agent.resume_session(session_id=session, cwd=str(place.workspace))
        assert again.config_options
        forked = await opened.agent.fork_session(session_id=session, cwd=str(place.workspace))
        assert forked.session_id
        place.user_settings(
            f'defaultEndpoint = "test"\n[endpoints.test]\nbaseUrl = "{server.base_url}"\n'
        )
        await opened.ask(session, "hello again")
        assert opened.person.text() == "Here."


async def test_two_sessions_of_one_client_do_not_mix(place: Terminal, server: ModelServer) -> None:
    server.default = ["ok"]
    async with open_agent(place.environment, Person(choose=[TRUST])) as opened:
        one, two = await started(place, opened), await started(place, opened)
        await opened.ask(one, "alpha")
        await opened.ask(two, "beta")
    assert "alpha" not in json.dumps(server.chats[-1].body["messages"])


async def test_a_session_of_the_terminal_goes_on_here(place: Terminal, server: ModelServer) -> None:
    server.play("From the terminal.")
    begun = place("run", "helper", "first question", "--trust", "--json")
    session = begun.events[-1]["result"]["session"]
    server.play("From the client.")
    async with open_agent(place.environment, Person(choose=[TRUST])) as opened:
        listed = await opened.agent.list_sessions(cwd=str(place.workspace))
        assert [(one.session_id, one.title) for one in listed.sessions] == [
            (session, "first question")
        ]
        await opened.agent.load_session(
            cwd=str(place.workspace), session_id=session, mcp_servers=[]
        )
        assert opened.person.text("user_message_chunk") == "first question"
        assert opened.person.text() == "From the terminal."
        await opened.ask(session, "second question")
        assert opened.person.text() == "From the terminal.From the client."
        forked = await opened.agent.fork_session(
            session_id=session, cwd=str(place.workspace), mcp_servers=[]
        )
        assert forked.session_id != session
        with pytest.raises(acp.RequestError, match="nothing-like-it"):
            await opened.agent.load_session(
                cwd=str(place.workspace), session_id="nothing-like-it", mcp_servers=[]
            )
    sent = json.dumps(server.chats[-1].body["messages"])
    for said in ("first question", "From the terminal.", "second question"):
        assert said in sent


async def test_the_clients_mcp_servers_are_the_sessions(
    place: Terminal, server: ModelServer
) -> None:
    program = str(Path(__file__).parents[1] / "support" / "mcp_server.py")
    brought = schema.McpServerStdio(name="brought", command=sys.executable, args=[program], env=[])
    server.play("Done.")
    person = Person(choose=[TRUST, "Start it"])
    async with open_agent(place.environment, person) as opened:
        answer = await opened.agent.new_session(cwd=str(place.workspace), mcp_servers=[brought])
        await opened.ask(answer.session_id, "go")
    offered = [each["function"]["name"] for each in server.chats[-1].body["tools"]]
    assert [name for name in offered if name.startswith("brought")]


async def test_pictures_reach_the_model_and_are_there_again_when_the_session_is_loaded(
    place: Terminal, server: ModelServer
) -> None:
    server.play("A cat.")
    server.play("Still a cat.")
    picture = acp.image_block("iVBORw0KGgo=", "image/png")
    async with open_agent(place.environment, Person(choose=[TRUST])) as opened:
        assert opened.hello.agent_capabilities.prompt_capabilities.image is True
        session = await started(place, opened)
        wrong = [acp.image_block("no base64!", "image/png"), acp.image_block("aGk=", "text/html")]
        prompt = [acp.text_block("What is this?"), picture, *wrong]
        await opened.agent.prompt(session_id=session, prompt=prompt)
        thoughts = opened.person.text("agent_thought_chunk")
        assert "not base64" in thoughts
        assert "'text/html' is not the media type of a picture" in thoughts
    async with open_agent(place.environment, Person(choose=[TRUST])) as opened:
        await opened.agent.load_session(
            cwd=str(place.workspace), session_id=session, mcp_servers=[]
        )
        said = [each.content for each in opened.person.of("user_message_chunk")]
        assert [each.type for each in said] == ["text", "image"]
        assert (said[1].data, said[1].mime_type) == ("iVBORw0KGgo=", "image/png")
        await opened.ask(session, "and now?")
    for chat in server.chats:
        assert json.dumps(chat.body["messages"]).count("data:image/png;base64,iVBORw0KGgo=") == 1


async def test_tokens_window_and_cost_are_told_and_go_on_when_a_session_is_loaded(
    place: Terminal, server: ModelServer
) -> None:
    place.user_settings(
        'defaultEndpoint = "test"\n[endpoints.test]\ncontextWindow = 9000\n'
        f'baseUrl = "{server.base_url}"\n[endpoints.test.prices."*"]\ninput = 1.0\noutput = 2.0\n'
    )
    server.usage = Usage(1_000, 500)
    server.default = ["ok"]
    async with open_agent(place.environment, Person(choose=[TRUST])) as opened:
        session = await started(place, opened)
        await opened.ask(session, "one")
        await opened.ask(session, "two")
        told = [(u.used, u.size, u.cost.amount) for u in opened.person.of("usage_update")]
        assert told == [(1_500, 9_000, pytest.approx(0.002)), (1_500, 9_000, pytest.approx(0.004))]
    async with open_agent(place.environment, Person(choose=[TRUST])) as opened:
        await opened.agent.load_session(
            cwd=str(place.workspace), session_id=session, mcp_servers=[]
        )
        await opened.ask(session, "three")
        [usage] = opened.person.of("usage_update")
        assert (usage.cost.amount, usage.cost.currency) == (pytest.approx(0.006), "USD")


async def test_skills_are_commands_and_come_along_whoever_may_start_them(
    place: Terminal, server: ModelServer
) -> None:
    for name, more in (("greet", ""), ("deploy", "disable-model-invocation: true\n"), ("Bad", "")):
        folder = place.workspace / ".agents" / "skills" / name
        folder.mkdir(parents=True)
        text = f"---\nname: {name}\ndescription: How we {name}.\n{more}---\nSay {name} ahoy.\n"
        (folder / "SKILL.md").write_text(text)
    async with open_agent(place.environment, Person(choose=[TRUST])) as opened:
        session = await started(place, opened)
        await opened.ask(session, "/deploy the site")
        [told] = opened.person.of("available_commands_update")
    known = {each.name: each.description for each in told.available_commands}
    assert known["greet"] == "How we greet."
    assert {"helper", "deploy", "compact"} <= set(known)
    assert "Bad" not in known
    asked = next(m for m in server.chats[-1].body["messages"] if m["role"] == "user")["content"]
    assert asked.startswith("the site")
    assert "Say deploy ahoy." in asked
