"""A state machine as a drawing in SVG: states in a column, the ways back on the left.

Drawn here, since what draws diagrams in a browser would have to be fetched from the network.
"""

from collections.abc import Sequence
from html import escape

_BOX, _HEIGHT, _STEP, _MARGIN = 150, 34, 92, 20
_SIDE, _LANE, _LINE = 170, 24, 15
"""Room beside the boxes for labels, distance between lines that run up and down, line height."""


def drawing(states: Sequence[str], arrows: Sequence[tuple[int, int, Sequence[str]]]) -> str:
    """`arrows`: from and to, as positions in `states`, and the lines of the label."""
    ahead = [arrow for arrow in arrows if arrow[1] == arrow[0] + 1]
    leaps = [arrow for arrow in arrows if arrow[1] > arrow[0] + 1]
    back = [arrow for arrow in arrows if arrow[1] < arrow[0]]
    depth = max((a - b for a, b, _ in back), default=0)
    left = _SIDE + depth * _LANE + _MARGIN
    width = left + _BOX + _SIDE + len(leaps) * _LANE + _MARGIN
    height = _MARGIN * 3 + (len(states) - 1) * _STEP + _HEIGHT
    parts = [
        f'<div class="machine"><svg viewBox="0 0 {width} {height}" '
        'role="img" font-size="13" fill="currentColor" stroke="none">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z"/></marker></defs>',
    ]
    for row, state in enumerate(states):
        y = _MARGIN + row * _STEP
        parts.append(
            f'<rect x="{left}" y="{y}" width="{_BOX}" height="{_HEIGHT}" rx="6" fill="none" '
            f'stroke="currentColor"/><text x="{left + _BOX / 2}" y="{y + 22}" '
            f'text-anchor="middle" font-weight="bold">{escape(state)}</text>'
        )
    for start, _, label in ahead:
        x, y = left + _BOX / 2, _MARGIN + start * _STEP + _HEIGHT
        parts.append(_path(f"M{x} {y}V{y + _STEP - _HEIGHT}"))
        parts += _label(x + 10, y + (_STEP - _HEIGHT) / 2, label)
    for lane, (start, end, label) in enumerate(leaps):
        y1, y2 = (_MARGIN + row * _STEP + _HEIGHT / 2 for row in (start, end))
        edge = left + _BOX
        out = edge + _SIDE + lane * _LANE
        parts.append(
            _path(
                f"M{edge} {y1}H{out - 12}Q{out} {y1} {out} {y1 + 12}V{y2 - 12}"
                f"Q{out} {y2} {out - 12} {y2}H{edge}"
            )
        )
        parts += _label(edge + 8, y1 - 12 - _LINE * (len(label) - 1), label)
    for start, end, label in back:
        y1 = _MARGIN + start * _STEP + _HEIGHT / 2
        # Arrows into one state end one below the other.
        y2 = _MARGIN + end * _STEP + _HEIGHT * (start - end) / (depth + 1)
        out = left - _SIDE - (start - end - 1) * _LANE
        parts.append(
            _path(
                f"M{left} {y1}H{out + 12}Q{out} {y1} {out} {y1 - 12}V{y2 + 12}"
                f"Q{out} {y2} {out + 12} {y2}H{left}"
            )
        )
        parts += _label(left - _SIDE + 8, y1 + _LINE, label)
    return "".join((*parts, "</svg></div>\n\n"))


def _path(way: str) -> str:
    return f'<path d="{way}" fill="none" stroke="currentColor" marker-end="url(#tip)"/>'


def _label(x: float, y: float, lines: Sequence[str]) -> list[str]:
    return [
        f'<text x="{x}" y="{y + 4 + _LINE * row}">{escape(line)}</text>'
        for row, line in enumerate(lines)
    ]
