"""``inhouse`` without a command: says what to do next."""

import argparse

from . import COMPLETED, output
from .open_host import open_host

_COMMANDS = """\
  inhouse run ask "What is in this folder?"    ask something
  inhouse chat                                 talk with an agent
  inhouse agents                               list the agents, and where each would run
  inhouse new reviewer                         write your own agent
  inhouse setup neovim                         set up an editor (also emacs, helix, sublime, zed)
  inhouse doctor                               check each endpoint
  inhouse COMMAND --help                       show the options of a command
"""


async def welcome(options: argparse.Namespace) -> int:
    """Say what to do next."""
    async with open_host(options) as host:
        endpoints = host.endpoints()
    console = output.report()
    console.print("Inhouse runs AI agents on models you choose.\n", style="bold")
    if not endpoints:
        console.print("First add a model:\n")
        console.print(
            "  inhouse endpoint add     find Ollama, LM Studio, llama.cpp or vLLM, or add a "
            "service\n"
            "  inhouse model install    install a small model that runs inside Inhouse\n",
            markup=False,
        )
        console.print("Then:\n")
    console.print(_COMMANDS.rstrip(), markup=False)
    return COMPLETED
