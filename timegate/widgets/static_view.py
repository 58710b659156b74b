"""The editor where no widget can run: a picture and a table, in pure Python."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from timegate.config import GatewayConfig
from timegate.core.clock import DAY_US, from_us
from timegate.faults import Scenario
from timegate.runs.result import Replay
from timegate.show.html import paragraph, table
from timegate.show.palette import deployment_colors
from timegate.show.text import percent, printable, shortened

__all__ = ["html_view", "svg_view"]

_WIDTH, _LEFT, _RIGHT, _TOP, _ROW = 860.0, 150.0, 24.0, 24.0, 34.0
_OPEN_OPACITY = 0.45
_SOFT = 'fill="currentColor" fill-opacity="0.7"'
_BY_ITSELF = ' color="#222222"'


def svg_view(
    config: GatewayConfig, scenario: Scenario, start_us: int, end_us: int, *, within_page: bool = False
) -> str:
    """Return a picture of when each deployment is open, hatched where closed, with the outages below.

    Parameters
    ----------
    config : GatewayConfig
    scenario : Scenario
    start_us, end_us : int
        What the axis shows, in microseconds.
    within_page : bool
        Whether it stands in a page, light or dark, whose ground and colour of text are its own; else it is an image by
        itself, on white.
    """
    router = config.router()
    injector = scenario.injector(router.deployments, strict=False)
    colors = deployment_colors(router.names)
    height = _TOP + _ROW * len(router.deployments) + 8

    def x(at_us: int) -> float:
        share = (min(max(at_us, start_us), end_us) - start_us) / (end_us - start_us)
        return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 2)

    def bar(span: tuple[int, int], y: float, thick: float, style: str) -> str:
        left, right = x(span[0]), x(span[1])
        return f'<rect x="{left}" y="{y}" width="{max(round(right - left, 2), 1)}" height="{thick}" {style}/>'

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:g} {height:g}" width="{_WIDTH:g}" '
        f'role="img" font-family="sans-serif" font-size="12"{"" if within_page else _BY_ITSELF}>',
        "<title>When each deployment is open</title>",
        '<defs><pattern id="tg-closed" width="6" height="6" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><rect width="6" height="6" fill="#999999" fill-opacity="0.16"/>'
        '<line y2="6" stroke="#9a9a9a" stroke-width="2"/></pattern></defs>',
    ]
    if not within_page:
        parts.append(f'<rect width="{_WIDTH:g}" height="{height:g}" fill="#ffffff"/>')
    step_us = DAY_US // 8 if end_us - start_us <= 2 * DAY_US else DAY_US
    for at_us in range(start_us, end_us + 1, step_us):
        text = f"{from_us(at_us):%H:%M}" if step_us < DAY_US else f"{from_us(at_us):%m-%d}"
        parts.append(f'<path d="M{x(at_us)} {_TOP - 6:g}V{height - 8:g}" stroke="currentColor" stroke-opacity="0.15"/>')
        parts.append(f'<text x="{x(at_us)}" y="12" text-anchor="middle" {_SOFT}>{text}</text>')
    parts.append(f'<text x="8" y="12" {_SOFT}>{from_us(start_us):%Y-%m-%d} UTC</text>')
    names = shortened(router.names, 18)
    for row, (deployment, name) in enumerate(zip(router.deployments, names, strict=True)):
        y = _TOP + row * _ROW
        fill = f'fill="{colors[deployment.name]}" fill-opacity="{_OPEN_OPACITY}"'
        parts.append(f'<text x="8" y="{y + 15:g}" fill="currentColor">{escape(printable(name))}</text>')
        parts.append(bar((start_us, end_us), y, 22, fill))
        closed = deployment.hours.closed_spans_us(start_us, end_us).tolist()
        parts += [bar(span, y, 22, 'fill="url(#tg-closed)" stroke="#9a9a9a" stroke-width="0.5"') for span in closed]
        outages = [(lo, hi) for lo, hi in injector.outages_us(row) if lo < end_us and hi > start_us]
        parts += [bar(span, y + 24, 5, 'fill="currentColor" fill-opacity="0.8"') for span in outages]
    return "".join([*parts, "</svg>"])


def html_view(config: GatewayConfig, run: Replay | None, picture: str) -> str:
    """Return the picture with a table: a row a deployment, its windows, and what it served."""
    head, rows = config.table
    if run is None:
        return f"<div>{picture}{table(head, rows)}</div>"
    summary: Mapping[Any, Any] = run.summary().to_dict()
    served = [summary.get(f"share[{deployment.model_name}]") for deployment in config.deployments]
    shares = ["" if share is None else percent(share, 1) for share in served]
    rows = [(*row, share) for row, share in zip(rows, shares, strict=True)]
    return f"<div>{picture}{table((*head, 'served'), rows)}{paragraph([repr(run).strip('<>') + '.'])}</div>"
