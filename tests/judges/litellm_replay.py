"""LiteLLM's router, replayed: ``python tests/judges/litellm_replay.py`` prints a table of attempts.

A recipe for :func:`timegate.replay` and a router whose core is native code. ``litellm.Router`` asks a host for all
that it cannot do itself: to call a provider, to sleep, to keep cooldowns. Here the host calls models of a scenario,
sleeps on the event loop, whose clock the replay moves, and keeps cooldowns by ``time.time``, which it moves as well.

It runs in an environment that has both packages, and is pinned to litellm 1.110.2, for it uses private names.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it asks the network

import litellm
import litellm.exceptions
import pandas as pd
from litellm.router import Router, router_arguments
from litellm.router_config import build_router_config
from litellm.router_python_host import PythonHost
from litellm.router_utils.cooldown_cache import CooldownCache
from litellm_cooldowns import Cooldowns

import timegate as tg

logging.getLogger("LiteLLM Router").setLevel(logging.CRITICAL)  # injected failures are no news
NATIVE_S = time.time() + 3600
ERRORS = {
    "timeout": litellm.exceptions.Timeout,
    "rate_limit": litellm.exceptions.RateLimitError,
    "server_error": litellm.exceptions.InternalServerError,
    "connection": litellm.exceptions.APIConnectionError,
    "auth": litellm.exceptions.AuthenticationError,
    "bad_request": litellm.exceptions.BadRequestError,
}


class Host(PythonHost):
    """Calls models of a scenario in place of providers."""

    __slots__ = ("models",)

    def __init__(self, models: Mapping[str, Any]) -> None:
        self.models = models

    def invoke(self, op: str) -> Callable[..., Any]:
        return self.complete if op == "acompletion" else super().invoke(op)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def complete(self, *, model: str, **_: object) -> litellm.ModelResponse:
        name = model.removeprefix("openai/")
        try:
            await self.models[name].acall()
        except tg.ModelCallError as error:
            made = ERRORS.get(error.kind, litellm.exceptions.APIError)
            raise made(message=str(error), model=name, llm_provider="openai") from error
        return litellm.ModelResponse(model=name)


def litellm_router(scenario: tg.Scenario, names: Sequence[str], **settings: Any) -> Callable[..., Any]:
    """Return LiteLLM's router over models of a scenario, each falling back to all after it, as ``replay`` takes it."""
    models = [
        {"model_name": n, "litellm_params": {"model": f"openai/{n}", "api_key": "none"}, "model_info": {"id": n}}
        for n in names
    ]
    fallbacks = [{name: list(names[place:])} for place, name in enumerate(names[:-1], start=1)]
    arguments = router_arguments(model_list=models, fallbacks=fallbacks, **settings)
    host = Host({name: scenario.model(name) for name in names})
    router = Router.from_config(build_router_config(arguments), host=host)
    core = router._core
    store = Cooldowns(lambda: round(time.time() * 1e6), lambda: NATIVE_S)
    core._cooldowns = CooldownCache(store, core._cooldowns.default_cooldown_time, clock=time.time)

    async def call(model_preference: str | None = None) -> Any:
        messages = [{"role": "user", "content": "?"}]
        return await router.acompletion(model=model_preference or names[0], messages=messages)

    return call


def main() -> None:
    """Replay an outage of a minute with a call every four seconds."""
    outage = tg.Outage(target="strong", start="2026-03-02T00:00Z", end="2026-03-02T00:01Z", error="server_error")
    scenario = tg.Scenario(faults=[outage])
    trace = tg.Trace(pd.date_range("2026-03-02T00:00Z", periods=15, freq="4s"))
    router = litellm_router(scenario, ["strong", "weak"], **json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}"))
    run = tg.replay(router, trace, scenario)
    print(json.dumps({"attempts": run.attempts["deployment"].value_counts().to_dict(), **run.outcome_counts()}))


if __name__ == "__main__":
    main()
