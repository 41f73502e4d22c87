"""Listing models."""

from service.inference.catalog import Catalog, Target
from service.models.schemas import ModelInfo, ModelTarget
from service.usage.prices import PriceList


class Models:
    """What the endpoint of this room asks for."""

    def __init__(self, catalog: Catalog, prices: PriceList) -> None:
        self._catalog = catalog
        self._prices = prices

    def list_models(self) -> list[ModelInfo]:
        """The aliases, then the models that provider rows list."""
        names = (*self._catalog.aliases, *self._catalog.listed_models)
        return [
            ModelInfo(id=name, targets=[self._target(t) for t in self._catalog.targets(name)])
            for name in names
        ]

    def _target(self, target: Target) -> ModelTarget:
        profile = target.profile
        rates = self._prices.rates(target.provider.name, target.model)
        return ModelTarget(
            provider=target.provider.name,
            model=target.model,
            abilities=list(profile.abilities),
            takes_temperature=profile.takes_temperature,
            takes_tools=profile.takes_tools,
            takes_images=profile.takes_images,
            takes_json_schema=profile.takes_json_schema,
            takes_reasoning_effort=profile.reasoning_control is not None,
            context_tokens=profile.context_tokens
            or self._prices.context_tokens(target.provider.name, target.model),
            max_output_tokens=profile.max_output_tokens,
            input_usd_per_million=float(rates.base.input) if rates else None,
            cached_input_usd_per_million=float(rates.base.cached_input) if rates else None,
            output_usd_per_million=float(rates.base.output) if rates else None,
        )
