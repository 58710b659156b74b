"""Price books: prices by model, from packages and files of others, as records of ours."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal, Self

from timegate.core.deployment import Deployment
from timegate.core.price import Price
from timegate.errors import ConfigError, MissingExtraError, did_you_mean, shown, warn
from timegate.files import as_path, read_document
from timegate.prices import genai, litellm_table, model_prices
from timegate.prices.entry import Entry

__all__ = ["PACKAGES", "PriceBook", "Service", "opened", "price_hash", "prices_of"]

Service = Literal["standard", "batch", "flex", "priority"]
Lookup = Callable[[str, str, str], Price | Entry | None]

PACKAGES = {"genai-prices": genai.open_book, "model-prices": model_prices.open_book}
"""The packages that hold prices, and how each is opened."""


class PriceBook:
    """Prices by model.

    Parameters
    ----------
    name : str
        Where the prices come from, for people.
    look_up : callable
        Given a provider, a model and a service, such as ``("openai", "gpt-5", "standard")``, a :class:`Price`, or None.
        A book that takes another provider's price, where it has none of that one, returns an ``Entry`` that says whose.
    models : sequence of str
        The names that it knows, for "Did you mean".

    Examples
    --------
    >>> book = PriceBook.installed("genai-prices")
    >>> book.price("openai/gpt-4o").input_per_mtok
    2.5
    """

    def __init__(self, name: str, look_up: Lookup, models: Sequence[str] = ()) -> None:
        self.name = name
        self.models = tuple(models)
        self._look_up = look_up

    def __repr__(self) -> str:
        return f"<PriceBook {self.name}: {len(self.models):,} models>"

    @classmethod
    def installed(cls, package: str = "genai-prices") -> Self:
        """Open the book of an installed package.

        Parameters
        ----------
        package : {"genai-prices", "model-prices"}
            The first knows no weekdays and no holidays, and so takes the peak price of DeepSeek at weekends too. The
            second knows both, and what a model cost before its price changed.

        Returns
        -------
        PriceBook

        Raises
        ------
        MissingExtraError
            If the package is not installed.
        """
        if package not in PACKAGES:
            raise ConfigError(
                f"package must be one of the known ones. Got {shown(package)}.{did_you_mean(package, PACKAGES)}"
            )
        from importlib.metadata import PackageNotFoundError, version  # slow to import, and seldom asked for

        try:
            release = version(package)
        except PackageNotFoundError:
            raise MissingExtraError(f"the package {package} is not installed: pip install {package}") from None
        return cls(f"{package} {release}", *PACKAGES[package]())

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Open a file: LiteLLM's table ``model_prices_and_context_window.json``, or a snapshot of model-prices.

        Parameters
        ----------
        path : path

        Returns
        -------
        PriceBook

        Raises
        ------
        ConfigError
            If it cannot be read, or is neither.

        Examples
        --------
        >>> import json, tempfile
        >>> from pathlib import Path
        >>> table = {"openai/gpt-5": {"input_cost_per_token": 1e-6, "output_cost_per_token": 8e-6}}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     size = Path(folder, "prices.json").write_text(json.dumps(table))
        ...     PriceBook.load(f"{folder}/prices.json").price("openai/gpt-5").output_per_mtok
        8.0
        """
        path = as_path(path)
        data = read_document(path, ConfigError)
        for form in (model_prices, litellm_table):
            if form.is_one(data):
                return cls(path.name, *form.read(data))
        raise ConfigError(
            f"{path}: must be LiteLLM's table of prices, or a snapshot of model-prices. It looks like neither."
        )

    def price(self, model: str, service: Service = "standard") -> Price:
        """Return the price of a model; parameters and errors as of :meth:`entry`."""
        return self.entry(model, service).price

    def entry(self, model: str, service: Service = "standard") -> Entry:
        """Return the price of a model, and who asks it, if that is another provider.

        Parameters
        ----------
        model : str
            ``"provider/model-id"``, as configs have it.
        service : {"standard", "batch", "flex", "priority"}

        Raises
        ------
        ConfigError
            If the book does not know the model.

        Examples
        --------
        >>> from timegate.core.price import Price
        >>> book = PriceBook("mine", lambda *asked: Price(per_call=0.01) if "gpt-5" in asked else None)
        >>> book.entry("openai/gpt-5").price.per_call
        0.01
        """
        provider, _, model_id = model.partition("/")
        found = self._look_up(provider, model_id, service)
        if found is None:
            near = (
                _hint(model_id, self.models)
                if model_id
                else " A model is named with its provider, as 'openai/gpt-4.1'."
            )
            at = "" if service == "standard" else f" at the price of {service}"
            raise ConfigError(f"the price book {self.name} does not know {shown(model)}{at}.{near}")
        return found if isinstance(found, Entry) else Entry(found)

    def fill(self, deployment: Deployment) -> Deployment:
        """Return a deployment with its price, if that is ``auto``, taken from here.

        Warns
        -----
        TimegateWarning
            If it is the price of another provider.
        """
        price = deployment.price
        if price is None or not price.auto:
            return deployment
        found = self.entry(deployment.model)
        if found.other is not None:
            text = f"{deployment.name!r}: {self.assumed(deployment.model, found.other)}"
            warn(text)
        return deployment.model_copy(update={"price": found.price.model_copy(update={"times": price.times})})

    def assumed(self, model: str, other: str) -> str:
        """Say that a price is that of another provider, the nearest of the names that the book has for it."""
        provider = model.partition("/")[0]
        hint = _hint(provider, [other])
        return f"Its price is that of {other}: {self.name} has none of {shown(provider)} for {shown(model)}.{hint}"


def _hint(word: str, known: Iterable[str]) -> str:
    hint = did_you_mean(word, known)
    return f" {hint.strip()}" if "Did you mean" in hint else ""


@functools.cache
def opened(package: str) -> PriceBook:
    """Return the book of an installed package, opened once."""
    return PriceBook.installed(package)


def prices_of(deployments: Sequence[Deployment]) -> list[Price | None]:
    """Return the price of each deployment, with those that say ``auto`` taken from genai-prices.

    Warns
    -----
    TimegateWarning
        If a model is not known there, or the package is not installed: then its price is unknown.
    """
    return [_price_of(deployment) for deployment in deployments]


def _price_of(deployment: Deployment) -> Price | None:
    if deployment.price is None or not deployment.price.auto:
        return deployment.price
    try:
        return opened("genai-prices").fill(deployment).price
    except (ConfigError, MissingExtraError) as error:
        said = str(error)
        text = f"{deployment.name!r}: {said}{'' if said[-1] in '.?' else '.'} What it costs is unknown."
        warn(text)
        return None


def price_hash(prices: Sequence[Price | None]) -> str:
    """Return a hash of prices; equal for equal ones on any machine."""
    said = [None if price is None else price.model_dump(mode="json", exclude_defaults=True) for price in prices]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:12]
