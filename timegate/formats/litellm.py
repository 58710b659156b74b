"""A LiteLLM proxy config: a group of one deployment a name, whose fallbacks are all the others in order.

LiteLLM's own retries and cooldowns are switched off, so that a call is tried once by each deployment, as our gateway
does it. It knows no windows: a routing callback of ours keeps them (``timegate.gateway.litellm``). See
https://docs.litellm.ai/docs/proxy/configs and https://docs.litellm.ai/docs/proxy/reliability.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from timegate.core.deployment import LISTS, Deployment
from timegate.errors import ConfigError, shown
from timegate.formats.format import Draft, Format, Request, document, is_json, read_back, remark, unsaid, unsaid_policy
from timegate.problems import Problem
from timegate.show.text import counted

__all__ = ["FORMAT", "KEY_VARIABLES", "PRICE_KEYS", "read"]

KEY_VARIABLES = {
    "anthropic": "ANTHROPIC_API_KEY",
    "cerebras": "CEREBRAS_API_KEY",
    "cohere": "COHERE_API_KEY",
    "deepseek": "DEEPSEEK_API_KEY",
    "gemini": "GEMINI_API_KEY",
    "groq": "GROQ_API_KEY",
    "mistral": "MISTRAL_API_KEY",
    "openai": "OPENAI_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "replicate": "REPLICATE_API_KEY",
    "xai": "XAI_API_KEY",
}
"""The environment variables in which LiteLLM expects the keys of providers; others are left to LiteLLM to find."""

_MODES = {
    "chat_completion": "chat",
    "moderation": "moderation",
    "speech_to_text": "audio_transcription",
    "text_embedder": "embedding",
    "text_reranker": "rerank",
    "text_to_image": "image_generation",
    "text_to_speech": "audio_speech",
}
_MODEL_TYPES = {mode: model_type for model_type, mode in _MODES.items()}
PRICE_KEYS = {
    "input_cost_per_token": "input_per_mtok",
    "output_cost_per_token": "output_per_mtok",
    "cache_read_input_token_cost": "cached_input_per_mtok",
    "cache_creation_input_token_cost": "cache_write_per_mtok",
}
"""What LiteLLM calls the amounts of a price, which it has per token."""
_VARIABLE = "os.environ/"
_SIMULATED = "sim"
_SAID = ("model_name", "model", *LISTS, "price", "description")
_CALLBACK = "timegate.gateway.litellm.windows"
_KEEPS = {"callbacks": [_CALLBACK]}
_SETTINGS = {"num_retries": 0, "disable_cooldowns": True}


def _translate(request: Request) -> Draft:
    config = request.config
    lost = unsaid_policy(config)
    notes: list[Problem] = []
    models = []
    has_windows = any(getattr(deployment, name) for deployment in config.deployments for name in LISTS)
    for i, deployment in enumerate(config.deployments):
        lost += unsaid(deployment, i, _SAID)
        params: dict[str, Any] = {"model": deployment.model, **_per_token(deployment)}
        lost += _lost_of_price(deployment, i)
        if deployment.provider == _SIMULATED:  # LiteLLM wants a provider that it knows, and has answers without any
            params |= {"custom_llm_provider": "custom_openai", "mock_response": deployment.model}
        elif deployment.provider in KEY_VARIABLES:
            params["api_key"] = _VARIABLE + KEY_VARIABLES[deployment.provider]
        else:
            text = f"provider {deployment.provider!r} has to be known to LiteLLM, and its key."
            notes.append(remark(deployment, i, "model")(text))
        info = {"mode": _MODES.get(config.model_type), "description": deployment.description}
        entry = {"model_name": deployment.model_name, "litellm_params": params}
        models.append(entry | {"model_info": {key: value for key, value in info.items() if value is not None}})
    if config.model_type not in _MODES:
        lost.append(Problem(("model_type",), f"{config.model_type!r}."))
    names = [deployment.model_name for deployment in config.deployments]
    settings: dict[str, Any] = dict(_SETTINGS)
    if len(names) > 1:
        settings["max_fallbacks"] = len(names) - 1
        settings["fallbacks"] = [{name: _others(names, name)} for name in names]
    begin = f"calls name the deployment to begin with, {names[0]!r} if they prefer none; an unknown name fails."
    notes.append(Problem((), begin))
    data = {"model_list": models, "router_settings": settings}
    if has_windows:
        data["litellm_settings"] = dict(_KEEPS)
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


def _others(names: Sequence[str], name: str) -> list[str]:
    return [other for other in names if other != name]


def _render(draft: Draft, request: Request, remarks: Sequence[str]) -> bytes:
    return document(draft.data, remarks, is_json(request.path, default=False))


def _is_right(path: Path, draft: Draft, request: Request) -> bool:
    data = read_back(path)
    deployments = request.config.deployments
    again = request.config.model_validate(read(data)[0]).deployments
    said, told = (
        [(d.model_name, d.model, d.description, _per_token(d)) for d in some] for some in (deployments, again)
    )
    return bool(data == draft.data and said == told)


def read(data: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Read a LiteLLM proxy config as plain data of ours.

    Deployments come in the order of the first one's fallbacks, then of ``model_list``. Entries of one name, between
    which LiteLLM balances load, are numbered.

    Returns
    -------
    data : dict
        For :meth:`GatewayConfig.model_validate`.
    lost : list of str
        What has no counterpart, with its place: the names of settings, never their values.

    Raises
    ------
    ConfigError
        If it is no such config; ``problems`` lists all that is wrong.
    """
    entries = data.get("model_list")
    if not isinstance(entries, list) or not entries:
        raise ConfigError("model_list must be a non-empty list: the deployments of a LiteLLM proxy.")
    lost = [str(key) for key in data if key not in ("model_list", "router_settings", "litellm_settings")]
    settings = data.get("litellm_settings") or {}
    if settings == _KEEPS:
        lost.append("litellm_settings: the windows, which stand in the config that TIMEGATE_CONFIG names")
    elif settings:
        lost.append("litellm_settings")
    found: dict[str, dict[str, Any]] = {}
    members: Counter[str] = Counter()
    modes: dict[str, str] = {}
    problems: list[Problem] = []
    for i, entry in enumerate(entries):
        place = f"model_list[{i}]"
        try:
            group, deployment = _read_entry(entry, place, modes, lost)
        except ConfigError as error:
            problems += error.problems
            continue
        name, number = group, members[group]
        while name in found:
            number += 1
            name = f"{group} ({number})"
        members[group] = max(number, 1)
        if name != group:
            lost.append(f"{place}: the balance of load among {group!r}: it is the deployment {name!r}")
        found[name] = {"model_name": name, **deployment}
    if len(modes) > 1:
        text = f"all models must have one model_info.mode. Got {', '.join(map(repr, modes))}."
        problems.append(Problem(("model_list",), text, where=""))
    if problems:
        raise ConfigError(*problems)
    names = _read_settings(data.get("router_settings") or {}, list(found), lost)
    mode = next(iter(modes), "chat")
    return {"model_type": _MODEL_TYPES.get(mode, mode), "deployments": [found[name] for name in names]}, lost


def _read_entry(entry: Any, place: str, modes: dict[str, str], lost: list[str]) -> tuple[str, dict[str, Any]]:
    """Return the name of a group, and a deployment of it."""
    params = entry.get("litellm_params") if isinstance(entry, Mapping) else None
    name = entry.get("model_name") if isinstance(entry, Mapping) else None
    if not isinstance(params, Mapping) or not isinstance(name, str) or not isinstance(params.get("model"), str):
        raise ConfigError(f"{place} must be a mapping with model_name and litellm_params, which has a model.")
    lost += [f"{place}.{key}" for key in entry if key not in ("model_name", "litellm_params", "model_info")]
    model, provider = params["model"], params.get("custom_llm_provider")
    known = {"model", "api_key"}
    if str(params.get("mock_response")) == model and model.startswith(f"{_SIMULATED}/"):
        known |= {"custom_llm_provider", "mock_response"}
    elif isinstance(provider, str):
        known.add("custom_llm_provider")
        model = f"{provider}/{model.removeprefix(f'{provider}/')}"
    if "/" not in model:
        raise ConfigError(
            f"{place}.litellm_params.model must look like 'provider/model-id'. Got {shown(model)}. "
            f"Write 'openai/{model}' if it is OpenAI's."
        )
    amounts = {ours: params[theirs] for theirs, ours in PRICE_KEYS.items() if _is_amount(params.get(theirs))}
    known |= {theirs for theirs, ours in PRICE_KEYS.items() if ours in amounts}
    lost += [f"{place}.litellm_params.{key}" for key in params if key not in known]
    variable = KEY_VARIABLES.get(model.partition("/")[0])
    key = params.get("api_key")
    if isinstance(key, str) and not key.startswith(_VARIABLE):
        lost.append(f"{place}.litellm_params.api_key: a key does not belong in a file, and is not kept")
    elif key is not None and key != f"{_VARIABLE}{variable}":
        lost.append(f"{place}.litellm_params.api_key")
    deployment: dict[str, Any] = {"model": model}
    if amounts:
        deployment["price"] = {name: float(Decimal(repr(value)) * 10**6) for name, value in amounts.items()}
    info = entry.get("model_info") or {}
    if isinstance(info, Mapping):
        if isinstance(info.get("description"), str):
            deployment["description"] = info["description"]
        if isinstance(info.get("mode"), str):
            modes.setdefault(info["mode"], place)
        lost += [f"{place}.model_info.{key}" for key in info if key not in ("mode", "description")]
    return name, deployment


def _is_amount(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _read_settings(settings: Any, names: list[str], lost: list[str]) -> list[str]:
    """Return the names in the order of fallback, and note what settings say beside that."""
    if not isinstance(settings, Mapping):
        raise ConfigError(f"router_settings must be a mapping. Got a {type(settings).__name__}.")
    counted = {"max_fallbacks": len(names) - 1}
    for key, value in settings.items():
        if key != "fallbacks" and value != {**_SETTINGS, **counted}.get(key):
            lost.append(f"router_settings.{key}")
    chains: dict[str, list[str]] = {}
    given = settings.get("fallbacks") or []
    for item in given if isinstance(given, list) else []:
        for name, chain in item.items() if isinstance(item, Mapping) else []:
            if isinstance(chain, list):
                chains[name] = [other for other in chain if isinstance(other, str)]
    first = names[0]
    known = set(names)
    order = list(dict.fromkeys([first, *(n for n in chains.get(first, []) if n in known), *names]))
    lost += [
        f"router_settings.fallbacks of {name!r}: here they are all others in order"
        for name in order
        if len(chain := chains.get(name, [])) != len(order) - 1 or chain != _others(order, name)
    ]
    return order


FORMAT = Format(
    "a LiteLLM proxy config",
    _translate,
    _render,
    _is_right,
    read,
    known_by="model_list",
    read_as="a LiteLLM proxy config",
)
