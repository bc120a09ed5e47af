"""Metrics for Prometheus; labels are closed sets of our own words, never user input."""

from __future__ import annotations

from functools import cache

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

REQUESTS = Counter("desk_requests_total", "HTTP requests answered.", ("method", "route", "status"))
REQUEST_SECONDS = Histogram("desk_request_seconds", "Time to answer.", ("route",), buckets=_BUCKETS)
TURNS = Counter("desk_turns_total", "Turns that ended, by where the answer came from.", ("route",))
TURN_SECONDS = Histogram("desk_turn_seconds", "Time from accept to done.", ("route",), buckets=_BUCKETS)
TURNS_RUNNING = Gauge("desk_turns_running", "Turns that this process runs now.")
STEP_SECONDS = Histogram("desk_step_seconds", "Time of one node.", ("node",), buckets=_BUCKETS)
TOKENS = Counter("desk_tokens_total", "Tokens that models read and wrote.", ("kind",))
ERRORS = Counter("desk_errors_total", "Turns that ended in an error, by its title.", ("title",))
JOBS = Counter("desk_jobs_total", "Background jobs that ended a slice of work.", ("job", "outcome"))
JOB_SECONDS = Histogram("desk_job_seconds", "Time of one slice of a job.", ("job",), buckets=_BUCKETS)
SHED = Counter("desk_turns_shed_total", "Turns refused because this process had too much to do.")
DELIVERIES = Counter(
    "desk_deliveries_total", "Webhooks and mails that went out or not.", ("channel", "outcome")
)
LIMITED = Counter("desk_rate_limited_total", "Requests over a limit, by whose it was.", ("whose",))
OVER_BUDGET = Counter(
    "desk_over_budget_total", "Model calls left out, by the budget that had no room for them.", ("budget",)
)
KEY_FETCHES = Counter(
    "desk_issuer_key_fetches_total", "Times an issuer was asked for its keys.", ("issuer", "outcome")
)
TRACES = Counter("desk_traces_total", "Traces of turns, by what became of them.", ("outcome",))
MCP_TOOLS_LEFT_OUT = Counter(
    "desk_mcp_tools_left_out_total", "Times a tool of an MCP server was not as it was approved.", ("how",)
)
MCP_PARTS_DROPPED = Counter(
    "desk_mcp_parts_dropped_total", "Parts of results of MCP tools that are not text.", ("kind",)
)
BROKEN_SEALS = Counter(
    "desk_broken_seals_total", "Rows that were passed over because they no longer open.", ("what",)
)
DEGRADED = Counter("desk_degraded_total", "Times something was away and something else was done.", ("what",))

# The labels are closed sets, so each combination is looked up once.
for _metric in (REQUESTS, REQUEST_SECONDS, TURNS, TURN_SECONDS, STEP_SECONDS, TOKENS):
    _metric.labels = cache(_metric.labels)  # type: ignore[assignment,method-assign]


def render() -> bytes:
    """All metrics in Prometheus's text format."""
    return generate_latest(REGISTRY)
