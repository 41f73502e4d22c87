"""From a model's name to the targets that can serve it, in order."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from msgspec import Struct

from service.core.errors import InvalidRequest
from service.core.messages import CompletionRequest
from service.inference.ports import Provider
from service.inference.profiles import Ability, ModelProfile

SANDBOX = "sandbox"


class Target(Struct, frozen=True, kw_only=True):
    """One exact model at one provider. `is_listed`: the configuration names it, not only a caller."""

    provider: Provider
    model: str
    profile: ModelProfile
    is_listed: bool = True

    @property
    def name(self) -> str:
        """`provider/model`, the form that the configuration uses."""
        return f"{self.provider.name}/{self.model}"

    @property
    def label(self) -> str:
        """The model as metrics name it: callers may make up ids without end, and labels must have one."""
        return self.model if self.is_listed else "other"


class Catalog:
    """What the configuration says about models, asked by name.

    A name is an alias, a `provider/model`, or a bare model id that a provider lists or a profile's
    pattern covers. Where the sandbox is the only provider, it stands in for every known name.
    """

    def __init__(
        self,
        *,
        providers: Mapping[str, Provider],
        models: Mapping[str, Sequence[str]],
        aliases: Mapping[str, Sequence[str]],
        profiles: Mapping[str, ModelProfile],
    ) -> None:
        """`models` are the ids that a provider's row lists; `profiles` is keyed by patterns."""
        self._providers = providers
        self._models = models
        self._aliases = aliases
        self._profiles = sorted(profiles.items(), key=lambda item: -len(item[0]))
        self._sandbox = providers.get(SANDBOX) if len(providers) == 1 else None
        self._listed = {
            *self.listed_models,
            *(name for names in aliases.values() for name in names),
        }
        self._targets: dict[str, tuple[Target, ...]] = {}

    @property
    def aliases(self) -> tuple[str, ...]:
        """The alias names, in the order of the configuration."""
        return tuple(self._aliases)

    @property
    def listed_models(self) -> tuple[str, ...]:
        """The `provider/model` names that provider rows list."""
        return tuple(f"{name}/{model}" for name, ids in self._models.items() for model in ids)

    def targets(self, model: str) -> tuple[Target, ...]:
        """The targets of `model` whose provider is configured; empty for an alias with none.

        Raises `InvalidRequest` on `model` for a name that nothing here knows.
        """
        if model in self._targets:
            return self._targets[model]
        names = self._aliases.get(model) or self._names_of_id(model)
        if not names:
            raise InvalidRequest(
                "Unknown model: use an alias or a model id of a configured provider"
                " (GET /api/v1/models lists them)",
                field="model",
            )
        targets = self._resolve(names)
        if model in self._aliases:  # ids come from callers: remembering them would never end
            self._targets[model] = targets
        return targets

    def completion_targets(self, request: CompletionRequest) -> tuple[Target, ...]:
        """The targets that can do all that `request` asks for.

        Raises `InvalidRequest` that names the field which the last of the refused targets cannot take.
        """
        targets = self._with_ability(request.model, "generate")
        refusals = [(target, _unmet_need(request, target.profile)) for target in targets]
        able = tuple(target for target, refusal in refusals if refusal is None)
        if able:
            return able
        refusal = next(refusal for _, refusal in reversed(refusals) if refusal)
        raise InvalidRequest(
            f"'{request.model}' does not support this: {refusal[1]}", field=refusal[0]
        )

    def embedding_targets(self, model: str) -> tuple[Target, ...]:
        """The targets of `model` that make embeddings. Raises `InvalidRequest` if none does."""
        return self._with_ability(model, "embed")

    def profile(self, provider: str, model: str) -> ModelProfile:
        """The profile of the longest pattern that fits, else the default one."""
        name = f"{provider}/{model}"
        return next(
            (profile for pattern, profile in self._profiles if fnmatchcase(name, pattern)),
            ModelProfile(),
        )

    def _with_ability(self, model: str, ability: Ability) -> tuple[Target, ...]:
        targets = self.targets(model)
        able = tuple(target for target in targets if ability in target.profile.abilities)
        if able:
            return able
        reason = (
            f"No model behind '{model}' can {ability}"
            if targets
            else f"No provider of '{model}' is configured"
        )
        raise InvalidRequest(reason, field="model")

    def _names_of_id(self, model: str) -> tuple[str, ...]:
        provider, _, model_id = model.partition("/")
        stands_in = self._sandbox is not None and self._covers(provider, model_id)
        if model_id and (provider in self._providers or stands_in):
            return (model,)
        listed = tuple(name for name in self.listed_models if name.partition("/")[2] == model)
        if listed:
            return listed
        vendors = {pattern.partition("/")[0] for pattern, _ in self._profiles}
        known = [vendor for vendor in sorted(vendors) if self._covers(vendor, model)]
        reachable = [v for v in known if v in self._providers or self._sandbox]
        return tuple(f"{vendor}/{model}" for vendor in reachable)

    def _covers(self, vendor: str, model: str) -> bool:
        return vendor != SANDBOX and any(
            fnmatchcase(f"{vendor}/{model}", pattern) for pattern, _ in self._profiles
        )

    def _resolve(self, names: Sequence[str]) -> tuple[Target, ...]:
        if self._sandbox is not None:
            provider, model = self._sandbox, SANDBOX
            return (Target(provider=provider, model=model, profile=self.profile(SANDBOX, model)),)
        targets = []
        for name in names:
            provider_name, _, model = name.partition("/")
            if provider_name in self._providers:
                targets.append(
                    Target(
                        provider=self._providers[provider_name],
                        model=model,
                        profile=self.profile(provider_name, model),
                        is_listed=name in self._listed,
                    )
                )
        return tuple(targets)


def _unmet_need(request: CompletionRequest, profile: ModelProfile) -> tuple[str, str] | None:
    """The field and the reason why a model cannot serve `request`; None if it can."""
    limit = profile.max_output_tokens
    if limit is not None and request.max_tokens > limit:
        return "max_tokens", f"it answers with at most {limit} tokens"
    if request.tools and not profile.takes_tools:
        return "tools", "it takes no tools"
    if request.json_schema and not profile.takes_json_schema:
        return "response_format", "it takes no JSON Schema"
    if request.stop and not profile.takes_stop:
        return "stop", "it takes no stop sequences"
    if not profile.takes_images and any(message.has_image for message in request.messages):
        return "messages", "it takes no images"
    if request.reasoning_effort not in (None, "none") and profile.reasoning_control is None:
        return "reasoning_effort", "it has no reasoning control"
    if request.reasoning_effort == "none" and profile.always_reasons:
        return "reasoning_effort", "its reasoning cannot be switched off"
    return None
