"""The real LiteLLM router with our routing callback: who answers at which instant, awaited and blocking.

It runs in the judge's virtual environment (see ``litellm_judge.py``), to which the first argument adds, behind its own
packages, the folders where timegate and what it needs are. On standard input is an object: ``proxy``, a LiteLLM proxy
config that timegate exported, ``first``, the deployment that calls name, and ``at_us``, the instants. The windows are
those of ``TIMEGATE_CONFIG``, and the callback is loaded as a proxy loads it, by the line in ``proxy``. Out go two lists
with, for each instant, who answered ``acompletion`` and ``completion``, or the class of the error.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from typing import Any

sys.path += json.loads(sys.argv[1])
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it asks the network

import litellm
from litellm.proxy.types_utils.utils import get_instance_fn

logging.disable(logging.CRITICAL)  # that nobody is open is no news


def main() -> None:
    case = json.load(sys.stdin)
    proxy, asked = case["proxy"], {"model": case["first"], "messages": [{"role": "user", "content": "Hi"}]}
    litellm.callbacks = [get_instance_fn(line) for line in proxy["litellm_settings"]["callbacks"]]
    router = litellm.Router(model_list=proxy["model_list"], **proxy["router_settings"])

    def said(answer: Any) -> str:
        return str(answer.choices[0].message.content)

    async def awaited(at_us: int) -> str:
        time.time_ns = lambda: at_us * 1000
        try:
            return said(await router.acompletion(**asked))
        except Exception as error:
            return type(error).__name__

    def blocking(at_us: int) -> str:
        time.time_ns = lambda: at_us * 1000
        try:
            return said(router.completion(**asked))
        except Exception as error:
            return type(error).__name__

    async def all_awaited() -> list[str]:
        return [await awaited(at_us) for at_us in case["at_us"]]

    print(json.dumps([asyncio.run(all_awaited()), [blocking(at_us) for at_us in case["at_us"]]]))


main()
