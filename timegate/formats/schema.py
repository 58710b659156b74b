"""JSON Schemas of the files, by which editors complete and check what is typed.

A schema is made from the classes that read the file: their fields, the limits of those, and their docstrings. What
the classes check beyond that, it says in words: it may accept what they refuse, but never refuses what they accept.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

from pydantic.json_schema import CoreRef, GenerateJsonSchema
from pydantic_core import core_schema

from timegate.config import GatewayConfig
from timegate.config.named_windows import NAME
from timegate.core.price import AUTO, Price
from timegate.core.spelling import FORMS
from timegate.core.windows import FIELDS, Window
from timegate.faults.scenario import Scenario
from timegate.formats.format import SCHEMA, SIDECAR
from timegate.validation import Value

__all__ = ["config_schema", "scenario_schema"]

Schema = dict[str, Any]

# Neither a date, whose day looks like an offset, nor a time without one.
_INSTANT = (
    r"^(?!\s*[0-9]{4}(-[0-9]{2}){1,2}\s*$)"
    r"\s*[0-9]{4}[\s\S]*([Zz]|[+-][0-9]{2}(:?[0-9]{2}(:?[0-9]{2}([.,][0-9]+)?)?)?)\s*$"
)


def config_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of a gateway's config file.

    Examples
    --------
    >>> config_schema()["$defs"]["Deployment"]["required"]
    ['model_name', 'model']
    """
    made = _schema(
        GatewayConfig,
        "gateway.schema.json",
        "Loading checks more than a schema can say: that names are unique, zones are known, dates exist, and until "
        "does not lie before since.",
    )
    made["properties"][SIDECAR] = {
        "type": "array",
        "items": {"type": "string"},
        "description": "What an export noted: which version checked the config, when, and what it found. Not read.",
    }
    return made


def scenario_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of a scenario file.

    Examples
    --------
    >>> scenario_schema()["$defs"]["Outage"]["required"]
    ['type', 'target', 'start']
    """
    return _schema(
        Scenario,
        "scenario.schema.json",
        "Loading checks more than a schema can say: that names are unique, zones and groups are known, times exist, "
        "each end lies after its start, and fields of a fault go together. A replay checks that the targets exist.",
    )


def _schema(cls: type[Value], name: str, beyond: str) -> Schema:
    made = cls.model_json_schema(schema_generator=_Generator)
    definitions, _ = made.pop("$defs"), made.pop("title")
    made["properties"][SCHEMA] = {"type": "string", "description": "Where editors find this schema. Not read."}
    return {
        "$schema": _Generator.schema_dialect,
        "$id": name,  # relative, for it stands at no address but its own
        "title": f"timegate {cls.__name__}",
        "description": f"{made.pop('description')} {beyond}",
        **made,
        "$defs": dict(sorted(definitions.items())),  # their order else depends on what was built before
    }


class _Generator(GenerateJsonSchema):
    """Pydantic's schemas, with the descriptions of our docstrings, and for our own types what these read."""

    def model_schema(self, schema: core_schema.ModelSchema) -> Schema:
        made = super().model_schema(schema)
        summary, parameters = _described(schema["cls"])
        made["description"] = summary
        for name, field in made["properties"].items():
            if name in parameters:
                field["description"] = parameters[name]
        if schema["cls"] is Price:
            return {"anyOf": [{"const": AUTO}, made]}
        if "type" in made["properties"]:  # which a file must say, though Python knows it by the class
            made["properties"]["type"].pop("default")
            made["required"] = ["type", *made["required"]]
        return made

    def sort(self, value: Schema, parent_key: str | None = None) -> Schema:
        return value  # in the order of the fields, as people write them

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False  # "Model Name" says no more than model_name

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> Schema:
        made = super().tagged_union_schema(schema)
        del made["discriminator"]  # a word of OpenAPI
        return made

    def datetime_schema(self, schema: core_schema.DatetimeSchema) -> Schema:
        # No format: date-time wants seconds, which we do not.
        return {"type": "string", "pattern": _INSTANT, "examples": ["2026-03-02T09:00Z", "2026-03-02T10:00:00+01:00"]}

    def function_plain_schema(self, schema: core_schema.PlainValidatorFunctionSchema) -> Schema:
        # Windows alone are read by a function of ours.
        name, reference = self.get_cache_defs_ref_schema(CoreRef("Window"))
        self.definitions[name] = _window_schema()
        return reference


def _window_schema() -> Schema:
    summary, parameters = _described(Window)
    forms: dict[str, Schema] = {}
    for name, default in FIELDS.items():
        forms[name] = {**FORMS[name], "description": parameters[name]}
        if name not in ("start", "end"):
            forms[name]["default"] = list(default) if default == () else default
    start, last = forms["start"], forms["end"]
    # Readers of older drafts know no prefixItems, and hold every item to what 2020-12 has for the rest.
    pair = {"type": "array", "prefixItems": [start, last], "items": last, "minItems": 2, "maxItems": 2}
    mapping = {"type": "object", "properties": forms, "required": ["start", "end"], "additionalProperties": False}
    by_name = {"type": "string", "pattern": f"^{NAME}$", "description": "The name of one of the config's windows."}
    return {
        "description": f"{summary} A pair is daily and in UTC. Quote the times: YAML 1.1 takes 22:00 for a number.",
        "anyOf": [pair, mapping, by_name],
        "examples": [["22:00", "06:00"], {"start": "08:00", "end": "24:00", "tz": "Europe/Berlin", "days": "mon-fri"}],
    }


def _described(cls: type) -> tuple[str, dict[str, str]]:
    """Return what the docstrings of a class and its bases say (numpydoc): the summary, and each parameter's text."""
    parameters: dict[str, str] = {}
    for base in reversed(cls.__mro__[:-1]):
        sections = re.split(r"\n(\w+)\n-+\n", inspect.cleandoc(base.__doc__ or ""))
        entries = dict(zip(sections[1::2], sections[2::2], strict=True)).get("Parameters", "")
        for names, text in re.findall(r"^(\S.*?) : .*\n((?:    .*\n?)*)", f"{entries}\n", re.MULTILINE):
            parameters |= {name: _in_one_line(text) for name in names.split(", ") if text}
    return _in_one_line(inspect.cleandoc(cls.__doc__ or "").partition("\n\nParameters\n")[0]), parameters


def _in_one_line(text: str) -> str:
    return " ".join(re.sub(":class:(?=`)", "", text).replace("``", "`").split())
