"""The doctor: checks an endpoint by asking it, and says why a model there misbehaves."""

import asyncio
from collections.abc import Iterable
from functools import partial

from attrs import define, evolve, field

from inhouse.core.dialect import described
from inhouse.core.endpoint_kinds import LoadedModels, WindowSource
from inhouse.core.errors import InhouseError, ProviderError, RefusedError, ToolsUnsupportedError
from inhouse.core.events import Notice
from inhouse.core.json_values import fields
from inhouse.core.messages import UserMessage
from inhouse.core.ports import Prompt, ToolSpec
from inhouse.core.route import Endpoint, EndpointStatus, Finding, ModelInfo, Privacy, ToolMode
from inhouse.providers import doctor_findings
from inhouse.providers.embedded.servers import EmbeddedServers
from inhouse.providers.endpoints.context_window import model_window, told_window
from inhouse.providers.endpoints.endpoint_errors import how_to_set_the_key
from inhouse.providers.endpoints.endpoint_state import EndpointState
from inhouse.providers.endpoints.http_json import get_json, post_json
from inhouse.providers.endpoints.locality import Verdict, verify_local
from inhouse.providers.endpoints.model_list import entries_of, listed_models
from inhouse.providers.endpoints.tool_support import served_model
from inhouse.providers.network.egress import Egress

MODELS_LOOKED_INTO = 12
TINY = Prompt(system="", messages=(UserMessage("Say hi."),), max_output_tokens=1)
PROBE = ToolSpec("look", "Look.", {"type": "object", "properties": {}})


async def check(
    endpoint: Endpoint,
    *,
    egress: Egress,
    embedded: EmbeddedServers | None = None,
    wanted: Iterable[str] = (),
    shared: EndpointState | None = None,
) -> EndpointStatus:
    """Check one endpoint.  ``wanted`` are the models that agents ask for there.

    ``shared`` is what runs have learnt about it.

    Sends no prompt but a few words of its own, and those to local servers only.
    """
    if endpoint.pool:
        return await _check_pool(endpoint, egress, embedded, wanted, shared)
    checking = _Checking(endpoint, egress, tuple(wanted), embedded, shared or EndpointState())
    try:
        if not endpoint.kind.profile.is_child:  # it has no address before it runs
            egress.check(endpoint)
        await checking.run()
    except RefusedError as refused:
        checking.found.append(Finding("error", refused.reason, refused.remedy))
    except InhouseError as error:
        checking.found.append(Finding("error", str(error), ""))
    return checking.status()


async def check_all(
    endpoints: Iterable[Endpoint], *, egress: Egress, embedded: EmbeddedServers | None = None
) -> tuple[EndpointStatus, ...]:
    """Check several at once; a dead one does not delay the others."""
    waiting = [check(endpoint, egress=egress, embedded=embedded) for endpoint in endpoints]
    return tuple(await asyncio.gather(*waiting))


@define(eq=False)
class _Checking:
    """One endpoint, and what was found so far."""

    endpoint: Endpoint
    egress: Egress
    wanted: tuple[str, ...]
    embedded: EmbeddedServers | None
    shared: EndpointState
    found: list[Finding] = field(factory=list[Finding])
    local: bool = False
    reachable: bool | None = None
    latency_ms: float | None = None
    models: tuple[ModelInfo, ...] | None = None
    shown: Endpoint = field(init=False)
    """The endpoint before the embedded server's address was filled in."""

    def __attrs_post_init__(self) -> None:
        self.shown = self.endpoint

    async def run(self) -> None:
        if self.endpoint.kind.profile.is_child:
            await self._start_embedded()
        self.local = self.egress.is_local(self.endpoint.base_url)
        if (proxy := self.egress.proxy_for(self.endpoint)) is not None:
            self.found.append(doctor_findings.through_proxy(self.endpoint, str(proxy)))
        self.models = await self._list()
        if self.models is None:
            return
        if not self.models:
            self.found.append(doctor_findings.no_models(self.endpoint))
            return
        self.models = await self._with_windows(self.models)
        self._compare_wanted()
        await self._look_for_ollama()
        model = self._main_model()
        await self._check_local(model)
        await self._check_model(model)

    def status(self) -> EndpointStatus:
        return EndpointStatus(
            name=self.shown.name,
            kind=self.shown.kind,
            base_url=self.shown.base_url,
            local=self.local,
            source=self.shown.source,
            reachable=self.reachable,
            latency_ms=self.latency_ms,
            models=self.models,
            findings=tuple(self.found),
            from_workspace=self.shown.from_workspace,
        )

    async def _start_embedded(self) -> None:
        if self.embedded is None:
            raise ProviderError("The embedded model cannot be started here.")
        running = await self.embedded.running(self.endpoint)
        self.endpoint = evolve(self.endpoint, base_url=running.base_url, api_key=running.key)

    async def _list(self) -> tuple[ModelInfo, ...] | None:
        clock = asyncio.get_running_loop().time
        begin = clock()
        try:
            models = await listed_models(self.endpoint, self.egress)
            await self._check_key()
        except RefusedError:
            raise
        except InhouseError as error:
            self.reachable = error.code not in ("unreachable", "unavailable", "hung_up")
            better = await self._better_url() if self.reachable else None
            self.found.append(
                doctor_findings.lacks_v1(self.endpoint, better) if better else self._finding(error)
            )
            return None
        self.reachable = True
        self.latency_ms = round((clock() - begin) * 1000, 1)
        return models

    async def _check_key(self) -> None:
        """Raise if the key is refused; a server without this request decides nothing."""
        if (path := self.endpoint.kind.profile.key_check) is None:
            return
        try:
            await get_json(self.endpoint, path, self.egress)
        except ProviderError as error:
            if error.code == "unauthorized":
                raise

    async def _better_url(self) -> str | None:
        """Look for the API below ``/v1``, which people forget."""
        if "?" in self.endpoint.base_url:
            return None
        better = f"{self.endpoint.base_url.rstrip('/')}/v1"
        try:
            found = await listed_models(evolve(self.endpoint, base_url=better), self.egress)
        except InhouseError:
            return None
        return better if found else None

    def _finding(self, error: InhouseError) -> Finding:
        """Make a finding from an error; what follows two spaces in its message is the remedy."""
        what, _, remedy = str(error).partition("  ")
        return Finding("error", what, self._remedy(error, remedy), error.code)

    def _remedy(self, error: InhouseError, known: str) -> str:
        match error.code:
            case "unreachable":
                return f"Start it, or correct {doctor_findings.setting(self.endpoint, 'baseUrl')}."
            case "rate_limited":
                return known or "Wait a while, then try again."
            case "payment_required":
                return known
            case "unauthorized":
                return how_to_set_the_key(self.endpoint)
            case _:
                return known or f"Check {doctor_findings.setting(self.endpoint, 'baseUrl')}."

    async def _with_windows(self, models: tuple[ModelInfo, ...]) -> tuple[ModelInfo, ...]:
        looked = models[:MODELS_LOOKED_INTO]
        windows = await asyncio.gather(*(self._window(model) for model in looked))
        known = [
            evolve(model, context_window=window or model.context_window)
            for model, window in zip(looked, windows, strict=True)
        ]
        for model in known:
            if self.local and not model.local:
                self.found.append(doctor_findings.cloud_model(model.id))
        return (*known, *models[MODELS_LOOKED_INTO:])

    async def _window(self, model: ModelInfo) -> int | None:
        if model.context_window is not None:
            return model.context_window
        if self.endpoint.kind.profile.window is WindowSource.OLLAMA:
            try:
                return model_window(
                    await post_json(self.endpoint, "/api/show", {"model": model.id}, self.egress)
                )
            except InhouseError:
                return None
        return await told_window(self.endpoint, model.id, self.egress)

    def _compare_wanted(self) -> None:
        if self.endpoint.kind.profile.any_model_name:
            return
        known = tuple(model.id for model in self.models or ())
        for model in dict.fromkeys(self.wanted):
            if model not in known and f"{model}:latest" not in known:
                self.found.append(doctor_findings.missing_model(self.endpoint, model, known))

    async def _look_for_ollama(self) -> None:
        profile = self.endpoint.kind.profile
        if profile.window_note is not None:
            self.found.append(doctor_findings.window_note(self.endpoint, profile.window_note))
        if profile.unspecific:
            listed = entries_of(await get_json(self.endpoint, "models", self.egress), "data")
            if any(entry.get("owned_by") == "library" for entry in listed):
                self.found.append(doctor_findings.is_ollama(self.endpoint))

    def _main_model(self) -> ModelInfo:
        models = self.models or ()
        mapped = {*self.wanted, *self.endpoint.models.values()}
        return next((one for one in models if one.id in mapped), next(iter(models)))

    async def _check_local(self, model: ModelInfo) -> None:
        if not self.local and not self.endpoint.kind.profile.is_child:
            return
        try:
            verdict = await verify_local(self.endpoint, model.id, self.egress)
        except InhouseError as error:
            verdict = Verdict(local=False, reason=str(error))
        self.local = verdict.local
        if not verdict.local and model.local:
            refused = self.egress.policy.privacy is Privacy.LOCAL_ONLY
            self.found.append(doctor_findings.not_local(verdict, refused=refused))

    async def _check_model(self, model: ModelInfo) -> None:
        window = self.endpoint.context_window or model.context_window
        small = doctor_findings.small_window(self.endpoint, model.id, window) if window else None
        if small is not None:
            self.found.append(small)
        learnt = await self.shared.profile(self.shown, model.id)
        if isinstance(cut := learnt.get("truncated"), str) and cut:
            self.found.append(doctor_findings.truncated(self.endpoint, model.id, cut))
        if isinstance(traits := learnt.get("dialect"), dict) and traits:
            told = described(fields(traits))
            self.found.append(doctor_findings.dialect(model.id, told))
        if self.endpoint.tools is None:
            served = await served_model(self.endpoint, model.id, self.egress)
            if served.template_has_tools is False:
                self.found.append(doctor_findings.no_tools(self.endpoint, model.id))
        if self.local and model.local and await self._is_loaded(model):
            await self._try_out(model)

    async def _is_loaded(self, model: ModelInfo) -> bool:
        """Return whether asking is free: the doctor does not make servers load models."""
        match self.endpoint.kind.profile.loaded:
            case LoadedModels.ALL:
                return True
            case LoadedModels.OLLAMA:
                running = entries_of(
                    await get_json(self.endpoint, "/api/ps", self.egress), "models"
                )
                return any(model.id in (one.get("name"), one.get("model")) for one in running)
            case LoadedModels.UNKNOWN:
                return False

    async def _try_out(self, model: ModelInfo) -> None:
        from inhouse.providers.model_factory import connect  # noqa: PLC0415  # it imports this room whole

        clock = asyncio.get_running_loop().time
        begin = clock()
        asked = connect(
            evolve(self.shown, tools=ToolMode.NATIVE),
            model.id,
            egress=self.egress,
            embedded=self.embedded,
        )
        tools = (PROBE,) if self.shown.kind.profile.probe_tools else ()
        try:
            async with asked.stream(evolve(TINY, tools=tools)) as batches:
                async for chunks in batches:
                    if not all(isinstance(chunk, Notice) for chunk in chunks):
                        break
        except ToolsUnsupportedError:
            self.found.append(doctor_findings.no_tools(self.endpoint, model.id))
        except InhouseError as error:
            self.found.append(Finding("error", str(error), ""))
        if clock() - begin > doctor_findings.SLOW_SECONDS:
            self.found.append(doctor_findings.slow_first_token(model.id, clock() - begin))


async def _check_pool(
    endpoint: Endpoint,
    egress: Egress,
    embedded: EmbeddedServers | None,
    wanted: Iterable[str],
    shared: EndpointState | None,
) -> EndpointStatus:
    how = partial(check, egress=egress, embedded=embedded, shared=shared, wanted=tuple(wanted))
    members = await asyncio.gather(*map(how, endpoint.pool))
    found = [
        evolve(finding, message=f"{member.base_url}: {finding.message}")
        for member in members
        for finding in member.findings
    ]
    listed = {model.id: model for member in members for model in member.models or ()}
    latencies = [member.latency_ms for member in members if member.latency_ms is not None]
    return EndpointStatus(
        name=endpoint.name,
        kind=endpoint.kind,
        base_url=endpoint.base_url,
        local=all(member.local for member in members),
        source=endpoint.source,
        reachable=any(member.reachable for member in members),
        latency_ms=min(latencies, default=None),
        models=tuple(listed.values()) or None,
        findings=tuple(found),
        from_workspace=endpoint.from_workspace,
    )
