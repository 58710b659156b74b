"""A LiteLLM proxy config: a group of one deployment a name, whose fallbacks are all the others in order.

LiteLLM's own retries and cooldowns are switched off where no policy says otherwise, so that a call is tried once by
each deployment, as our gateway does it. It knows no windows: a routing callback of ours keeps them
(``timegate.gateway.litellm``). See https://docs.litellm.ai/docs/proxy/configs and
https://docs.litellm.ai/docs/proxy/reliability.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from timegate.core.deployment import LISTS, Deployment
from timegate.core.settings import Cooldown, Policy
from timegate.errors import shown
from timegate.formats.format import Draft, Format, Request, document, is_json, read_back, remark, unsaid
from timegate.formats.litellm_reader import read
from timegate.formats.litellm_words import (
    KEEPS,
    KEY_VARIABLES,
    LIMITS,
    MODES,
    OF_CALLS,
    OF_DEPLOYMENTS,
    PRICE_KEYS,
    SETTINGS,
    SIMULATED,
    VARIABLE,
)
from timegate.problems import Problem
from timegate.show.text import counted

__all__ = ["FORMAT", "KEY_VARIABLES", "PRICE_KEYS", "read"]

_SAID = ("model_name", "model", *LISTS, "price", "description", "priority", "weight", "policy")


def _translate(request: Request) -> Draft:
    config = request.config
    lost: list[Problem] = []
    notes: list[Problem] = []
    models = []
    has_windows = any(getattr(deployment, name) for deployment in config.deployments for name in LISTS)
    for i, deployment in enumerate(config.deployments):
        lost += unsaid(deployment, i, _SAID)
        params: dict[str, Any] = {"model": deployment.model, **_per_token(deployment)}
        lost += _lost_of_price(deployment, i)
        own, left = _policy(deployment.policy, OF_DEPLOYMENTS)
        own |= {key: value for key, value in (("weight", deployment.weight),) if value is not None}
        lost += [remark(deployment, i, "policy")(f"{key} {shown(value)}.") for key, value in left.items()]
        if deployment.provider == SIMULATED:  # LiteLLM wants a provider that it knows, and has answers without any
            params |= {"custom_llm_provider": "custom_openai", "mock_response": deployment.model}
        elif deployment.provider in KEY_VARIABLES:
            params["api_key"] = VARIABLE + KEY_VARIABLES[deployment.provider]
        else:
            text = f"provider {deployment.provider!r} has to be known to LiteLLM, and its key."
            notes.append(remark(deployment, i, "model")(text))
        info = {"mode": MODES.get(config.model_type), "description": deployment.description}
        entry = {"model_name": deployment.model_name, "litellm_params": params | own}
        models.append(entry | {"model_info": {key: value for key, value in info.items() if value is not None}})
    if config.model_type not in MODES:
        lost.append(Problem(("model_type",), f"{config.model_type!r}."))
    by_priority = sorted(range(len(models)), key=config.router().priorities.__getitem__)
    if len(set(config.router().priorities)) < len(models):
        notes.append(Problem((), "deployments of one priority are tried in the order of the config."))
    names = [config.deployments[i].model_name for i in by_priority]
    models = [models[i] for i in by_priority]
    general, left = _policy(config.policy, OF_CALLS)
    lost += [Problem(("policy",), f"{key} {shown(value)}.") for key, value in left.items()]
    settings: dict[str, Any] = SETTINGS | general
    if "cooldown_time" in settings:
        del settings["disable_cooldowns"]
    if len(names) > 1:
        settings["max_fallbacks"] = len(names) - 1
        settings["fallbacks"] = [{name: _others(names, name)} for name in names]
    begin = f"calls name the deployment to begin with, {names[0]!r} if they prefer none; an unknown name fails."
    notes.append(Problem((), begin))
    data = {"model_list": models, "router_settings": settings}
    if has_windows:
        data["litellm_settings"] = dict(KEEPS)
        text = (
            "windows are kept by the callback: install timegate beside LiteLLM, and set TIMEGATE_CONFIG to this config."
        )
        notes.append(Problem((), text))
    return Draft(data, lost, notes)


def _per_token(deployment: Deployment) -> dict[str, float]:
    """Return what LiteLLM is told of a price: amounts per token, outside of bands; of ``auto`` it has its own table."""
    price = deployment.price
    if price is None or price.auto or price.currency != "USD":
        return {}
    said = {name: Decimal(repr(value)) * Decimal(repr(price.times)) for name, value in price.amounts().items()}
    return {theirs: float(said[ours] / 10**6) for theirs, ours in PRICE_KEYS.items() if ours in said}


def _lost_of_price(deployment: Deployment, row: int) -> Iterator[Problem]:
    """Say what LiteLLM cannot be told of a price; it decides nothing of routing, but costs are counted by it."""
    price = deployment.price
    if price is None:
        return
    if price.currency != "USD":
        yield remark(deployment, row, "price", "currency")(f"{price.currency}: it counts in USD.")
        return
    for name, text in (
        ("bands", f"it knows no hours: {counted(len(price.bands), 'band')}."),
        ("tiers", f"for long prompts: {counted(len(price.tiers), 'tier')}."),
        ("per_call", f"{price.per_call}."),
    ):
        if getattr(price, name):
            yield remark(deployment, row, "price", name)(text)
    if price.auto and price.times != 1:
        yield remark(deployment, row, "price", "times")(f"{price.times:g}: its own table says the price.")


def _policy(policy: Policy | None, known: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a policy says in words of LiteLLM, and what it says beside that."""
    given = {} if policy is None else policy.differing()
    said = {known[name]: given.pop(name) for name in list(given) if known.get(name)}
    limits = given.pop("limits", None) or {}
    if "limits" in known:
        said |= {LIMITS[name]: limits.pop(name) for name in list(limits) if name in LIMITS and limits[name]}
    cooldown = None if policy is None else policy.cooldown
    if "cooldown" in known and cooldown is not None and cooldown.failures is not None and cooldown == _plain(cooldown):
        said |= {"allowed_fails": cooldown.failures - 1, "cooldown_time": cooldown.for_s}
        del given["cooldown"]
    left = {key: value for key, value in limits.items() if value}
    return said, given | ({"limits": left} if left else {})


def _plain(cooldown: Cooldown) -> Cooldown:
    """Return what LiteLLM can say of a cooldown: so many failures within its own length."""
    return Cooldown(failures=cooldown.failures, within_s=cooldown.for_s, for_s=cooldown.for_s)


def _others(names: Sequence[str], name: str) -> list[str]:
    return [other for other in names if other != name]


def _render(draft: Draft, request: Request, remarks: Sequence[str]) -> bytes:
    return document(draft.data, remarks, is_json(request.path, default=False))


def _is_right(path: Path, draft: Draft, request: Request) -> bool:
    data = read_back(path)
    again = request.config.model_validate(read(data)[0]).deployments
    written, reread = (
        {d.model_name: (d.model, d.description, _per_token(d)) for d in some}
        for some in (request.config.deployments, again)
    )
    return bool(data == draft.data and written == reread)


FORMAT = Format(
    "a LiteLLM proxy config",
    _translate,
    _render,
    _is_right,
    read,
    known_by="model_list",
    read_as="a LiteLLM proxy config",
)
