"""What the doctor says: each finding with the step that repairs it."""

from collections.abc import Sequence

from inhouse.core.route import Endpoint, Finding
from inhouse.providers.endpoints.endpoint_errors import ModelRef
from inhouse.providers.endpoints.locality import Verdict

AGENT_WINDOW = 16_384
"""In tokens: an agent that reads files needs at least about this much."""
SLOW_SECONDS = 15.0


def setting(endpoint: Endpoint, key: str) -> str:
    return ModelRef(endpoint, "").setting(key)


def small_window(endpoint: Endpoint, model: str, window: int) -> Finding | None:
    if window >= AGENT_WINDOW:
        return None
    name = setting(endpoint, "contextWindow")
    larger = endpoint.kind.profile.larger_window
    remedy = larger or f"Start it with a larger window, or set {name}."
    return Finding(
        "warning",
        f"The window of {model!r} holds {window:,} tokens, which is small for an agent that "
        "reads files.",
        remedy,
    )


def truncated(endpoint: Endpoint, model: str, what: str) -> Finding:
    """Report that a run's server silently read less than it was sent."""
    remedy = endpoint.kind.profile.larger_window or "Start it with a larger window."
    return Finding(
        "warning",
        f"{model!r} got a prompt that the server silently cut: {what}.",
        f"{remedy}  Or set the real window in {setting(endpoint, 'contextWindow')}: Inhouse then "
        "refuses a prompt that does not fit.",
    )


def through_proxy(endpoint: Endpoint, proxy: str) -> Finding:
    return Finding(
        "information",
        f"It is reached through the proxy {proxy}, which sees the host"
        + ("." if endpoint.base_url.startswith("https:") else ", and the content."),
        "To connect without it, add the host to NO_PROXY.",
    )


def dialect(model: str, traits: Sequence[str]) -> Finding:
    """Report what runs have learnt from this server's refusals."""
    return Finding(
        "information",
        f"{model!r} refused some requests.  Inhouse now sends it: {'; '.join(traits)}.",
        "You do not need to do anything.",
    )


def no_tools(endpoint: Endpoint, model: str) -> Finding:
    how = endpoint.kind.profile.tools_remedy or "Choose a model with tool support"
    return Finding(
        "warning",
        f"{model!r} has no native tool calls, so Inhouse describes the tools in the text.",
        f'{how}, or set {setting(endpoint, "tools")} to "schema".',
    )


def cloud_model(model: str) -> Finding:
    return Finding(
        "warning",
        f"{model!r} does not run on this machine: Ollama forwards it to its cloud.",
        "If code must not leave this machine, use another model.  With local-only, this one is "
        "refused.",
    )


def not_local(verdict: Verdict, *, refused: bool) -> Finding:
    severity = "error" if refused else "warning"
    return Finding(severity, f"Not verified to be local: {verdict.reason}", verdict.remedy)


def missing_model(endpoint: Endpoint, model: str, known: tuple[str, ...]) -> Finding:
    has = f"  It has: {', '.join(known[:10])}." if known else ""
    return Finding(
        "warning",
        f"The server has no model {model!r}, which agents name.{has}",
        f"Map the name with {setting(endpoint, 'models')}, or route those agents elsewhere.",
    )


def lacks_v1(endpoint: Endpoint, better: str) -> Finding:
    return Finding(
        "error",
        f"There is no Chat Completions API at {endpoint.base_url}, but there is one at {better}.",
        f"Set {setting(endpoint, 'baseUrl')} to {better}.",
    )


def is_ollama(endpoint: Endpoint) -> Finding:
    return Finding(
        "warning",
        "This is Ollama's OpenAI-compatible API.  It cannot set the window, and it silently cuts "
        "the beginning of a long prompt (its default is 4k tokens on small machines).",
        f'Set {setting(endpoint, "kind")} to "ollama".',
    )


def window_note(endpoint: Endpoint, note: str) -> Finding:
    """Report what is good to know about this kind of server's windows."""
    remedy = f"To fix the size, set {setting(endpoint, 'contextWindow')}."
    return Finding("information", note, remedy)


def slow_first_token(model: str, seconds: float) -> Finding:
    return Finding(
        "warning",
        f"The first token of {model!r} took {seconds:.0f} s for a tiny prompt.",
        "Use a smaller model or a quantised one, or offload layers to the GPU; long prompts take "
        "much longer.",
    )


def no_models(endpoint: Endpoint) -> Finding:
    how = endpoint.kind.profile.no_models_remedy or "Start the server with a model."
    return Finding("error", "The server has no model.", how)
