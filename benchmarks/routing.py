"""How many routing decisions a second of the processor: `python benchmarks/routing.py`."""

import json
import time

from inhouse.core.definition import AgentDefinition, LocalProvider
from inhouse.providers.routing.choose import choose
from inhouse.settings import editor_layer, read_settings

COUNT = 5_000
AGENT = AgentDefinition("file-picker", "F", "anthropic/claude-sonnet-4.5")
SETTINGS, _ = read_settings(
    [
        editor_layer(
            {
                "endpoints": {
                    "ollama": {"kind": "ollama"},
                    "team": {"baseUrl": "https://llm.example.com/v1", "models": {"*": "big"}},
                },
                "routes": [{"agents": f"other-{i}-*", "endpoint": "team"} for i in range(20)],
                "defaultEndpoint": "team",
                "privacy": "ask",
            }
        )
    ]
)
CASES = {
    "definition": {
        "definition": AgentDefinition(
            "a", "A", "m", local_provider=LocalProvider("http://localhost:1234/v1")
        )
    },
    "environment": {"environment": {"CODEBUFF_LOCAL_BASE_URL": "http://localhost:11434"}},
    "default, after 20 routes, remote": {},
    "request": {"request_endpoint": "ollama"},
}


def decisions_per_second(case: dict) -> float:
    arguments = {"definition": AGENT, "settings": SETTINGS, "environment": {}} | case
    definition = arguments.pop("definition")
    began = time.process_time()
    for _ in range(COUNT):
        choose(definition, **arguments)
    return COUNT / (time.process_time() - began)


def main() -> None:
    print(
        json.dumps(
            {
                "decisionsPerSecond": {
                    name: round(max(decisions_per_second(case) for _ in range(3)))
                    for name, case in CASES.items()
                }
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
