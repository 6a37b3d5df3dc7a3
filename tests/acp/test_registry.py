"""The entry for the ACP registry, held to what the registry's own checks want."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

from inhouse import __version__
from inhouse.acp.transport import initialize_result
from support.terminal import Terminal

ENTRY = Path(__file__).parents[2] / "packaging" / "acp-registry" / "inhouse"
KNOWN = {"id", "name", "version", "description", "repository", "website", "authors", "license"}


def test_the_manifest_is_as_the_registry_wants_it_and_of_this_version() -> None:
    agent = json.loads((ENTRY / "agent.json").read_text("utf-8"))

    assert agent["id"] == ENTRY.name
    assert re.fullmatch(r"[a-z][a-z0-9-]*", agent["id"])
    assert set(agent) <= {*KNOWN, "distribution"}
    assert all(agent[name] for name in ("name", "description", "license"))
    assert agent["version"] == __version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", agent["version"])
    assert agent["distribution"] == {
        "uvx": {"package": f"inhouse=={__version__}", "args": ["acp"]},
    }


def test_the_icon_is_16_by_16_and_takes_the_themes_colour() -> None:
    text = (ENTRY / "icon.svg").read_text("utf-8")
    root = ET.fromstring(text)

    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("16", "16", "0 0 16 16")
    assert "<!--" not in text
    assert "style" not in text
    colours = {each.get(name) for each in root.iter() for name in ("fill", "stroke")} - {None}
    assert "currentColor" in colours
    assert colours <= {"currentColor", "none"}


def test_who_can_start_a_terminal_is_offered_to_add_an_endpoint_and_nobody_else() -> None:
    assert initialize_result()["authMethods"] == []
    assert initialize_result({"auth": {"terminal": "yes"}, "_meta": 7})["authMethods"] == []
    for said in ({"auth": {"terminal": True}}, {"_meta": {"terminal-auth": True}}):
        [method] = initialize_result(said)["authMethods"]
        assert (method["type"], method["args"]) == ("terminal", ["--add-endpoint"])


def test_what_a_client_starts_in_a_terminal_adds_an_endpoint(terminal: Terminal) -> None:
    [method] = initialize_result({"auth": {"terminal": True}})["authMethods"]

    done = terminal("acp", *method["args"])

    assert "inhouse endpoint add NAME --url URL" in done.out + done.err
    assert "Traceback" not in done.err
