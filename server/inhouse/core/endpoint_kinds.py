"""Every kind of endpoint, declared once: what its name implies and how to talk to its server.

To add a kind, add its name to `Kind` and its profile to `_declared` (docs/how-to/contribute.md). No
other module decides by a kind's name: it looks at a fact of `Kind.profile`, so that a new kind
never gets a default that nobody chose for it.
"""

from enum import Enum, StrEnum, auto
from urllib.parse import urlsplit

from attrs import frozen

from .dialect import MISTRAL, OPENAI_LIKE, STRICT_FIELDS, Dialect


class Kind(StrEnum):
    """What kind of server an endpoint is (docs/protocol.md, ``kind``)."""

    OPENAI = "openai"
    OLLAMA = "ollama"
    OPENROUTER = "openrouter"
    CODEBUFF = "codebuff"
    LMSTUDIO = "lmstudio"
    LLAMACPP = "llamacpp"
    VLLM = "vllm"
    LITELLM = "litellm"
    EMBEDDED = "embedded"

    @property
    def profile(self) -> "KindProfile":
        """Return what is declared about this kind."""
        return _PROFILES[self]


class ChatApi(Enum):
    """Which API is asked for an answer."""

    COMPLETIONS = auto()
    """``POST chat/completions``, as OpenAI documents it."""
    OLLAMA = auto()
    """``POST /api/chat``, which lets the client choose the window."""
    CODEBUFF = auto()
    """Chat Completions within a run that is started and finished at the backend."""
    EMBEDDED = auto()
    """Chat Completions of a llama.cpp server that Inhouse starts when it is first asked."""


class RequestOptions(Enum):
    """Whose field names ``reasoningOptions`` and ``providerOptions`` are sent under."""

    NONE = auto()
    OPENROUTER = auto()
    """``reasoning``, ``provider``, ``usage.include``."""
    TEMPLATE = auto()
    """``chat_template_kwargs.enable_thinking``."""
    EFFORT = auto()
    """``reasoning_effort``."""


class ModelListApi(Enum):
    """Where the models are listed."""

    OPENAI = auto()
    """``GET models``."""
    OLLAMA = auto()
    """``GET /api/tags``."""
    LM_STUDIO = auto()
    """``GET /api/v0/models``; ``GET models`` in old versions."""


class WindowSource(Enum):
    """Where the real context window is read from."""

    UNKNOWN = auto()
    """The server does not say."""
    MODEL_LIST = auto()
    LLAMACPP = auto()
    """``GET /props``."""
    OLLAMA = auto()
    """``POST /api/show``."""
    LM_STUDIO = auto()
    """``GET /api/v0/models``."""
    LITELLM = auto()
    """``GET /model/info``."""


class ToolSupport(Enum):
    """How to find out whether a model takes native tool calls."""

    UNKNOWN = auto()
    """Only trying shows it."""
    TEMPLATE = auto()
    """The chat template in llama.cpp's ``GET /props``."""
    OLLAMA = auto()
    """``capabilities`` of ``POST /api/show``."""


class TokenCounter(Enum):
    """How the server counts the tokens of a prompt, if it can."""

    NONE = auto()
    LLAMACPP = auto()
    """``POST /apply-template``, then ``POST /tokenize``."""
    VLLM = auto()
    """``POST /tokenize`` with messages."""


class Forwarding(Enum):
    """Where a server that listens on this machine runs its models."""

    NEVER = auto()
    """In a child process of Inhouse."""
    ALWAYS = auto()
    """On other machines: it counts as remote, unless the user vouches for it."""
    LITELLM = auto()
    """Where its deployments say (``GET /model/info``); it counts as remote until they are known."""
    OLLAMA = auto()
    """Here, except for cloud models, which ``/api/tags`` and ``/api/show`` name."""
    LM_STUDIO = auto()
    """Here or on a linked device; it does not say which."""
    UNKNOWN = auto()
    """Here, unless it shows a sign of being a gateway."""


class PriceSource(Enum):
    """Whether the endpoint itself says what its models cost."""

    NONE = auto()
    MODEL_LIST = auto()
    """``pricing`` in ``GET models``."""
    LITELLM = auto()
    """``GET /model/info``."""


class LoadedModels(Enum):
    """How to find out whether a model is in memory, so that a test request costs nothing."""

    ALL = auto()
    """Every listed model is loaded."""
    OLLAMA = auto()
    """``GET /api/ps``."""
    UNKNOWN = auto()


@frozen(kw_only=True)
class RemoteKey:
    """An environment variable that makes a kind the default for models that nothing else serves."""

    variable: str
    url: str
    rank: int
    """Of the variables that are set, the one with the lowest rank decides."""
    url_variable: str | None
    """A variable that names another base URL."""


@frozen(kw_only=True)
class KindProfile:
    """What a kind's name implies.  No fact has a default: a new kind states each of them."""

    default_url: str | None
    """The base URL if none is given; None if one must be given."""
    path: str | None
    """The path that people leave out.  None: nothing is added, except ``/v1`` on this machine."""
    drops_path: tuple[str, ...]
    """Endings of a path that people add by mistake, outermost first."""
    hosts: tuple[str, ...]
    """Hosts that identify the kind if only a URL is known."""
    port: int | None
    """A port that identifies the kind if only a URL is known."""
    remote_key: RemoteKey | None
    chat: ChatApi
    options: RequestOptions
    models: ModelListApi
    key_check: str | None
    """A path that needs a valid key, if the list of models needs none."""
    any_model_name: bool
    """It answers a request for any model with the one it has."""
    tagged_names: bool
    """Model names have tags (``qwen3:4b``), so a plain ``maker/model`` is not one of its own."""
    window: WindowSource
    refuses_overflow: bool
    """It answers with an error if a prompt is too long; others cut the prompt silently."""
    counter: TokenCounter
    tool_support: ToolSupport
    probe_tools: bool
    """It refuses tools unless started with a flag, so the doctor tries one."""
    forwarding: Forwarding
    cloud_tag: str | None
    """The ending of a model's tag that means it runs in the maker's cloud."""
    prices: PriceSource
    maker_prices: bool
    """The price list knows its models by ``maker/model``, not by the endpoint's URL."""
    loaded: LoadedModels
    swapped_model_remedy: str | None
    """What to do if another model answers than was asked for; None if that is expected."""
    larger_window: str | None
    """The doctor's remedy for a window that is too small; None for the general one."""
    tools_remedy: str | None
    """The doctor's remedy for missing tool calls: the beginning of a sentence."""
    no_models_remedy: str | None
    window_note: str | None
    """A note about the window that the doctor always shows."""
    dialect: Dialect
    """How a conversation is written for it; a service's own dialect wins (`known_dialect`)."""
    unspecific: bool
    """The kind does not say which program answers, so the doctor looks for Ollama."""

    @property
    def is_child(self) -> bool:
        """Whether Inhouse starts the server itself, so that it has no address until then."""
        return self.chat is ChatApi.EMBEDDED

    @property
    def serves_local_models(self) -> bool:
        """Whether it is a program that runs models on its owner's machine."""
        return self.default_url is not None and not self.counts_as_remote

    @property
    def counts_as_remote(self) -> bool:
        """Whether it is assumed to be remote, wherever it listens, until proved local."""
        return self.forwarding in (Forwarding.ALWAYS, Forwarding.LITELLM)

    @property
    def tells_where_it_forwards(self) -> bool:
        """Whether the server can be asked where it runs a model."""
        return self.forwarding in (Forwarding.OLLAMA, Forwarding.LITELLM, Forwarding.LM_STUDIO)


def guessed_kind(host: str, port_without_path: int | None) -> Kind:
    """Return the kind that a URL identifies: by a known host, or a known port without a path."""
    by_host = (kind for kind in Kind if host in kind.profile.hosts)
    by_port = (
        kind for kind in Kind if port_without_path and kind.profile.port == port_without_path
    )
    return next(by_host, None) or next(by_port, Kind.OPENAI)


def known_dialect(kind: Kind, base_url: str) -> Dialect:
    """Return how a conversation is written for an endpoint before it has refused anything."""
    host = urlsplit(base_url).hostname
    services = (one for one in SERVICES if urlsplit(one.base_url).hostname == host and host)
    return next((one.dialect for one in services if one.dialect), kind.profile.dialect)


def remote_keys() -> tuple[tuple[Kind, RemoteKey], ...]:
    """Return the variables that make a remote the default, in the order they are looked at."""
    found = [(kind, key) for kind in Kind if (key := kind.profile.remote_key) is not None]
    return tuple(sorted(found, key=lambda one: one[1].rank))


def _declared(kind: Kind) -> KindProfile:  # noqa: PLR0911  one a kind
    match kind:
        case Kind.OPENAI:
            return KindProfile(
                default_url=None,
                path=None,
                drops_path=(),
                hosts=(),
                port=None,
                remote_key=RemoteKey(
                    variable="OPENAI_API_KEY",
                    url="https://api.openai.com/v1",
                    rank=3,
                    url_variable="OPENAI_BASE_URL",
                ),
                chat=ChatApi.COMPLETIONS,
                options=RequestOptions.NONE,
                models=ModelListApi.OPENAI,
                key_check=None,
                any_model_name=False,
                tagged_names=False,
                window=WindowSource.MODEL_LIST,
                refuses_overflow=False,
                counter=TokenCounter.NONE,
                tool_support=ToolSupport.UNKNOWN,
                probe_tools=False,
                forwarding=Forwarding.UNKNOWN,
                cloud_tag=None,
                prices=PriceSource.MODEL_LIST,
                maker_prices=False,
                loaded=LoadedModels.UNKNOWN,
                swapped_model_remedy=None,
                larger_window=None,
                tools_remedy=None,
                no_models_remedy=None,
                window_note=None,
                dialect=OPENAI_LIKE,
                unspecific=True,
            )
        case Kind.OLLAMA:
            return KindProfile(
                default_url="http://localhost:11434",
                path="",
                drops_path=("/v1", "/api/chat", "/api"),
                hosts=(),
                port=11434,
                remote_key=None,
                chat=ChatApi.OLLAMA,
                options=RequestOptions.NONE,
                models=ModelListApi.OLLAMA,
                key_check=None,
                any_model_name=False,
                tagged_names=True,
                window=WindowSource.OLLAMA,
                refuses_overflow=False,
                counter=TokenCounter.NONE,
                tool_support=ToolSupport.OLLAMA,
                probe_tools=False,
                forwarding=Forwarding.OLLAMA,
                cloud_tag="cloud",
                prices=PriceSource.NONE,
                maker_prices=False,
                loaded=LoadedModels.OLLAMA,
                swapped_model_remedy=None,
                larger_window=("Choose a model with a larger window: this one cannot hold more."),
                tools_remedy=None,
                no_models_remedy="Fetch one, e.g. `ollama pull qwen3:4b`.",
                window_note=(
                    "Ollama's own default window is 4k, 32k or 256k tokens by the memory of the "
                    "GPU; Inhouse asks for what each prompt needs, up to the model's own."
                ),
                dialect=OPENAI_LIKE,
                unspecific=False,
            )
        case Kind.OPENROUTER:
            return KindProfile(
                default_url="https://openrouter.ai/api/v1",
                path="/api/v1",
                drops_path=(),
                hosts=("openrouter.ai",),
                port=None,
                remote_key=RemoteKey(
                    variable="OPENROUTER_API_KEY",
                    url="https://openrouter.ai/api/v1",
                    rank=1,
                    url_variable=None,
                ),
                chat=ChatApi.COMPLETIONS,
                options=RequestOptions.OPENROUTER,
                models=ModelListApi.OPENAI,
                key_check="key",
                any_model_name=False,
                tagged_names=False,
                window=WindowSource.MODEL_LIST,
                refuses_overflow=True,
                counter=TokenCounter.NONE,
                tool_support=ToolSupport.UNKNOWN,
                probe_tools=False,
                forwarding=Forwarding.ALWAYS,
                cloud_tag=None,
                prices=PriceSource.MODEL_LIST,
                maker_prices=True,
                loaded=LoadedModels.UNKNOWN,
                swapped_model_remedy=None,
                larger_window=None,
                tools_remedy=None,
                no_models_remedy=None,
                window_note=None,
                dialect=OPENAI_LIKE,
                unspecific=False,
            )
        case Kind.CODEBUFF:
            return KindProfile(
                default_url="https://www.codebuff.com/api/v1",
                path="/api/v1",
                drops_path=(),
                hosts=(),
                port=None,
                remote_key=RemoteKey(
                    variable="CODEBUFF_API_KEY",
                    url="https://www.codebuff.com/api/v1",
                    rank=2,
                    url_variable=None,
                ),
                chat=ChatApi.CODEBUFF,
                options=RequestOptions.OPENROUTER,
                models=ModelListApi.OPENAI,
                key_check=None,
                any_model_name=False,
                tagged_names=False,
                window=WindowSource.UNKNOWN,
                refuses_overflow=True,
                counter=TokenCounter.NONE,
                tool_support=ToolSupport.UNKNOWN,
                probe_tools=False,
                forwarding=Forwarding.ALWAYS,
                cloud_tag=None,
                prices=PriceSource.NONE,
                maker_prices=True,
                loaded=LoadedModels.UNKNOWN,
                swapped_model_remedy=None,
                larger_window=None,
                tools_remedy=None,
                no_models_remedy=None,
                window_note=None,
                dialect=OPENAI_LIKE,
                unspecific=False,
            )
        case Kind.LMSTUDIO:
            return KindProfile(
                default_url="http://localhost:1234/v1",
                path="/v1",
                drops_path=(),
                hosts=(),
                port=None,
                remote_key=None,
                chat=ChatApi.COMPLETIONS,
                options=RequestOptions.NONE,
                models=ModelListApi.LM_STUDIO,
                key_check=None,
                any_model_name=False,
                tagged_names=False,
                window=WindowSource.LM_STUDIO,
                refuses_overflow=False,
                counter=TokenCounter.NONE,
                tool_support=ToolSupport.UNKNOWN,
                probe_tools=False,
                forwarding=Forwarding.LM_STUDIO,
                cloud_tag=None,
                prices=PriceSource.NONE,
                maker_prices=False,
                loaded=LoadedModels.UNKNOWN,
                swapped_model_remedy="Load {model!r} in LM Studio",
                larger_window="Load the model in LM Studio with a larger context length.",
                tools_remedy=None,
                no_models_remedy="Download and load a model in LM Studio.",
                window_note=None,
                dialect=OPENAI_LIKE,
                unspecific=False,
            )
        case Kind.LLAMACPP:
            return KindProfile(
                default_url="http://localhost:8080/v1",
                path="/v1",
                drops_path=(),
                hosts=(),
                port=None,
                remote_key=None,
                chat=ChatApi.COMPLETIONS,
                options=RequestOptions.TEMPLATE,
                models=ModelListApi.OPENAI,
                key_check=None,
                any_model_name=True,
                tagged_names=False,
                window=WindowSource.LLAMACPP,
                refuses_overflow=True,
                counter=TokenCounter.LLAMACPP,
                tool_support=ToolSupport.TEMPLATE,
                probe_tools=False,
                forwarding=Forwarding.UNKNOWN,
                cloud_tag=None,
                prices=PriceSource.NONE,
                maker_prices=False,
                loaded=LoadedModels.ALL,
                swapped_model_remedy=None,
                larger_window="Start llama-server with -c 32768 (it is divided by --parallel).",
                tools_remedy=(
                    "Start llama-server with --jinja and a --chat-template-file that has tools"
                ),
                no_models_remedy=None,
                window_note=None,
                dialect=OPENAI_LIKE,
                unspecific=False,
            )
        case Kind.VLLM:
            return KindProfile(
                default_url="http://localhost:8000/v1",
                path="/v1",
                drops_path=(),
                hosts=(),
                port=None,
                remote_key=None,
                chat=ChatApi.COMPLETIONS,
                options=RequestOptions.TEMPLATE,
                models=ModelListApi.OPENAI,
                key_check=None,
                any_model_name=False,
                tagged_names=False,
                window=WindowSource.MODEL_LIST,
                refuses_overflow=True,
                counter=TokenCounter.VLLM,
                tool_support=ToolSupport.UNKNOWN,
                probe_tools=True,
                forwarding=Forwarding.UNKNOWN,
                cloud_tag=None,
                prices=PriceSource.NONE,
                maker_prices=False,
                loaded=LoadedModels.ALL,
                swapped_model_remedy=None,
                larger_window=(
                    "Start vLLM with --max-model-len 32768, or choose a model with a larger window."
                ),
                tools_remedy="Start vLLM with --enable-auto-tool-choice and --tool-call-parser",
                no_models_remedy=None,
                window_note=None,
                dialect=OPENAI_LIKE,
                unspecific=False,
            )
        case Kind.LITELLM:
            return KindProfile(
                default_url="http://localhost:4000/v1",
                path="/v1",
                drops_path=(),
                hosts=(),
                port=None,
                remote_key=None,
                chat=ChatApi.COMPLETIONS,
                options=RequestOptions.EFFORT,
                models=ModelListApi.OPENAI,
                key_check=None,
                any_model_name=False,
                tagged_names=False,
                window=WindowSource.LITELLM,
                refuses_overflow=False,
                counter=TokenCounter.NONE,
                tool_support=ToolSupport.UNKNOWN,
                probe_tools=False,
                forwarding=Forwarding.LITELLM,
                cloud_tag=None,
                prices=PriceSource.LITELLM,
                maker_prices=False,
                loaded=LoadedModels.UNKNOWN,
                swapped_model_remedy=None,
                larger_window="Choose a model with a larger window behind LiteLLM.",
                tools_remedy=None,
                no_models_remedy=None,
                window_note=None,
                dialect=OPENAI_LIKE,
                unspecific=False,
            )
        case Kind.EMBEDDED:
            return KindProfile(
                default_url="embedded:",
                path="/v1",
                drops_path=(),
                hosts=(),
                port=None,
                remote_key=None,
                chat=ChatApi.EMBEDDED,
                options=RequestOptions.TEMPLATE,
                models=ModelListApi.OPENAI,
                key_check=None,
                any_model_name=True,
                tagged_names=False,
                window=WindowSource.LLAMACPP,
                refuses_overflow=True,
                counter=TokenCounter.LLAMACPP,
                tool_support=ToolSupport.TEMPLATE,
                probe_tools=False,
                forwarding=Forwarding.NEVER,
                cloud_tag=None,
                prices=PriceSource.NONE,
                maker_prices=False,
                loaded=LoadedModels.ALL,
                swapped_model_remedy=None,
                larger_window=None,
                tools_remedy=None,
                no_models_remedy=None,
                window_note=None,
                dialect=OPENAI_LIKE,
                unspecific=False,
            )


_PROFILES = {kind: _declared(kind) for kind in Kind}


@frozen
class Service:
    """A program or service that people know by name and can add by that name."""

    name: str
    """The name that the endpoint gets."""
    label: str
    kind: Kind
    base_url: str
    key_variable: str | None = None
    """The environment variable that its makers document for the key."""
    dialect: Dialect | None = None
    """None for that of its kind."""
    is_found: bool = False
    """It listens on that port of this machine by default, so it can be looked for."""
    start_command: str | None = None
    """What its makers document for starting the server in a terminal."""


SERVICES = (
    Service(
        "ollama",
        "Ollama",
        Kind.OLLAMA,
        "http://127.0.0.1:11434",
        is_found=True,
        start_command="ollama serve",
    ),
    Service(
        "lmstudio",
        "LM Studio",
        Kind.LMSTUDIO,
        "http://127.0.0.1:1234/v1",
        is_found=True,
        start_command="lms server start",
    ),
    Service("llamacpp", "llama.cpp", Kind.LLAMACPP, "http://127.0.0.1:8080/v1", is_found=True),
    Service("vllm", "vLLM", Kind.VLLM, "http://127.0.0.1:8000/v1", is_found=True),
    Service("litellm", "LiteLLM proxy", Kind.LITELLM, "http://127.0.0.1:4000/v1"),
    Service(
        "openrouter",
        "OpenRouter",
        Kind.OPENROUTER,
        "https://openrouter.ai/api/v1",
        "OPENROUTER_API_KEY",
    ),
    Service("openai", "OpenAI", Kind.OPENAI, "https://api.openai.com/v1", "OPENAI_API_KEY"),
    Service(
        "anthropic", "Anthropic", Kind.OPENAI, "https://api.anthropic.com/v1", "ANTHROPIC_API_KEY"
    ),
    Service(
        "gemini",
        "Google Gemini",
        Kind.OPENAI,
        "https://generativelanguage.googleapis.com/v1beta/openai",
        "GEMINI_API_KEY",
    ),
    Service(
        "mistral",
        "Mistral",
        Kind.OPENAI,
        "https://api.mistral.ai/v1",
        "MISTRAL_API_KEY",
        MISTRAL,
    ),
    Service(
        "groq",
        "Groq",
        Kind.OPENAI,
        "https://api.groq.com/openai/v1",
        "GROQ_API_KEY",
        STRICT_FIELDS,
    ),
    Service("deepseek", "DeepSeek", Kind.OPENAI, "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    Service(
        "codebuff",
        "Codebuff",
        Kind.CODEBUFF,
        "https://www.codebuff.com/api/v1",
        "CODEBUFF_API_KEY",
    ),
)
"""Programs at their documented ports, and services, each by its usual name."""
