"""Servers built from their documented formats: what each answers beside the chat.

``routes(…)`` makes one step for `Replay` out of paths and answers; a path that is missing is a 404.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from support.replay import http_head, http_json

Steps = list[Any]


def routes(table: Mapping[str, Any], *, otherwise: Any = None) -> Steps:
    """Each value is a JSON value, a list of steps, or a function of the request's body."""

    def step(request: bytes) -> Steps:
        path = request.split(b" ", 2)[1].decode().partition("?")[0]
        answer = table.get(path, otherwise)
        if isinstance(answer, Callable):
            body = request.partition(b"\r\n\r\n")[2]
            answer = answer(json.loads(body) if body else None)
        if answer is None:
            return http_json({"error": {"message": f"no {path}"}}, 404)
        if isinstance(answer, list):
            return answer
        return http_json(answer)

    return [step]


def ollama(
    *,
    chat: Any = None,
    window: int = 40960,
    capabilities: tuple[str, ...] = ("completion", "tools"),
    loaded: int | None = None,
    remote: bool = False,
    model: str = "qwen3:4b",
) -> Steps:
    cloud = {"remote_host": "https://ollama.com:443", "remote_model": "qwen3:480b"}
    extra = cloud if remote else {}
    tag = {"name": model, "model": model, "size": 2_500_000_000, **extra}
    shown = {
        "capabilities": list(capabilities),
        "model_info": {"general.architecture": "qwen3", "qwen3.context_length": window},
        **extra,
    }
    running = [{"name": model, "model": model, "context_length": loaded}] if loaded else []
    return routes(
        {
            "/api/tags": {"models": [tag]},
            "/api/show": shown,
            "/api/ps": {"models": running},
            "/api/chat": chat,
            "/": [http_head(200, "text/plain"), b"Ollama is running"],
        }
    )


def llama_cpp(*, chat: Any = None, window: int = 4096, tools: bool = True, count: int = 0) -> Steps:
    template = "{% if tools %}{{ tools }}{% endif %}{{ messages }}" if tools else "{{ messages }}"
    return routes(
        {
            "/props": {
                "default_generation_settings": {"n_ctx": window},
                "chat_template": template,
            },
            "/v1/models": {"data": [{"id": "local.gguf", "owned_by": "llamacpp"}]},
            "/apply-template": {"prompt": "x"},
            "/tokenize": {"tokens": list(range(count))},
            "/v1/chat/completions": chat,
        }
    )


def lm_studio(*, chat: Any = None, window: int = 4096, answers: str = "qwen") -> Steps:
    entry = {
        "id": "qwen",
        "state": "loaded",
        "loaded_context_length": window,
        "max_context_length": 131072,
    }
    return routes({"/api/v0/models": {"data": [entry]}, "/v1/chat/completions": chat})


def openrouter_like(*, chat: Any = None, key: Any = None) -> Steps:
    entry = {
        "id": "anthropic/claude-sonnet-4.5",
        "context_length": 200000,
        "pricing": {"prompt": "0.000003", "completion": "0.000015"},
        "top_provider": {"context_length": 200000},
    }
    table = {"/v1/models": {"data": [entry]}, "/v1/key": key, "/v1/chat/completions": chat}
    return routes(table)


def litellm(*, base: str | None, chat: Any = None, model: str = "team") -> Steps:
    parameters = {"model": "openai/x", **({"api_base": base} if base else {})}
    info = {"model_name": model, "litellm_params": parameters, "model_info": {"max_tokens": 8192}}
    return routes(
        {
            "/model/info": {"data": [info]},
            "/v1/models": {"data": [{"id": model, "owned_by": "openai"}]},
            "/v1/chat/completions": chat,
        }
    )


def vllm(*, chat: Any = None, window: int = 32768) -> Steps:
    models = {"data": [{"id": "m", "owned_by": "vllm", "max_model_len": window}]}
    return routes({"/v1/models": models, "/v1/chat/completions": chat})
