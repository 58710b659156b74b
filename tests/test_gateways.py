"""Logs of gateways, in the form that their documentation gives, as traces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import timegate as tg
from timegate.errors import TraceError
from timegate.traffic.columns import FORMATS
from timegate.traffic.formats import recognised

NONE = pd.NA


def read(folder: Path, content: str, name: str = "log.csv", **options: Any) -> tg.Trace:
    (folder / name).write_text(content, encoding="utf-8")
    return tg.read_trace(folder / name, **options)


def columns(trace: tg.Trace, *names: str) -> list[tuple[Any, ...]]:
    """Return the rows of some columns, what is missing as None and times as seconds after 10:00."""
    frame = trace.frame.astype(object).where(trace.frame.notna(), None)
    frame["at"] = (trace.frame["at"] - pd.Timestamp("2026-03-02T10:00Z")).dt.total_seconds()
    return [tuple(row) for row in frame[["at", *names]].itertuples(index=False)]


LITELLM = """request_id,prompt_tokens,completion_tokens,startTime,endTime,model,model_group,status,session_id
r4,10,20,2026-03-02 10:00:09,2026-03-02 10:00:10.5,claude,strong,success,t2
r1,0,0,2026-03-02 10:00:00.1,2026-03-02 10:00:02,gpt,strong,failure,t1
r2,11,5,2026-03-02 10:00:02,2026-03-02 10:00:05,claude,strong,success,t1
r3,12,6,2026-03-02 10:00:06,2026-03-02 10:00:07,claude,strong,success,t1
r5,0,0,2026-03-02 10:01:00,2026-03-02 10:01:01,gpt,strong,failure,
"""


def test_litellm(tmp_path: Path) -> None:
    """A row an attempt: one that follows upon a failure in its trace is the same call, one upon an answer another."""
    trace = read(tmp_path, LITELLM)
    names = "served_by", "status", "latency_s", "attempts", "prompt_tokens", "completion_tokens"
    assert columns(trace, *names) == [
        (0.1, "claude", "success", pytest.approx(4.9), 2, 11, 5),
        (6, "claude", "success", 1, 1, 12, 6),
        (9, "claude", "success", 1.5, 1, 10, 20),
        (60, None, "failure", 1, 1, 0, 0),
    ]
    assert trace.preferred_names == ()
    assert trace.notes == (
        "read as LiteLLM spend log, times taken as UTC",
        "5 attempts of 4 calls, by their traces",
        "2 attempts that failed, kept",
    )
    asked = read(tmp_path, LITELLM, columns={"model_preference": "model_group"})
    assert asked.preferred_names == ("strong",)
    assert asked.observed is not None
    assert asked.observed["attempts"].tolist() == [2, 1, 1, 1]


@pytest.mark.parametrize("late", ["10:01:03", "10:00:00.5"])
def test_a_retry_follows_at_once(tmp_path: Path, late: str) -> None:
    """What begins a minute after the failure, or well before it, shares the trace of a conversation and no more."""
    rows = [line for line in LITELLM.splitlines() if not line.startswith(("r3", "r4", "r5"))]
    rows[2] = rows[2].replace("2026-03-02 10:00:02,", f"2026-03-02 {late},")
    trace = read(tmp_path, "\n".join(rows))
    assert trace.observed is not None
    assert trace.observed["attempts"].tolist() == [1, 1]


@pytest.mark.parametrize("shape", ["list", "answer", "lines"])
def test_litellm_as_json(tmp_path: Path, shape: str) -> None:
    """What /spend/logs answers is the same as a list, inside an answer, and a row a line; messages are passed over."""
    row = {"request_id": "a", "startTime": "2026-03-02T10:00:01+00:00", "endTime": "2026-03-02T10:00:03+00:00",
           "model": "gpt", "prompt_tokens": 3, "completion_tokens": 4, "messages": [{"role": "user"}],
           "response": {"text": "x" * 5000}, "session_id": None}  # fmt: skip
    rows = [row, row | {"request_id": "b"}]
    documents = {"list": json.dumps(rows), "answer": json.dumps({"data": rows, "total": 2}, indent=1),
                 "lines": "\n".join(map(json.dumps, rows))}  # fmt: skip
    trace = read(tmp_path, documents[shape], "log.json")
    assert columns(trace, "served_by", "latency_s", "prompt_tokens") == [(1, "gpt", 2, 3)] * 2
    assert trace.notes == ("read as LiteLLM spend log",)


@pytest.mark.parametrize("log", ["LITELLM", "LANGFUSE"])
def test_attempts_that_are_there_twice_count_once(tmp_path: Path, log: str) -> None:
    """Parts of a log that overlap, put one behind the other, are the log; only what shares id and time is the same."""
    text = globals()[log]
    once = read(tmp_path, text)
    header, *rows = text.splitlines()
    twice = read(tmp_path, "\n".join([header, *rows, *rows[1:]]))
    pd.testing.assert_frame_equal(twice.frame, once.frame)
    assert f"{len(rows) - 1} rows with the id and time of another, passed over" in twice.notes
    later = read(tmp_path, "\n".join([header, *rows, rows[-1].replace("2026-03-02", "2026-03-03")]))
    assert len(later) == len(once) + 1


LANGSMITH = [
    {"id": "1", "trace_id": "t", "run_type": "chain", "start_time": "2026-03-02T10:00:00", "end_time": None,
     "status": "success", "inputs": {"messages": []}, "dotted_order": "x"},
    {"id": "2", "trace_id": "t", "run_type": "llm", "start_time": "2026-03-02T10:00:00.5", "status": "error",
     "end_time": "2026-03-02T10:00:01", "error": "429", "extra": {"metadata": {"ls_model_name": "gpt"}},
     "prompt_tokens": 0, "completion_tokens": 0},
    {"id": "3", "trace_id": "t", "run_type": "llm", "start_time": "2026-03-02T10:00:01.5", "status": "success",
     "end_time": "2026-03-02T10:00:03", "error": None, "extra": {"metadata": {"ls_model_name": "claude"}},
     "prompt_tokens": 10, "completion_tokens": 7},
]  # fmt: skip


def test_langsmith(tmp_path: Path) -> None:
    """Runs of models are attempts, joined by their trace; chains around them are not."""
    trace = read(tmp_path, "\n".join(map(json.dumps, LANGSMITH)), "runs.jsonl")
    names = "served_by", "status", "latency_s", "attempts", "prompt_tokens", "completion_tokens"
    assert columns(trace, *names) == [(0.5, "claude", "success", 2.5, 2, 10, 7)]
    assert trace.notes == (
        "read as LangSmith runs, times taken as UTC",
        "1 row without a call of a model, passed over",
        "2 attempts of 1 call, by their traces",
        "1 attempt that failed, kept",
    )


def test_a_log_without_a_call_of_a_model_is_an_error(tmp_path: Path) -> None:
    """Where attempts are joined by their trace, too."""
    with pytest.raises(TraceError, match=r"runs\.jsonl: read as LangSmith runs: no row calls a model\.$"):
        read(tmp_path, json.dumps(LANGSMITH[0]) + "\n" + json.dumps(LANGSMITH[0]), "runs.jsonl")


LANGFUSE = """id,traceId,type,startTime,endTime,level,providedModelName,usageDetails
1,t,SPAN,2026-03-02T10:00:00.000Z,2026-03-02T10:00:05.000Z,DEFAULT,,
2,t,GENERATION,2026-03-02T10:00:01.000Z,2026-03-02T10:00:03.000Z,DEFAULT,gpt,"{""input"":10,""input_cached_tokens"":5,""output"":7,""total"":22}"
3,t,GENERATION,2026-03-02T10:00:00.500Z,2026-03-02T10:00:00.900Z,ERROR,gpt,{}
"""


def test_langfuse(tmp_path: Path) -> None:
    """Generations are calls, and spans around them are not; the counts of tokens add up by their kind."""
    trace = read(tmp_path, LANGFUSE)
    assert columns(trace, "served_by", "status", "prompt_tokens", "completion_tokens") == [
        (0.5, None, "ERROR", None, None),
        (1, "gpt", "DEFAULT", 15, 7),
    ]
    assert trace.notes[:3] == (
        "read as Langfuse observations",
        "1 row without a call of a model, passed over",
        "1 call that failed, kept",
    )


def test_langfuse_in_parquet(tmp_path: Path) -> None:
    """The export to blob storage writes other names, naive UTC, and counts as a map."""
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    usage = pa.array([[("input", 3), ("output", 4)]], type=pa.map_(pa.string(), pa.int64()))
    at = {
        name: pa.array(pd.to_datetime([f"2026-03-02T10:00:0{s}"])) for name, s in (("start_time", 1), ("end_time", 2))
    }
    texts = {"id": ["1"], "trace_id": ["t"], "type": ["GENERATION"], "level": ["DEFAULT"], "provided_model_name": ["g"]}
    pq.write_table(pa.table({**texts, **at, "usage_details": usage}), tmp_path / "observations.parquet")
    trace = tg.read_trace(tmp_path / "observations.parquet")
    assert columns(trace, "served_by", "latency_s", "prompt_tokens", "completion_tokens") == [(1, "g", 1, 3, 4)]
    assert trace.notes == ("read as Langfuse observations, times taken as UTC",)


def test_langfuse_as_its_interface_answers(tmp_path: Path) -> None:
    """GET /observations puts rows into ``data``; an observation that has not ended has no latency."""
    row = {"id": "1", "traceId": "t", "type": "GENERATION", "startTime": "2026-03-02T10:00:01Z", "endTime": None,
           "level": "DEFAULT", "model": "g", "usage": {"input": 3, "output": 4, "unit": "TOKENS"}}  # fmt: skip
    trace = read(tmp_path, json.dumps({"data": [row], "meta": {"page": 1}}), "log.json")
    assert columns(trace, "served_by", "prompt_tokens") == [(1, "g", 3)]
    assert "latency_s" not in trace.frame


def span(key: str, parent: str, start: float, end: float, code: int = 0, **attributes: Any) -> dict[str, Any]:
    """Make a span of OTLP; attributes without their common prefix, dots as underscores."""
    pairs = [{"key": "gen_ai." + name.replace("__", "."),
              "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
             for name, value in attributes.items()]  # fmt: skip
    began = pd.Timestamp("2026-03-02T10:00Z").value
    return {"traceId": "t", "spanId": key, "parentSpanId": parent, "attributes": pairs, "status": {"code": code},
            "startTimeUnixNano": str(began + int(start * 1e9)),
            "endTimeUnixNano": str(began + int(end * 1e9))}  # fmt: skip


def otlp(*spans: dict[str, Any]) -> dict[str, Any]:
    return {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": list(spans)}]}]}


SPANS = (
    span("a", "", 0, 5, operation__name="invoke_agent"),
    span("b", "a", 0.5, 4, operation__name="chat", request__model="strong"),
    span("c", "b", 0.5, 1, 2, operation__name="chat", request__model="gpt"),
    span("d", "b", 1, 4, operation__name="chat", response__model="claude", usage__input_tokens=3,
         usage__output_tokens=9),
    span("e", "a", 4, 5, operation__name="execute_tool"),
    span("f", "a", 4, 5, request__model="old", usage__prompt_tokens=1, usage__completion_tokens=2),
    {"traceId": "t", "spanId": "g", "startTimeUnixNano": "1", "endTimeUnixNano": "2"},
)  # fmt: skip


@pytest.mark.parametrize("name", ["spans.json", "spans.jsonl"])
def test_spans(tmp_path: Path, name: str) -> None:
    """Spans that call a model are attempts, joined by the span around them; agents, tools and others are left out."""
    text = json.dumps(otlp(*SPANS[:4])) + "\n" + json.dumps(otlp(*SPANS[4:]))
    trace = read(tmp_path, text if name == "spans.jsonl" else json.dumps(otlp(*SPANS), indent=1), name)
    assert columns(trace, "served_by", "status", "latency_s", "attempts", "prompt_tokens", "completion_tokens") == [
        (0.5, "claude", "ok", 3.5, 2, 3, 9),
        (4, "old", "ok", 1, 1, 1, 2),
    ]
    assert trace.notes[0] == "read as OTLP spans, times counted in ns from 1970"


def test_spans_in_a_circle_end(tmp_path: Path) -> None:
    """Spans that are each other's parents are no way to keep a reader busy; without calls there is no trace."""
    loop = [span("x", "y", 0, 1, operation__name="chat"), span("y", "x", 0, 1, operation__name="chat"),
            span("z", "z", 0, 1, operation__name="chat")]  # fmt: skip
    with pytest.raises(TraceError, match="the trace is empty"):
        read(tmp_path, json.dumps(otlp(*loop)), "spans.json")


HELICONE = (
    "response_id,response_created_at,response_status,request_created_at,model,prompt_tokens,completion_tokens,latency\n"
    '"a","2026-03-02T10:00:05Z","200","2026-03-02T10:00:01Z","gpt","3","4","3900"\n'
    '"b","","-3","2026-03-02T10:00:00Z","gpt","-1","",""\n'
)


def test_helicone(tmp_path: Path) -> None:
    """Newest first, statuses of HTTP or below 0, milliseconds, and a count of -1 for one that is not known."""
    trace = read(tmp_path, HELICONE)
    assert columns(trace, "served_by", "status", "latency_s", "prompt_tokens") == [
        (0, None, "-3", None, None),
        (1, "gpt", "200", 3.9, 3),
    ]


OPENROUTER = (
    "generation_id,created_at,tokens_prompt,tokens_completion,model_permaslug,generation_time_ms,"
    "finish_reason_normalized\n"
    "gen-2,2026-03-02 10:00:02.271,10,20,openai/gpt,1500,stop\n"
    "gen-1,2026-03-02 10:00:01,10,0,openai/gpt,500,error\n"
)


def test_openrouter(tmp_path: Path) -> None:
    """A row a generation; naive times are UTC. Its totals of days are no calls, which is said."""
    trace = read(tmp_path, OPENROUTER)
    assert columns(trace, "served_by", "latency_s", "completion_tokens") == [
        (1, None, 0.5, 0),
        (2.271, "openai/gpt", 1.5, 20),
    ]
    totals = "date,model,model_permaslug,endpoint_id,provider_name,usage,requests\n2025-08-24,a,b,c,d,1,5\n"
    with pytest.raises(TraceError, match=r"log\.csv: holds OpenRouter's totals of days"):
        read(tmp_path, totals)


def test_cloudflare(tmp_path: Path) -> None:
    """What the interface answers: milliseconds, and statuses of HTTP."""
    rows = [{"id": "b", "created_at": "2026-03-02T10:00:05Z", "model": "gpt", "provider": "openai", "status_code": 500,
             "success": False, "duration": 1350, "tokens_in": 10, "tokens_out": 0, "cached": False},
            {"id": "a", "created_at": "2026-03-02T10:00:00Z", "model": "gpt", "provider": "openai", "status_code": 200,
             "success": True, "duration": 350, "tokens_in": 12, "tokens_out": 5, "cached": False}]  # fmt: skip
    trace = read(tmp_path, json.dumps({"result": rows, "success": True, "errors": []}), "logs.json")
    assert columns(trace, "served_by", "status", "latency_s", "prompt_tokens", "completion_tokens") == [
        (0, "gpt", "200", 0.35, 12, 5),
        (5, None, "500", 1.35, 10, 0),
    ]
    assert "created_at is taken for the arrival" in trace.notes


def test_bedrock(tmp_path: Path) -> None:
    """Counts lie inside, the latency in answers of Converse alone, and an error is known by its name."""
    common = {"schemaType": "ModelInvocationLog", "schemaVersion": "1.0", "operation": "Converse", "modelId": "claude"}
    answer = {"outputTokenCount": 20, "outputBodyJson": {"metrics": {"latencyMs": 700}, "output": {}}}
    rows = [{**common, "timestamp": "2026-03-02T10:00:09Z", "requestId": "2", "errorCode": "ThrottlingException",
             "input": {"inputTokenCount": 3}},
            {**common, "timestamp": "2026-03-02T10:00:00Z", "requestId": "1", "input": {"inputTokenCount": 10},
             "output": answer}]  # fmt: skip
    trace = read(tmp_path, "\n".join(map(json.dumps, rows)), "log.jsonl")
    assert columns(trace, "served_by", "status", "latency_s", "prompt_tokens", "completion_tokens") == [
        (0, "claude", None, 0.7, 10, 20),
        (9, None, "ThrottlingException", None, 3, None),
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"object": "bucket", "start_time": 1772445600, "end_time": 1772449200, "results": []}, "OpenAI's totals of"),
        (
            {"date": "20260302-100000", "input_lens": [5], "output_lens": [2], "request_rate": 1.0},
            "the results of a be",
        ),
        ({"timestamp": 19, "requests": [{"prompt_length": 5}, {"prompt_length": 6}]}, "several calls a row, in 'requ"),
        ({"timestamp": 19, "queries": [{"prompt_length": 5}, {"prompt_length": 6}]}, "several calls a row, in 'quer"),
    ],
)
def test_tables_whose_rows_are_no_calls_are_told(row: dict[str, Any], message: str, tmp_path: Path) -> None:
    """Whoever follows advice on their times would get one call a row, and none of what it holds."""
    for options in ({}, {"columns": {"at": next(name for name in row if "time" in name or name == "date")}}):
        with pytest.raises(TraceError, match=rf"log\.jsonl: holds {message}"):
            read(tmp_path, json.dumps(row), "log.jsonl", **options)


def test_portkey(tmp_path: Path) -> None:
    """A line an attempt, which share the trace of their call."""
    rows = [{"id": "1", "trace_id": "t", "created_at": "2026-03-02T10:00:00Z", "ai_org": "openai", "ai_model": "gpt",
             "req_units": 5, "res_units": 0, "response_time": 1200, "response_status_code": 429},
            {"id": "2", "trace_id": "t", "created_at": "2026-03-02T10:00:01.2Z", "ai_org": "x", "ai_model": "claude",
             "req_units": 5, "res_units": 6, "response_time": 800, "response_status_code": 200}]  # fmt: skip
    trace = read(tmp_path, "\n".join(map(json.dumps, rows)), "export.jsonl")
    assert columns(trace, "served_by", "status", "latency_s", "attempts", "completion_tokens") == [
        (0, "claude", "200", 2, 2, 6)
    ]


NGINX = r"""1.2.3.4 - - [02/Mar/2026:10:00:05 +0000] "POST /v1/chat/completions HTTP/1.1" 200 512 "-" "curl/8 \"x\""
::1 - bob [02/Mar/2026:11:00:04 +0100] "GET /health HTTP/1.1" 502 - "-" "-" 0.2
"""


def test_access_logs(tmp_path: Path) -> None:
    """The combined log of nginx, with more at its end or not; its order is that in which requests ended."""
    trace = read(tmp_path, NGINX, "access.log")
    assert columns(trace, "status") == [(4, "502"), (5, "200")]
    assert trace.notes == (
        "read as access log",
        "the time of a request is that of its end",
        "1 request other than POST, kept",
        "1 call that failed, kept",
    )
    with pytest.raises(TraceError, match=r"access\.log: line 3 must be one of an access log\. Got 'x'"):
        read(tmp_path, NGINX + "x\n", "access.log")


def test_what_a_replay_wrote(tmp_path: Path) -> None:
    """The calls of a replay are a log, too."""
    config = tg.GatewayConfig(deployments=[{"model_name": name, "model": "sim/x"} for name in (" a", "b")])
    trace = tg.Trace(pd.DataFrame({"at": ["2026-03-02T10:00Z", "2026-03-02T10:01Z"], "model_preference": [None, "b"]}))
    run = tg.replay(config, trace, tg.Scenario(faults=[tg.Outage(target=" a", start="2026-03-02T10:00:30Z")]))
    run.to_csv(tmp_path)
    read_back = tg.read_trace(tmp_path / "calls.csv")
    assert columns(read_back, "model_preference", "served_by", "status", "attempts") == [
        (0, None, " a", "first_choice", 1),
        (60, "b", "b", "first_choice", 1),
    ]


UNREAD = """generation_id,created_at,model_permaslug,tokens_prompt,generation_time_ms
1,2026-03-02 10:00:00,gpt,12,120
2,2026-03-02 10:00:01,,x,-
3,2026-03-02 10:00:02,gpt,,
"""


def test_what_is_not_read_is_noted(tmp_path: Path) -> None:
    """Numbers that are none, and answers by nobody, are counted by the names of the file; empty fields are not."""
    trace = read(tmp_path, UNREAD)
    assert columns(trace, "served_by", "prompt_tokens", "latency_s") == [
        (0, "gpt", 12, 0.12),
        (1, None, None, None),
        (2, "gpt", None, None),
    ]
    assert trace.notes[1:4] == (
        "tokens_prompt is no number from 0 on in 1 row, passed over there",
        "generation_time_ms is no number from 0 on in 1 row, passed over there",
        "model_permaslug missing in 1 row that did not fail",
    )


def test_an_end_before_the_beginning_is_noted(tmp_path: Path) -> None:
    """The call stays, and how long it took is not known."""
    trace = read(tmp_path, LITELLM.replace("10:00:10.5", "10:00:08"))
    assert "1 row ended before it began, how long it took is passed over" in trace.notes


def test_bad_times_are_named_as_the_file_has_them(tmp_path: Path) -> None:
    """By line and column: in a CSV and in JSON lines, of a beginning and of an end, also behind one that is missing."""
    begins = LITELLM.replace("2026-03-02 10:00:02,2026", "noon,2026")
    with pytest.raises(TraceError, match=r"log\.csv: line 4: startTime must be a time .* Got 'noon'"):
        read(tmp_path, begins)
    ends = LITELLM.replace("2026-03-02 10:00:02\n", "\n").replace("2026-03-02 10:00:07", "noon")
    with pytest.raises(TraceError, match=r"log\.csv: line 5: endTime must be a time .* Got 'noon'"):
        read(tmp_path, ends.replace("2026-03-02 10:00:02,0", ",0"))
    rows = [
        {"created_at": at, "model_permaslug": "g", "tokens_prompt": 1, "generation_id": "1"} for at in ("noon",) * 2
    ]
    rows[0]["created_at"] = "2026-03-02T10:00Z"
    with pytest.raises(TraceError, match=r"log\.jsonl: line 3: created_at must be a time .* Got 'noon'"):
        read(tmp_path, "\n\n".join(map(json.dumps, rows)), "log.jsonl")


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)
def test_each_format_is_told_by_its_columns(known: Any) -> None:
    """No other format takes what a format's own columns tell, with all that may be there or without."""
    for names in (known.keys, known.keys | set(known.optional)):
        assert recognised(FORMATS, names) is known


@pytest.mark.parametrize("where", ["the docstring", "the page"])
def test_each_format_is_listed(where: str) -> None:
    """The docstring of the reader, and the page on traffic, name each format that is recognised."""
    page = Path(__file__).resolve().parents[1] / "docs" / "traffic.md"
    text = (tg.read_trace.__doc__ or "") if where == "the docstring" else page.read_text(encoding="utf-8")
    spelled = {
        "access log": "nginx" if where == "the page" else "web servers",
        "timegate calls": "what came of each call",
    }
    if where == "the page":
        spelled["timegate calls"] = "`calls.csv` of a replay"
    words = " ".join(text.split())
    missing = [known.name for known in FORMATS if spelled.get(known.name, known.name.split()[0]) not in words]
    assert not missing
