"""Reading a LiteLLM proxy config: who is tried in which order, and what of its policies we have, too.

A call names a group of ``model_list``; here it is one to the first group, whose fallbacks LiteLLM follows, group by
group, each with its own: see https://docs.litellm.ai/docs/proxy/reliability, and for what a proxy's two places of
settings mean https://docs.litellm.ai/docs/proxy/config_settings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from timegate.errors import ConfigError, shown
from timegate.formats.litellm_words import (
    KEEPS,
    KEY_VARIABLES,
    LIMITS,
    MODEL_TYPES,
    OF_CALLS,
    OF_DEPLOYMENTS,
    PRICE_KEYS,
    SETTINGS,
    SIMULATED,
    VARIABLE,
)
from timegate.problems import Problem

__all__ = ["read"]

_MAKERS = {
    "claude": "anthropic",
    "gpt": "openai",
    "o1": "openai",
    "o3": "openai",
    "o4": "openai",
    "text-embedding": "openai",
    "gemini": "gemini",
    "mistral": "mistral",
    "mixtral": "mistral",
    "command": "cohere",
    "deepseek": "deepseek",
    "grok": "xai",
}
"""By how the names of models begin: who makes them."""
_ELSEWHERE = ("fallbacks", "default_fallbacks", "model_group_alias")
_ANY = "*"


class _Entry(NamedTuple):
    """An entry of ``model_list``, read."""

    group: str
    name: str
    order: float
    fields: dict[str, Any]


def read(data: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Read a LiteLLM proxy config as plain data of ours.

    Deployments come in the order in which LiteLLM would try them for a call to the first group of ``model_list``; then
    those that it would not. Entries of one name, between which LiteLLM balances load, are numbered and have one
    priority. Of models that do several things, those that do what the first does are kept.

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
    found: dict[str, _Entry] = {}
    members: Counter[str] = Counter()
    kept_mode: str | None = None
    problems: list[Problem] = []
    for i, entry in enumerate(entries):
        place = f"model_list[{i}]"
        try:
            group, mode, order, deployment = _read_entry(entry, place, lost)
        except ConfigError as error:
            problems += error.problems
            continue
        kept_mode = kept_mode or mode
        if mode != kept_mode:
            lost.append(f"{place} {group!r}: its mode is {mode!r}, that of the others {kept_mode!r}; it is left out")
            continue
        name, number = group, members[group]
        while name in found:
            number += 1
            name = f"{group} ({number})"
        members[group] = max(number, 1)
        found[name] = _Entry(group, name, order, deployment)
    if problems:
        raise ConfigError(*problems)
    settings = _settings(data)
    groups: dict[str, list[_Entry]] = {}
    for read_entry in found.values():
        groups.setdefault(read_entry.group, []).append(read_entry)
    order_of_groups, unreached = _order(settings, list(groups))
    if unreached:
        named = ", ".join(map(repr, unreached))
        lost.append(f"that a call to {next(iter(groups))!r} never reaches {named}: here they stand last")
    deployments: list[dict[str, Any]] = []
    for group in order_of_groups:
        ranked = sorted(groups[group], key=lambda member: member.order)
        firsts, alike = dict[float, int](), Counter(member.order for member in ranked)
        for member in ranked:
            first = firsts.setdefault(member.order, len(deployments))
            shared = {"priority": first} if alike[member.order] > 1 else {}
            deployments.append({"model_name": member.name, **member.fields, **shared})
    lost += _unsaid(data, settings, order_of_groups, next(iter(groups)))
    general = _call_policy(settings)
    mode = kept_mode or "chat"
    model_type = MODEL_TYPES.get(mode, mode)
    return {"model_type": model_type, "deployments": deployments, **({"policy": general} if general else {})}, lost


def _read_entry(entry: Any, place: str, lost: list[str]) -> tuple[str, str, float, dict[str, Any]]:
    """Return the name of a group, what its models do, the place within it, and the fields of a deployment."""
    params = entry.get("litellm_params") if isinstance(entry, Mapping) else None
    name = entry.get("model_name") if isinstance(entry, Mapping) else None
    if isinstance(entry, Mapping) and isinstance(name, int | float):
        raise ConfigError(f"{place}.model_name must be text. Got {shown(name)}: write it in quotes.")
    if not isinstance(params, Mapping) or not isinstance(name, str) or not isinstance(params.get("model"), str):
        raise ConfigError(f"{place} must be a mapping with model_name and litellm_params, which has a model.")
    lost += [f"{place}.{key}" for key in entry if key not in ("model_name", "litellm_params", "model_info")]
    model, known = _read_model(params, place, lost)
    known |= {"model", "api_key"}
    deployment: dict[str, Any] = {"model": model}
    amounts = {ours: params[theirs] for theirs, ours in PRICE_KEYS.items() if _is_number(params.get(theirs), 0, 1)}
    known |= {theirs for theirs, ours in PRICE_KEYS.items() if ours in amounts}
    if amounts:
        deployment["price"] = {name: float(Decimal(repr(value)) * 10**6) for name, value in amounts.items()}
    known |= _read_policy(params, deployment)
    order = params.get("order", 0)
    if isinstance(order, int | float) and not isinstance(order, bool):
        known.add("order")
    else:
        order = 0
    lost += [f"{place}.litellm_params.{key}" for key in params if key not in known]
    lost += _of_key(params.get("api_key"), model, place)
    info = entry.get("model_info") or {}
    mode = "embedding" if "embed" in model.lower() else "chat"
    if isinstance(info, Mapping):
        if isinstance(info.get("description"), str):
            deployment["description"] = info["description"]
        if isinstance(info.get("mode"), str):
            mode = info["mode"]
        lost += [f"{place}.model_info.{key}" for key in info if key not in ("mode", "description")]
    return name, mode, float(order), deployment


def _read_model(params: Mapping[str, Any], place: str, lost: list[str]) -> tuple[str, set[str]]:
    """Return the model of an entry as ``provider/model-id``, and the keys that say whose it is."""
    model, provider, known = params["model"], params.get("custom_llm_provider"), set[str]()
    if str(params.get("mock_response")) == model and model.startswith(f"{SIMULATED}/"):
        known |= {"custom_llm_provider", "mock_response"}
    elif isinstance(provider, str):
        known.add("custom_llm_provider")
        model = f"{provider}/{model.removeprefix(f'{provider}/')}"
    if "/" not in model:
        maker = next((maker for begin, maker in _MAKERS.items() if model.lower().startswith(begin)), None)
        if maker is None:
            raise ConfigError(
                f"{place}.litellm_params.model must look like 'provider/model-id'. Got {shown(model)}. Say whose it is."
            )
        model = f"{maker}/{model}"
        lost.append(f"{place}.litellm_params.model, which says no provider: it is read as {shown(model)}")
    if _ANY in model:
        lost.append(f"{place}.litellm_params.model {shown(model)} standing for whatever a call names: name one")
    return model, known


def _of_key(key: object, model: str, place: str) -> Iterator[str]:
    """Say what is not kept of a key: all but the variable in which that of the model's provider stands."""
    variable = KEY_VARIABLES.get(model.partition("/")[0])
    if isinstance(key, str) and not key.startswith(VARIABLE):
        yield f"{place}.litellm_params.api_key: a key does not belong in a file, and is not kept"
    elif key is not None and key != f"{VARIABLE}{variable}":
        yield f"{place}.litellm_params.api_key"


def _read_policy(params: Mapping[str, Any], deployment: dict[str, Any]) -> set[str]:
    """Take weight, limits, timeout and retries of an entry; return the keys of those that could be read."""
    read_keys = set[str]()
    policy: dict[str, Any] = {}
    limits: dict[str, Any] = {}
    if _is_number(params.get("weight"), 0, 1e9):
        deployment["weight"] = params["weight"]
        read_keys.add("weight")
    for ours, theirs in LIMITS.items():
        if _is_whole(params.get(theirs), 1, 10**9):
            limits[ours] = params[theirs]
            read_keys.add(theirs)
    for ours, theirs in OF_DEPLOYMENTS.items():
        value = params.get(theirs)
        if theirs and (_is_whole(value, 0) if ours == "max_retries" else _is_number(value, 1e-6)):
            policy[ours] = value
            read_keys.add(theirs)
    if limits:
        policy["limits"] = limits
    if policy:
        deployment["policy"] = policy
    return read_keys


def _call_policy(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the settings say of all calls."""
    policy: dict[str, Any] = {}
    timeout = settings.get("timeout", settings.get("request_timeout"))
    if _is_number(timeout, 1e-6):
        policy["timeout_s"] = timeout
    if _is_whole(settings.get("num_retries"), 1):
        policy["max_retries"] = settings["num_retries"]
    fails, length = settings.get("allowed_fails"), settings.get("cooldown_time")
    if (
        isinstance(fails, int)
        and _is_whole(fails, 0, 9_999)
        and _is_number(length, 1e-6)
        and settings.get("disable_cooldowns") is not True
    ):
        policy["cooldown"] = {"failures": fails + 1, "within_s": length, "for_s": length}
    return policy


def _settings(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the router, and of the package where the router says nothing."""
    both: dict[str, Any] = {}
    for place in ("litellm_settings", "router_settings"):
        given = data.get(place) or {}
        if not isinstance(given, Mapping):
            raise ConfigError(f"{place} must be a mapping. Got a {type(given).__name__}.")
        both |= {key: value for key, value in given.items() if value is not None}
    return both


def _unsaid(data: Mapping[str, Any], settings: Mapping[str, Any], order: list[str], asked: str) -> Iterator[str]:
    """Yield the settings that have no counterpart."""
    policy = _call_policy(settings)
    known = {*_ELSEWHERE, *(theirs for ours, theirs in OF_CALLS.items() if theirs and ours in policy)}
    known |= {"request_timeout"} if "timeout_s" in policy else set()
    known |= {"allowed_fails", "cooldown_time"} if "cooldown" in policy else set()
    counted = {**SETTINGS, "max_fallbacks": len(order) - 1}
    for place in ("router_settings", "litellm_settings"):
        for key, value in (data.get(place) or {}).items():
            if {key: value} == KEEPS:
                yield f"{place}: the windows, which stand in the config that TIMEGATE_CONFIG names"
            elif key not in known and value != counted.get(str(key)):
                yield f"{place}.{key}"
    given = settings.get("fallbacks")
    if given is not None and not (isinstance(given, list) and all(isinstance(item, Mapping) for item in given)):
        yield "fallbacks, which must be a list of mappings, as LiteLLM reads it: what else is there is not followed"
    aliases, chains = _aliases(settings), _chains(settings)
    if (alias := aliases.get(asked, asked)) != asked:
        yield f"that {asked!r} is another name of {alias!r}, where calls to it go"
    for name in dict.fromkeys(name for chain in chains.values() for name in chain if name not in order):
        yield f"the fallback {shown(name)}, which is no model_name of model_list"
    for group in [name for name in order[1:] if name in chains]:
        here = [group, *(name for name in order if name != group)]
        if _order(settings, here) != (here, []):
            yield f"the fallbacks of {group!r}: here they are all others in order"


def _order(settings: Mapping[str, Any], groups: list[str]) -> tuple[list[str], list[str]]:
    """Return the groups in the order in which a call to the first tries them, and those that it never would.

    Each fallback is followed by its own; what was tried is not tried again.
    """
    chains, known = _chains(settings), set(groups)
    order: dict[str, None] = {}
    alias = _aliases(settings).get(groups[0])  # goes before a group of its name
    waiting = [alias if alias in known else groups[0]]
    while waiting:
        group = waiting.pop()
        if group in order or group not in known:
            continue
        order[group] = None
        waiting += reversed(chains.get(group, chains.get(_ANY, [])))
    unreached = [group for group in groups if group not in order]
    return [*order, *unreached], unreached if chains or len(groups) > 1 else []


def _chains(settings: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the fallbacks of each group, aliases resolved; those of ``*`` hold for all that have none."""
    aliases = _aliases(settings)

    def names(chain: Any) -> list[str]:
        listed = chain if isinstance(chain, list) else [chain]
        plain = [item.get("model") if isinstance(item, Mapping) else item for item in listed]
        texts = [name for name in plain if isinstance(name, str)]
        return [str(aliases.get(name, name)) for name in texts]

    chains: dict[str, list[str]] = {}
    fallbacks = settings.get("fallbacks")
    for item in fallbacks if isinstance(fallbacks, list) else []:
        for name, chain in item.items() if isinstance(item, Mapping) else ():
            chains[str(aliases.get(name, name))] = names(chain)
    if default := settings.get("default_fallbacks"):
        chains.setdefault(_ANY, names(default))
    return chains


def _aliases(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the groups that go by further names, by these."""
    given = settings.get("model_group_alias")
    targets = given.items() if isinstance(given, Mapping) else ()
    plain = {alias: target.get("model") if isinstance(target, Mapping) else target for alias, target in targets}
    return {alias: name for alias, name in plain.items() if isinstance(name, str)}


def _is_number(value: object, least: float, most: float = 86_400) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def _is_whole(value: object, least: int, most: int = 1000) -> bool:
    return isinstance(value, int) and _is_number(value, least, most)
