"""The curves of a run: its metrics, JSON Lines, as one SVG."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

WIDTH, HEIGHT, MARGIN = 900, 420, 48
COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#777777", "#222222")


def plot(metrics: Path, picture: Path) -> None:
    """Draw bits per byte over minutes: the training loss of each stage, smoothed, and all validations."""
    rows = [json.loads(line) for line in metrics.read_text().splitlines()]
    picture.write_text(svg(series_of(rows)))


def series_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[tuple[float, float]]]:
    """Name of a curve → points (minutes, bits per byte)."""
    series: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        minutes = row["elapsed_s"] / 60
        if row["kind"] == "train":
            points = series.setdefault(f"{row['stage']} train", [])
            last = points[-1][1] if points else row["bits"]
            points.append((minutes, last + 0.1 * (row["bits"] - last)))
        elif row["kind"] == "valid":
            for name in ("bits", "answer_bits"):
                if row.get(name) is not None:
                    label = f"{row['stage']} held out{', answers' if name == 'answer_bits' else ''}"
                    series.setdefault(label, []).append((minutes, row[name]))
    return series


def svg(series: Mapping[str, list[tuple[float, float]]]) -> str:
    """The picture. The vertical axis ends at 4 bits, above which nothing is of interest."""
    points = [point for line in series.values() for point in line]
    x_max = max((x for x, _ in points), default=1.0) or 1.0
    y_max = min(4.0, max((y for _, y in points), default=1.0))

    def place(x: float, y: float) -> str:
        right = MARGIN + x / x_max * (WIDTH - 2 * MARGIN)
        down = HEIGHT - MARGIN - min(y, y_max) / y_max * (HEIGHT - 2 * MARGIN)
        return f"{right:.1f},{down:.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
        ' font-size="11"><rect width="100%" height="100%" fill="white"/>'
    ]
    for tick in range(5):
        y = y_max * tick / 4
        left, right = place(0, y), place(x_max, y)
        parts.append(f'<polyline points="{left} {right}" fill="none" stroke="#ddd"/>')
        parts.append(f'<text x="8" y="{float(left.split(",")[1]) + 4:.1f}">{y:.2f}</text>')
        x = x_max * tick / 4
        at = place(x, 0).split(",")[0]
        parts.append(f'<text x="{at}" y="{HEIGHT - MARGIN + 18}" text-anchor="middle">{x:.0f} min</text>')
    for i, (name, line) in enumerate(series.items()):
        colour = COLOURS[i % len(COLOURS)]
        path = " ".join(place(x, y) for x, y in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts.append(
            f'<text x="{WIDTH - MARGIN - 190}" y="{MARGIN + 15 * i}" fill="{colour}">{name}: bits/byte</text>'
        )
    return "\n".join([*parts, "</svg>"])
