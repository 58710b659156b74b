"""Exports to LiteLLM, judged by its own Router where that is installed, and the way back.

LiteLLM takes 340 MB and pins other versions of what the tests use, so it is no part of the extra ``test``:
``pip install litellm`` in an environment of its own, and run this file there.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import strategies
from hypothesis import given
from strategies import examples

import timegate as tg
from timegate import yaml12
from timegate.errors import ConfigError, TimegateWarning
from timegate.formats.litellm import KEY_VARIABLES

NOW = "2026-11-23T00:00Z"
CANARY = "sk-canary-4711"
CONFIG = tg.GatewayConfig(
    deployments=[
        {"model_name": "strong", "model": "openai/gpt-4.1", "description": "the best"},
        {"model_name": "weak", "model": "openai/gpt-4.1-mini"},
        {"model_name": "other", "model": "anthropic/claude-sonnet"},
        {"model_name": "spare", "model": "groq/llama"},
        {"model_name": "more", "model": "mistral/large"},
        {"model_name": "most", "model": "deepseek/chat"},
        {"model_name": "last", "model": "xai/grok"},
        {"model_name": "mock", "model": "sim/small"},
    ]
)


def written(config: tg.GatewayConfig, tmp_path: Path, **options: Any) -> dict[str, Any]:
    config.export("litellm", tmp_path / "proxy.yaml", now=NOW, **options)
    data: dict[str, Any] = yaml12.parse((tmp_path / "proxy.yaml").read_text(encoding="utf-8"))
    return data


def test_the_proxy_config(tmp_path: Path) -> None:
    """Each deployment is a group, with its key's variable, and falls back to all the others in order, once."""
    config = tg.GatewayConfig(deployments=[d.model_dump() for d in (CONFIG.deployments[i] for i in (0, 2, 7))])
    assert written(config, tmp_path) == {
        "model_list": [
            {
                "model_name": "strong",
                "litellm_params": {"model": "openai/gpt-4.1", "api_key": "os.environ/OPENAI_API_KEY"},
                "model_info": {"mode": "chat", "description": "the best"},
            },
            {
                "model_name": "other",
                "litellm_params": {"model": "anthropic/claude-sonnet", "api_key": "os.environ/ANTHROPIC_API_KEY"},
                "model_info": {"mode": "chat"},
            },
            {
                "model_name": "mock",
                "litellm_params": {
                    "model": "sim/small",
                    "custom_llm_provider": "custom_openai",
                    "mock_response": "sim/small",
                },
                "model_info": {"mode": "chat"},
            },
        ],
        "router_settings": {
            "num_retries": 0,
            "disable_cooldowns": True,
            "max_fallbacks": 2,
            "fallbacks": [{"strong": ["other", "mock"]}, {"other": ["strong", "mock"]}, {"mock": ["strong", "other"]}],
        },
    }


def test_windows_are_kept_by_a_callback(tmp_path: Path) -> None:
    """The line that loads it is written, a note says what it needs, and a file that is read back where windows are."""
    config = tg.GatewayConfig(
        deployments=[
            {"model_name": "a", "model": "sim/a", "time_constraints": [["22:00", "06:00"], ["12:00", "13:00"]]},
            {"model_name": "b", "model": "sim/b", "available": [{"start": "01:00", "end": "02:00", "days": ["mon"]}]},
        ],
    )
    assert written(config, tmp_path)["litellm_settings"] == {"callbacks": ["timegate.gateway.litellm.windows"]}
    assert "# Note: windows are kept by the callback" in (tmp_path / "proxy.yaml").read_text()
    with pytest.warns(tg.TimegateWarning, match="litellm_settings: the windows, which stand in the config"):
        tg.GatewayConfig.load(tmp_path / "proxy.yaml")


def test_what_has_no_counterpart_is_refused_by_name(tmp_path: Path) -> None:
    """Each loss is listed; lossy, it stands in a comment."""
    params = {"base_url": "http://localhost:1/v1"}
    deployments = [{"model_name": "a", "model": "sim/a", "params": params}]
    config = tg.GatewayConfig(deployments=deployments, model_type="fortune_telling")
    with pytest.raises(ConfigError) as caught:
        written(config, tmp_path)
    first, second = caught.value.problems
    assert first.startswith("litellm cannot say deployments[0] 'a': params {")
    assert second == "litellm cannot say model_type 'fortune_telling'."
    assert not list(tmp_path.iterdir())
    written(config, tmp_path, lossy=True)
    assert "# Lost: deployments[0] 'a': params {" in (tmp_path / "proxy.yaml").read_text()


def test_unknown_providers_are_noted(tmp_path: Path) -> None:
    """A provider whose key's variable is not known is left to LiteLLM, and that is said."""
    config = tg.GatewayConfig(deployments=[{"model_name": "a", "model": "acme/x"}])
    found = config.export("litellm", tmp_path / "proxy.yaml")
    assert "provider 'acme' has to be known to LiteLLM, and its key." in found.notes[0]
    assert yaml12.parse((tmp_path / "proxy.yaml").read_text()) == {
        "model_list": [
            {"model_name": "a", "litellm_params": {"model": "acme/x"}, "model_info": {"mode": "chat"}},
        ],
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
    }


@examples(50)
@given(config=strategies.eras.flatmap(strategies.configs))
def test_a_way_out_and_back(tmp_path_factory: pytest.TempPathFactory, config: tg.GatewayConfig) -> None:
    """Read again, an export is the config without its windows."""
    path = tmp_path_factory.mktemp("out") / "proxy.yaml"
    config.export("litellm", path, lossy=True, now=NOW)
    without = [{"model_name": d.model_name, "model": d.model} for d in config.deployments]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TimegateWarning)  # of the windows
        assert tg.GatewayConfig.load(path) == tg.GatewayConfig(deployments=without)


PROXY = f"""\
model_list:
  - model_name: gpt
    litellm_params: {{model: openai/gpt-4.1, api_key: os.environ/OPENAI_API_KEY, rpm: 6, api_base: http://x.example}}
  - model_name: gpt
    litellm_params: {{model: azure/gpt-4.1, api_key: {CANARY}}}
    model_info: {{mode: chat, description: in Europe, access_windows: []}}
  - model_name: claude
    litellm_params: {{model: claude-sonnet, custom_llm_provider: anthropic, api_key: os.environ/OTHER_KEY}}
router_settings:
  num_retries: 3
  fallbacks: [{{gpt: [claude]}}]
general_settings: {{master_key: {CANARY}}}
"""


def test_a_proxy_config_is_read(tmp_path: Path) -> None:
    """Groups become deployments in the order of fallback; what has no counterpart is named, and no secret shown."""
    path = tmp_path / "proxy.yaml"
    path.write_text(PROXY)
    with pytest.warns(TimegateWarning) as caught:
        config = tg.GatewayConfig.load(path)
    assert config.to_dict()["deployments"] == [
        {
            "model_name": "gpt",
            "model": "openai/gpt-4.1",
            "priority": 0.0,
            "policy": {"limits": {"requests_per_min": 6}},
        },
        {"model_name": "gpt (2)", "model": "azure/gpt-4.1", "priority": 0.0, "description": "in Europe"},
        {"model_name": "claude", "model": "anthropic/claude-sonnet"},
    ]
    assert config.policy is not None
    assert config.policy.max_retries == 3
    (warning,) = caught
    assert str(warning.message).removeprefix(f"{path}: read as a LiteLLM proxy config, of which this has no ").split(
        "; "
    ) == [
        "counterpart: general_settings",
        "model_list[0].litellm_params.api_base",
        "model_list[1].litellm_params.api_key: a key does not belong in a file, and is not kept",
        "model_list[1].model_info.access_windows",
        "model_list[2].litellm_params.api_key.",
    ]
    config.export("timegate", tmp_path / "ours.yaml")
    for text in (str(warning.message), repr(config), (tmp_path / "ours.yaml").read_text()):
        assert "canary" not in text


ENTRY = {"model_name": "a", "litellm_params": {"model": "openai/a"}}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"model_list": None}, "model_list must be a non-empty list"),
        ({"model_list": {"api_key": CANARY}}, "model_list must be a non-empty list"),
        ({"model_list": [CANARY]}, r"model_list\[0\] must be a mapping with model_name and litellm_params"),
        ({"model_list": [ENTRY | {"litellm_params": {"api_key": CANARY}}]}, r"model_list\[0\] must be a mapping with"),
        ({"model_list": [ENTRY | {"model_name": 1}]}, r"model_list\[0\].model_name must be text. Got 1: write it in"),
        (
            {"model_list": [ENTRY | {"litellm_params": {"model": "my-own", "api_key": CANARY}}]},
            r"model_list\[0\].litellm_params.model must look like 'provider/model-id'. Got 'my-own'. Say whose it is.",
        ),
        ({"model_list": [ENTRY], "router_settings": [CANARY]}, "router_settings must be a mapping. Got a list."),
        ({"model_list": [ENTRY], "litellm_settings": CANARY}, "litellm_settings must be a mapping. Got a str."),
    ],
)
def test_bad_proxy_configs_are_errors_of_ours(data: dict[str, Any], message: str, tmp_path: Path) -> None:
    """What breaks a rule is refused with the path and the place, without showing a key."""
    path = tmp_path / "proxy.json"
    path.write_text(json.dumps(data))
    with pytest.raises(ConfigError, match=message) as caught:
        tg.GatewayConfig.load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "canary" not in "".join(caught.value.problems)


def test_all_bad_entries_are_listed(tmp_path: Path) -> None:
    """Every entry that is wrong has a problem of its own."""
    (tmp_path / "proxy.json").write_text(json.dumps({"model_list": [1, ENTRY, 2]}))
    with pytest.raises(ConfigError) as caught:
        tg.GatewayConfig.load(tmp_path / "proxy.json")
    assert len(caught.value.problems) == 2


ROUTER = """\
import json, logging, os, sys
import litellm, yaml

logging.disable(logging.CRITICAL)
data = yaml.safe_load(open(sys.argv[1], encoding="utf-8"))
router = litellm.Router(model_list=data["model_list"], **data["router_settings"])
down, tried, real = set(), [], litellm.completion

def completion(**kwargs):
    tried.append(kwargs["model"])
    if kwargs["model"] in down:
        raise litellm.exceptions.RateLimitError("down", "openai", kwargs["model"])
    return real(**kwargs | {"mock_response": kwargs["model"]})

litellm.completion = completion
names = [entry["model_name"] for entry in data["model_list"]]
models = [entry["litellm_params"]["model"] for entry in data["model_list"]]
for name in names:
    for down in (set(), set(models[:3]), set(models[1:]), set(models)):
        tried.clear()
        try:
            answer = router.completion(model=name, messages=[{"role": "user", "content": "hello"}])
            answer = answer.choices[0].message.content
        except litellm.exceptions.RateLimitError:
            answer = None
        print(json.dumps([name, sorted(down), tried, answer]))
for variable in sys.argv[2:]:
    del os.environ[variable]
providers = [variable.removesuffix("_API_KEY").lower() for variable in sys.argv[2:]]
print(json.dumps({name: litellm.validate_environment(f"{name}/x")["missing_keys"] for name in providers}))
"""


@pytest.mark.skipif(importlib.util.find_spec("litellm") is None, reason="needs litellm in an environment of its own")
def test_the_real_router_falls_back_as_we_do(tmp_path: Path) -> None:
    """LiteLLM loads the export; whoever is preferred and whoever fails, it tries the same models in the same order.

    It also names the variables of keys as we do.
    """
    CONFIG.export("litellm", tmp_path / "proxy.yaml", now=NOW)
    # In a process of its own: it changes logging and warnings for good. No key is real, and nobody is called.
    environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    environment |= dict.fromkeys(KEY_VARIABLES.values(), CANARY)
    run = subprocess.run(
        [sys.executable, "-c", ROUTER, str(tmp_path / "proxy.yaml"), *KEY_VARIABLES.values()],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    *calls, wanted = map(json.loads, run.stdout.splitlines())
    router, models = CONFIG.router(), {d.model_name: d.model for d in CONFIG.deployments}
    assert len(calls) == 4 * len(models)
    for name, down, tried, answer in calls:
        order = [models[router.names[i]] for i in router.order(0, name)]
        serving = next((i for i, model in enumerate(order) if model not in down), None)
        assert tried == order[: None if serving is None else serving + 1]
        assert answer == (None if serving is None else order[serving])
    assert {name: variable in wanted[name] for name, variable in KEY_VARIABLES.items()} == dict.fromkeys(
        KEY_VARIABLES, True
    )


def loaded(tmp_path: Path, entries: list[str], **settings: Any) -> tuple[list[str], list[str]]:
    """Load a config of groups by these names; return the deployments in order, and what the warning names."""
    data = {"model_list": [{"model_name": n, "litellm_params": {"model": f"openai/{n}"}} for n in entries], **settings}
    (tmp_path / "proxy.json").write_text(json.dumps(data))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        config = tg.GatewayConfig.load(tmp_path / "proxy.json")
    return [d.model_name for d in config.deployments], [str(warning.message) for warning in caught]


@pytest.mark.parametrize(
    ("settings", "order", "unreached"),
    [
        ({"router_settings": {"fallbacks": [{"a": ["c", "b"]}]}}, "acbd", "'d'"),
        ({"litellm_settings": {"fallbacks": [{"a": ["c", "b"]}]}}, "acbd", "'d'"),
        ({"litellm_settings": {"default_fallbacks": ["d", "c", "b"]}}, "adcb", ""),
        ({"router_settings": {"default_fallbacks": ["d"]}}, "adbc", "'b', 'c'"),
        ({"router_settings": {"fallbacks": [{"*": ["d", "b", "c"]}]}}, "adbc", ""),
        ({"litellm_settings": {"fallbacks": [{"a": ["b"]}, {"b": ["d"]}, {"d": ["c"]}]}}, "abdc", ""),
        ({"litellm_settings": {"fallbacks": [{"a": ["d", "c"]}, {"d": ["b"]}]}}, "adbc", ""),
        ({"router_settings": {"fallbacks": [{"a": ["x"]}], "model_group_alias": {"x": "c"}}}, "acbd", "'b', 'd'"),
        ({"router_settings": {"fallbacks": [{"a": ["x"]}], "model_group_alias": {"x": {"model": "d"}}}}, "adbc", "'b'"),
        ({"router_settings": {"fallbacks": [{"a": [{"model": "d"}]}]}}, "adbc", "'b', 'c'"),
        ({"router_settings": {"fallbacks": [{"a": ["b"]}]}, "litellm_settings": {"fallbacks": [{"a": ["d"]}]}}, "abcd",
         "'c', 'd'"),
        ({"router_settings": {"model_group_alias": {"a": "c"}, "fallbacks": [{"c": ["b"]}]}}, "cbad", "'a', 'd'"),
        ({"router_settings": {"model_group_alias": {"a": {"model": "x"}}, "fallbacks": [{"a": ["c"]}]}}, "abcd",
         "'b', 'c', 'd'"),
        ({}, "abcd", "'b', 'c', 'd'"),
    ],
)  # fmt: skip
def test_order_comes_from_all_that_sets_one(
    settings: dict[str, Any], order: str, unreached: str, tmp_path: Path
) -> None:
    """Fallbacks of either place, of all, of fallbacks themselves, by alias; what LiteLLM would never try is said."""
    names, said = loaded(tmp_path, list("abcd"), **settings)
    assert "".join(names) == order
    assert bool(unreached) == any("never reaches" in text for text in said)
    assert not unreached or unreached in said[0]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"model_group_alias": {"a": "b"}}, "that 'a' is another name of 'b', where calls to it go"),
        ({"fallbacks": {"a": ["b"]}}, "fallbacks, which must be a list of mappings"),
        ({"fallbacks": ["b"]}, "fallbacks, which must be a list of mappings"),
        ({"fallbacks": [{"a": ["b", "gpt-5"]}]}, "the fallback 'gpt-5', which is no model_name of model_list"),
        ({"default_fallbacks": ["b", "zzz"]}, "the fallback 'zzz', which is no model_name of model_list"),
        ({"fallbacks": [{"a": ["b", "x"]}], "model_group_alias": {"x": "y"}}, "the fallback 'y', which is no"),
    ],
)
def test_fallbacks_that_lead_nowhere_are_told(settings: dict[str, Any], said: str, tmp_path: Path) -> None:
    """What sets an order and is not followed, or cannot be, is named."""
    _, warned = loaded(tmp_path, ["a", "b"], router_settings=settings)
    assert said in warned[0]


def test_members_of_a_group_stand_together_in_their_order(tmp_path: Path) -> None:
    """`order` within a group decides; those of one order share a priority, and weights are kept."""
    entries = [
        {"model_name": "gpt", "litellm_params": {"model": "openai/a", "order": 2}},
        {"model_name": "gpt", "litellm_params": {"model": "azure/b", "order": 1, "weight": 9}},
        {"model_name": "other", "litellm_params": {"model": "groq/c"}},
        {"model_name": "gpt", "litellm_params": {"model": "azure/d", "order": 1, "weight": 1}},
    ]
    (tmp_path / "p.json").write_text(
        json.dumps({"model_list": entries, "router_settings": {"default_fallbacks": ["other"]}})
    )
    config = tg.GatewayConfig.load(tmp_path / "p.json")
    assert [(d.model, d.priority, d.weight) for d in config.deployments] == [
        ("azure/b", 0, 9), ("azure/d", 0, 1), ("openai/a", None, None), ("groq/c", None, None),
    ]  # fmt: skip


def test_models_that_do_something_else_are_left_out(tmp_path: Path) -> None:
    """A file of chat and embedding models is a gateway of chat models, and the others are named."""
    entries = [
        {"model_name": "chat", "litellm_params": {"model": "openai/a"}},
        {"model_name": "embed", "litellm_params": {"model": "openai/e"}, "model_info": {"mode": "embedding"}},
    ]
    (tmp_path / "p.json").write_text(json.dumps({"model_list": entries}))
    with pytest.warns(TimegateWarning, match=r"model_list\[1\] 'embed': its mode is 'embedding'"):
        config = tg.GatewayConfig.load(tmp_path / "p.json")
    assert (config.model_type, [d.model_name for d in config.deployments]) == ("chat_completion", ["chat"])


def test_bare_models_are_those_of_their_makers(tmp_path: Path) -> None:
    """A model without a provider is whose its name says, which is said; embedders are known by theirs."""
    models = ["gpt-4.1", "claude-opus-4", "grok-4", "gemini-3-flash", "text-embedding-3-small"]
    entries = [{"model_name": model, "litellm_params": {"model": model}} for model in models]
    (tmp_path / "p.json").write_text(json.dumps({"model_list": entries}))
    with pytest.warns(TimegateWarning) as caught:
        config = tg.GatewayConfig.load(tmp_path / "p.json")
    assert [d.model for d in config.deployments] == [
        "openai/gpt-4.1", "anthropic/claude-opus-4", "xai/grok-4", "gemini/gemini-3-flash",
    ]  # fmt: skip
    text = str(caught[0].message)
    assert "model_list[1].litellm_params.model, which says no provider: it is read as 'anthropic/claude-opus-4'" in text
    assert "model_list[4] 'text-embedding-3-small': its mode is 'embedding'" in text


def test_policies_go_out_and_come_back(tmp_path: Path) -> None:
    """Timeouts, retries, cooldowns, limits and weights are said in LiteLLM's words, and read back; others are named."""
    config = tg.GatewayConfig(
        policy={"timeout_s": 20, "max_retries": 2, "cooldown": {"failures": 3, "within_s": 30, "for_s": 30}},
        deployments=[
            {
                "model_name": "a",
                "model": "openai/a",
                "weight": 3,
                "policy": {
                    "timeout_s": 5,
                    "max_retries": 1,
                    "limits": {"requests_per_min": 60, "tokens_per_min": 9_000, "concurrent": 4},
                },
            },
            {"model_name": "b", "model": "openai/b"},
        ],
    )
    data = written(config, tmp_path)
    assert data["model_list"][0]["litellm_params"] == {
        "model": "openai/a", "api_key": "os.environ/OPENAI_API_KEY", "timeout": 5.0, "max_retries": 1, "rpm": 60,
        "tpm": 9_000, "max_parallel_requests": 4, "weight": 3.0,
    }  # fmt: skip
    settings = data["router_settings"]
    assert {key: settings.get(key) for key in ("timeout", "num_retries", "allowed_fails", "cooldown_time")} == {
        "timeout": 20, "num_retries": 2, "allowed_fails": 2, "cooldown_time": 30,
    }  # fmt: skip
    assert "disable_cooldowns" not in settings
    again = tg.GatewayConfig.load(tmp_path / "proxy.yaml")
    assert again.deployments == config.deployments
    assert again.policy == config.policy
    other = config.edited(b={"policy": {"idle_s": 3}, "prefer_during": [["01:00", "02:00"]]})
    with pytest.raises(ConfigError) as caught:
        written(other, tmp_path)
    assert ["policy: idle_s 3.0" in text or "prefer_during" in text for text in caught.value.problems] == [True, True]


def test_an_export_stands_in_order_of_priority(tmp_path: Path) -> None:
    """Who is tried first stands first, and begins."""
    config = tg.GatewayConfig(
        deployments=[
            {"model_name": "a", "model": "openai/a", "priority": 9},
            {"model_name": "b", "model": "openai/b", "priority": 1},
        ]
    )
    assert [entry["model_name"] for entry in written(config, tmp_path)["model_list"]] == ["b", "a"]


def test_a_flood_of_members_is_read(tmp_path: Path) -> None:
    """A group of thousands is numbered without looking at all for each, and the warning names the first hundred."""
    entry = {"model_name": "a", "litellm_params": {"model": "openai/x", "api_base": "x"}}
    (tmp_path / "proxy.json").write_text(json.dumps({"model_list": [entry] * 20_000}))
    with pytest.warns(TimegateWarning, match=r"more\.$") as caught:
        config = tg.GatewayConfig.load(tmp_path / "proxy.json")
    assert [d.model_name for d in config.deployments[:3]] == ["a", "a (2)", "a (3)"]
    assert config.deployments[-1].model_name == "a (20000)"
    assert len(str(caught[0].message)) < 12_000


def test_a_pattern_is_no_model(tmp_path: Path) -> None:
    """A model that stands for whatever a call names is told of, whatever else its entry says."""
    _, told = loaded(tmp_path, ["gpt-4.1", "*"])
    assert any(
        "model_list[1].litellm_params.model 'openai/*' standing for whatever a call names" in each for each in told
    )
