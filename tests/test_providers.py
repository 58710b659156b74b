"""Providers by name, the parameters of a deployment, and what of them may be written."""

from __future__ import annotations

import json
import re
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from asked import ways
from fault_server import fault_server
from test_failures import ask

import timegate as tg
from timegate.core.deployment import NOT_ROUTING
from timegate.core.secrets import is_secret, without_secrets
from timegate.errors import AuthenticationError, ConfigError
from timegate.models import registry
from timegate.models.providers import PROVIDERS

pytest.importorskip("openai")
SECRET = "sk-do-not-tell-anybody"  # noqa: S105 - opens nothing


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("TEAM", "blue")
    with fault_server() as httpd:
        yield httpd


@pytest.fixture
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for provider in PROVIDERS.values():
        for variable in (*provider.api_key_env, provider.base_url_env):
            if variable:
                monkeypatch.delenv(variable, raising=False)


def config(model: str = "unheard/fine", model_type: str = "chat_completion", **params: Any) -> tg.GatewayConfig:
    deployment = {"model_name": "a", "model": model, "params": params}
    return tg.GatewayConfig(model_type=model_type, deployments=[deployment])


@ways
def test_a_config_names_a_server_of_ones_own(server: Any, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """A provider that nobody knows is served at its ``base_url``, with key, headers and parameters."""
    monkeypatch.setenv("KEY_B", SECRET)
    gateway = config(
        base_url=server.url, api_key_env=["KEY_A", "KEY_B"], headers_env={"X-Team": "TEAM"}, temperature=0.5
    ).build()
    assert ask(gateway, way, messages="Hi").consume() == "Hello"
    [(_, headers, body)] = server.requests
    assert (headers["Authorization"], headers["X-Team"], body["temperature"]) == (f"Bearer {SECRET}", "blue", 0.5)
    assert gateway.router.deployments[0].provider == "unheard"


@ways
def test_embeddings(server: Any, way: str) -> None:
    """A text gives a vector, a list of texts a list of vectors in its order."""
    gateway = config(model_type="text_embedder", base_url=server.url, api_key_env=[]).build()
    assert ask(gateway, way, data="four").consume() == [4.0, 0.5]
    answer = ask(gateway, way, data=["one", "three"])
    assert answer.consume() == [[3.0, 0.5], [5.0, 0.5]]
    assert answer.metadata["usage"]["prompt_tokens"] == 3


@pytest.mark.usefixtures("no_keys")
@pytest.mark.parametrize("name", [name for name, provider in PROVIDERS.items() if provider.api_key_env])
def test_every_provider_names_its_key(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A key that is not set is an error when a gateway is built, and named; unchecked it is one of a call."""
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://me.openai.azure.com")
    variable = PROVIDERS[name].api_key_env[0]
    with pytest.raises(ConfigError, match=rf"deployments\[0\] 'a': model: .* variable {variable}"):
        config(f"{name}/m").build()
    gateway = config(f"{name}/m").build(check_keys=False)
    with pytest.raises(tg.ModelRouterError) as caught:
        gateway(messages="Hi")
    assert isinstance(caught.value.exceptions[0], AuthenticationError)
    monkeypatch.setenv(variable, SECRET)
    model: Any = config(f"{name}/m").build().models[0]
    assert (model.provider, model.model_id) == (name, "m")
    assert SECRET not in json.dumps(model.serialize())


def test_every_address_is_https_or_local(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key goes out in the clear: what is not on this machine is called over TLS."""
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://me.openai.azure.com/")
    addresses = {name: provider.address() for name, provider in PROVIDERS.items()}
    assert addresses["azure"] == "https://me.openai.azure.com/openai/v1/"
    assert addresses.pop("openai") is None
    assert all(address.startswith(("https://", "http://localhost:")) for address in addresses.values() if address)


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"timeout_s": 5}, "params.timeout_s has no place here: the policy says"),
        ({"max_retries": 1}, "params.max_retries has no place here: the policy says"),
        ({"api_key": SECRET}, "params.api_key has no place here, where everyone may read it."),
        ({"extra": {"Authorization": "x"}}, "params.extra has no place here"),
        ({"note": SECRET}, "params.note has no place here"),
        ({"base_url": "https://me:word@host/v1"}, "params.base_url has no place here"),
        ({"stop": {1, 2}}, "params must be plain data that a file can hold"),
        ({"base_url": "localhost:8000"}, "base_url must look like 'https://host/v1'. Got 'localhost:8000'."),
        ({"base_url": 5}, "base_url must look like"),
        ({"base_url": "http://h:port/v1"}, "base_url must look like"),
        ({"base_url": "http://a b/v1"}, "base_url must look like"),
        ({"base_ulr": "http://localhost/v1"}, "params.base_ulr would be sent to the model. Did you mean 'base_url'?"),
        ({"api_key_env": ""}, "params.api_key_env must be the name of an environment variable, or a list of them. Got"),
        ({"api_key_env": ["A", 3]}, "params.api_key_env must be the name"),
        ({"api_key_env": SECRET}, "or a list of them. Got a key itself."),
        (
            {"headers_env": 3},
            "params.headers_env must be a mapping of headers to names of environment variables. Got 3",
        ),
        ({"headers_env": {"X": SECRET}}, "names of environment variables. Got a key itself."),
        ({}, "Provider 'unheard' is not registered"),
    ],
    ids=str,
)
def test_params_refuse(params: dict[str, Any], problem: str) -> None:
    """Times, secrets and addresses that are none are refused by name, and never shown."""
    with pytest.raises(ConfigError) as caught:
        config(**params).build(check_keys=False)
    assert problem in str(caught.value)
    assert "deployments[0] 'a'" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert "word" not in str(caught.value)


def test_a_model_that_does_not_take_params_says_so() -> None:
    """A parameter that the constructor does not know is a problem of the config."""
    with pytest.raises(ConfigError, match=r"deployments\[0\] 'a': params"):
        config("sim/small", colour="red").build()


def test_what_is_not_routing_is_not_in_the_fingerprint() -> None:
    """Parameters and descriptions are the only fields that the hash of a router leaves out."""
    assert {"price", "params", "description"} == NOT_ROUTING
    plain, full = config("sim/small"), config("sim/small", base_url="http://localhost/v1")
    assert plain.router().fingerprint == full.router().fingerprint
    assert plain != full
    described = set(full.deployments[0].routing()) | NOT_ROUTING
    for name in tg.Deployment.model_fields.keys() - NOT_ROUTING - {"model_name", "model"}:
        value = {"policy": {"max_retries": 1}, "priority": 2.0, "weight": 2.0}.get(name, [["22:00", "06:00"]])
        other = tg.GatewayConfig(deployments=[{"model_name": "a", "model": "sim/small", name: value}])
        assert other.router().fingerprint != plain.router().fingerprint, name
        described.add(name)
    assert described == set(tg.Deployment.model_fields)


@pytest.mark.usefixtures("no_keys")
def test_check_says_what_is_missing_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked to look at this machine, it names providers that nobody serves and variables that are not set."""
    deployments = [
        {"model_name": "a", "model": "unheard/m"},
        {"model_name": "b", "model": "gemini/m", "params": {"headers_env": {"X": "NOT_SET_HERE"}}},
        {"model_name": "c", "model": "sim/m"},
    ]
    asked = tg.GatewayConfig(deployments=deployments)
    found = [(f.code, f.deployment, f.message) for f in tg.check(asked, here=True) if f.code.startswith("TG6")]
    assert [(code, name) for code, name, _ in found] == [("TG601", "a"), ("TG602", "b")]
    assert "GEMINI_API_KEY or GOOGLE_API_KEY, NOT_SET_HERE is not set" in found[1][2]
    monkeypatch.setenv("GOOGLE_API_KEY", SECRET)
    monkeypatch.setenv("NOT_SET_HERE", "set")
    assert [f.code for f in tg.check(asked, here=True) if f.code.startswith("TG6")] == ["TG601"]
    assert not [f for f in tg.check(asked) if f.code.startswith("TG6")]


@pytest.mark.parametrize("base_url", ["localhost:8000", 5, "http://h:port/v1"])
def test_check_finds_an_address_that_is_none(base_url: Any) -> None:
    """What ``build()`` refuses is found before, at its place; a good address, or none, is not."""
    (found,) = [f for f in tg.check(config(base_url=base_url, api_key_env=[]), here=True) if f.code.startswith("TG6")]
    assert (found.code, found.place, found.deployment) == ("TG603", "deployments[0] 'a': params", "a")
    assert found.message.startswith("build() will refuse it: base_url must look like 'https://host/v1'. Got ")
    for right in (config(base_url="http://localhost:8000/v1", api_key_env=[]), config("sim/m")):
        assert not [f for f in tg.check(right, here=True) if f.code.startswith("TG6")]


@pytest.mark.usefixtures("no_keys")
def test_an_address_of_ones_own_is_missing_as_a_key_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Azure's stands in a variable: ``check`` names it, and a call to a model built without it says so."""
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", SECRET)
    azure = config("azure/m")
    assert "AZURE_OPENAI_ENDPOINT is not set here" in next(
        f.message for f in tg.check(azure, here=True) if f.code == "TG602"
    )
    with pytest.raises(tg.ModelRouterError) as caught:
        azure.build(check_keys=False)(messages="Hi")
    assert "AZURE_OPENAI_ENDPOINT was not set" in str(caught.value.exceptions[0])
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://me.openai.azure.com")
    assert not [f for f in tg.check(azure, here=True) if f.code.startswith("TG6")]


def test_another_package_registers_by_an_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider that is not registered is looked for among entry points, by its name."""
    copied = {model_type: dict(classes) for model_type, classes in registry._registry.items()}
    monkeypatch.setattr(registry, "_registry", copied)

    def entry_points(group: str, name: str) -> list[EntryPoint]:
        return (
            [EntryPoint(name, "test_providers:Theirs", group)] if (group, name) == ("timegate.models", "they") else []
        )

    monkeypatch.setattr("importlib.metadata.entry_points", entry_points)
    assert tg.Model.chat_completion("they/m")().consume() == "theirs"
    with pytest.raises(ValueError, match="not registered"):
        tg.Model.chat_completion("nobody/m")


class Theirs(tg.BaseModel):
    """A model of another package."""

    provider, model_type = "they", "chat_completion"

    def __init__(self, model_id: str) -> None:
        self.model_id = model_id

    def __call__(self, **kwargs: Any) -> tg.ModelResponse:
        return tg.ModelResponse("theirs")


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("api_key", "anything", True),
        ("openai-api-key", "anything", True),
        ("password", "x", True),
        ("Authorization", "x", True),
        ("x", "Basic dXNlcjpwYXNz", True),
        ("x", "sk-proj-abcdefghijkl", True),
        ("x", "https://me:word@host/v1", True),
        ("x", "https://host/v1?api_key=abc", True),
        ("x", b"Bearer abcdefgh", True),
        ("x", [{"token": "abc"}], True),
        ("api_key_env", "OPENAI_API_KEY", False),
        ("headers_env", {"Authorization": "MY_VARIABLE"}, False),
        ("max_tokens", 500, False),
        ("base_url", "https://host/v1?api-version=2", False),
        ("x", "a bearer of news", False),
        ("api_key", None, False),
        ("model_id", "sk-1", False),
    ],
)
def test_secrets_are_known_by_kind(name: str, value: Any, secret: bool) -> None:
    """By name or by what they look like, wherever they lie; names of variables, counts and addresses are none."""
    assert is_secret(name, value) is secret
    assert (without_secrets({name: value, "kept": 1}) == {"kept": 1}) is (secret and not isinstance(value, list))
    assert "abc" not in str(without_secrets({name: value})) or not secret


def test_serialize_has_no_secrets_of_any_kind() -> None:
    """A password in an address and a header of a model of one's own are left out of its state."""
    model: Any = Theirs("m")
    model.base_url, model.headers = "https://me:word@host/v1", {"Authorization": "Bearer abcdefgh", "X-Team": "blue"}
    assert model.serialize()["state"] == {"model_id": "m", "headers": {"X-Team": "blue"}}


def test_the_page_lists_every_provider() -> None:
    """Its table has the addresses and variables of the registry."""
    page = (Path(__file__).parents[1] / "docs" / "live.md").read_text(encoding="utf-8")
    table = page.split("| provider |")[1].split("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    for (name, address, keys), provider in zip(rows, PROVIDERS.values(), strict=True):
        assert name.strip("`") == provider.name
        assert tuple(re.findall(r"`(\w+)`", keys)) == provider.api_key_env
        assert provider.base_url is None or f"`{provider.base_url}`" in address
