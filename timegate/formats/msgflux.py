"""The state of a msgflux gateway, as its ``serialize`` gives it and its ``from_serialized`` takes it.

There are two forms. In that of msgflux 0.1 to 0.5 each entry has a ``model_name``, a ``model`` and its
``time_constraints``. In the older one, from before the first release, ``models`` are listed alone, the windows stand
in one mapping by model id, and they are in the local time of the machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from timegate.core.clock import DAY_US
from timegate.core.deployment import LISTS, Deployment
from timegate.errors import ConfigError, shown
from timegate.formats.daily import daily
from timegate.formats.format import (
    Config,
    Draft,
    Format,
    Request,
    document,
    is_json,
    read_back,
    remark,
    unsaid,
    unsaid_policy,
)
from timegate.problems import Problem, written
from timegate.show.text import listed

__all__ = ["FORMAT", "FORMAT_BY_ID", "read"]

GATEWAY = "model_gateway"
_SAID = ("model_name", "model", *LISTS)
_UNLOADABLE = frozenset(
    {"brave", "cerebras", "exa", "groq", "imagerouter", "jinaai", "ollama", "openai", "openrouter", "replicate",
     "sambanova", "together", "vllm"}
)  # fmt: skip
"""Msgflux's own providers: its ``BaseClient.from_serialized`` (to 0.5.1, the newest) makes their models without the
``model_id`` that they need."""
COMPARED_US = 8 * DAY_US
"""What an export says is daily: a week and a day show any difference."""


def _translate(request: Request) -> Draft:
    entries, notes = [], list[Problem]()
    lost = unsaid_policy(request.config)
    for i, deployment in enumerate(request.config.deployments):
        hours = daily(deployment, i, request.now_us)
        entry: dict[str, Any] = {"model_name": deployment.model_name, "model": _model(request.config, deployment)}
        if hours.pairs:
            entry["time_constraints"] = [list(pair) for pair in hours.pairs]
        entries.append(entry)
        lost += hours.lost + unsaid(deployment, i, _SAID)
        notes += hours.notes
    return Draft({"msgflux_type": GATEWAY, "state": {"models": entries}}, lost, notes + _unloadable(request.config))


def _translate_by_id(request: Request) -> Draft:
    models, windows, notes = [], {}, list[Problem]()
    lost = unsaid_policy(request.config)
    places: dict[str, str] = {}
    for i, deployment in enumerate(request.config.deployments):
        model_id = deployment.model.partition("/")[2]
        if model_id in places:
            other = places[model_id]
            text = f"its id {model_id!r} is also that of {other}, and this form tells models by their ids."
            raise ConfigError(remark(deployment, i, "model")(text))
        places[model_id] = written(("deployments", i), repr(deployment.model_name))
        hours = daily(deployment, i, request.now_us)
        models.append(_model(request.config, deployment))
        if hours.pairs:
            windows[model_id] = [list(pair) for pair in hours.pairs]
        if deployment.model_name != model_id:
            text = f"calls would have to prefer it as {model_id!r}."
            lost.append(remark(deployment, i, "model_name")(text))
        lost += hours.lost + unsaid(deployment, i, _SAID)
        notes += hours.notes
    if windows:
        text = "the clock of the machine that runs the gateway must show UTC, for it reads the local time."
        notes.append(Problem((), text))
    return Draft(
        {"msgflux_type": GATEWAY, "state": {"time_constraints": windows or None, "models": models}},
        lost,
        notes + _unloadable(request.config),
    )


def _unloadable(config: Config) -> list[Problem]:
    """Say which models msgflux can make but not load, and the form that works."""
    mine = [d for d in config.deployments if d.model.partition("/")[0] in _UNLOADABLE]
    if not mine:
        return []
    providers = listed(sorted({d.model.partition("/")[0] for d in mine}), "and")
    made = f"{{'model_name': {mine[0].model_name!r}, 'model': Model.{config.model_type}({mine[0].model!r})}}"
    text = (
        f"msgflux 0.5.1 loads no models of {providers} from a state, for it makes them without their ids (TypeError): "
        f"give its ModelGateway a list of {made} and so on, each with its time_constraints."
    )
    return [Problem((), text)]


def _model(config: Config, deployment: Deployment) -> dict[str, Any]:
    provider, _, model_id = deployment.model.partition("/")
    return {"provider": provider, "model_type": config.model_type, "state": {"model_id": model_id}}


def _render(draft: Draft, request: Request, remarks: Sequence[str]) -> bytes:
    return document(draft.data, remarks, is_json(request.path, default=True))


def _is_right(path: Path, draft: Draft, request: Request) -> bool:
    """Whether the state is there and, if nothing is lost, routes as the config does."""
    data = read_back(path)
    if data != draft.data:
        return False
    if draft.lost:
        return True
    start_us, end_us = request.now_us, request.now_us + COMPARED_US
    before, after = request.config.router(), request.config.model_validate(read(data)[0]).router()
    ours, theirs = (router.timetable.compile(start_us, end_us) for router in (before, after))
    same_hours = np.array_equal(ours.edges_us, theirs.edges_us) and np.array_equal(ours.open, theirs.open)
    return before.names == after.names and same_hours


def read(data: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Read the state of a msgflux gateway, of either form, as plain data of ours.

    Returns
    -------
    data : dict
        For :meth:`GatewayConfig.model_validate`, which judges the windows.
    lost : list of str
        What has no counterpart, with its place; of models' states the names of what they set, never the values.

    Raises
    ------
    ConfigError
        If it is no such state.
    """
    if data.get("msgflux_type") != GATEWAY:
        raise ConfigError(f"msgflux_type must be {GATEWAY!r}. Got {shown(data.get('msgflux_type'))}.")
    state = data.get("state")
    entries = state.get("models") if isinstance(state, Mapping) else None
    if not isinstance(state, Mapping) or not isinstance(entries, list) or not entries:
        raise ConfigError("state.models must be a non-empty list: the models of a msgflux gateway.")
    lost = [f"{key!r}" for key in data if key not in ("msgflux_type", "state")]
    by_id = state.get("time_constraints") or {}
    if not isinstance(by_id, Mapping):
        raise ConfigError("state.time_constraints must be a mapping of model ids to lists of windows.")
    lost += [f"state.{key}" for key in state if key not in ("models", "time_constraints")]
    deployments = []
    model_types, model_ids = {}, set()
    for i, entry in enumerate(entries):
        place = f"state.models[{i}]"
        named = isinstance(entry, Mapping) and "model" in entry
        provider, model_id, model_type, unread = _read_model(entry["model"] if named else entry, place)
        lost += unread
        deployment = {"model_name": entry["model_name"] if named and "model_name" in entry else model_id}
        deployment["model"] = f"{provider}/{model_id}"
        if named:
            kept = ("time_constraints", "available", "description")
            deployment |= {key: entry[key] for key in kept if entry.get(key) is not None}
            lost += [f"{place}.{key}" for key in entry if key not in ("model_name", "model", *kept)]
        elif by_id.get(model_id) is not None:
            deployment["time_constraints"] = by_id[model_id]
        deployments.append(deployment)
        model_types[model_type] = place
        model_ids.add(model_id)
    if len(model_types) > 1:
        raise ConfigError(f"all models must be of the same model_type. Got {', '.join(map(repr, model_types))}.")
    lost += [
        f"state.time_constraints of {shown(name)}, which is no model's id" for name in by_id if name not in model_ids
    ]
    if by_id:
        lost.append("state.time_constraints being in the machine's local time: they are read as UTC")
    return {"model_type": next(iter(model_types)), "deployments": deployments}, lost


def _read_model(model: Any, place: str) -> tuple[str, str, str, list[str]]:
    """Return provider, id and type of a model, and what its state sets beside."""
    problem = f"{place} must be the state of a model: a mapping with provider, model_type, and state.model_id."
    if not isinstance(model, Mapping) or not isinstance(model.get("state"), Mapping):
        raise ConfigError(problem)
    state = model["state"]
    provider = state.get("provider", model.get("provider"))  # ours says there whom a simulated model stands for
    found = (provider, state.get("model_id"), model.get("model_type"))
    if not all(isinstance(text, str) and text for text in found):
        raise ConfigError(problem)
    unread = [f"{place}.{key}" for key in model if key not in ("msgflux_type", "provider", "model_type", "state")] + [
        f"{place}.state.{key}" for key, value in state.items() if key not in ("model_id", "provider") and _says(value)
    ]
    return *found, unread  # type: ignore[return-value]


def _says(value: Any) -> bool:
    """Whether a setting says anything: no None, False, empty thing, or mapping of such."""
    return any(map(_says, value.values())) if isinstance(value, Mapping) else bool(value)


FORMAT = Format(
    "the state of a msgflux gateway",
    _translate,
    _render,
    _is_right,
    read,  # of either form
    known_by="msgflux_type",
    read_as="a msgflux gateway",
)
FORMAT_BY_ID = Format("the older state of a msgflux gateway", _translate_by_id, _render, _is_right)
