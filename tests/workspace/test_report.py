"""A report: one file that needs nothing, says what the run is, and lets nobody's words become markup."""

import html.parser
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.wording import metric_value
from cfd_studio.runs.folder import RunFolder
from cfd_studio.workspace.report import SheetPicture, render_report, write_report
from cfd_studio.workspace.svg import SvgLine, line_chart, smoothed

HOSTILE = "</title><script>alert(1)</script>\"'&{{ 7 * 7 }}<img src=http://x/>"


class _Page(html.parser.HTMLParser):
    """Collects the tags, what they point to, and the rows of all tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.rows: list[list[str]] = []
        self.within = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action", "data")]
        self.links += [name for name, _ in attrs if name.startswith("on")]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        self.within = tag

    def handle_data(self, data: str) -> None:
        if self.within in ("td", "th") and self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip()


def test_a_report_holds_the_run_and_needs_nothing_else(trained_run: RunFolder, tmp_path: Path) -> None:
    config = json.loads((trained_run.path / "config.json").read_text())
    (trained_run.path / "config.json").write_text(json.dumps(config | {"name": HOSTILE[:80]}))
    (trained_run.path / "about.json").write_text(json.dumps({"notes": HOSTILE, "tags": [HOSTILE[:40]]}))
    out = tmp_path / "new" / "report.html"
    png = next((trained_run.path / "stages").glob("*/samples/*.png")).read_bytes()
    assert write_report(trained_run.path, out, SheetPicture(png, HOSTILE)) == f"Report written to {out}."
    text = out.read_text()
    page = _Page(text)
    assert not {"script", "link", "iframe", "object", "base", "form"} & set(page.tags)
    assert page.links
    assert all(link.startswith("data:image/png;base64,") for link in page.links)
    assert "{{ 7 * 7 }}" in text
    assert not re.search(r"url\(|@import|https?://(?!x/)", text)
    assert page.tags.count("svg") == len(config["stages"])
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text
    quality = trained_run.quality("cfd-2")
    assert quality is not None
    row = next(row for row in page.rows if row[0] == "cfd-2" and row[2] == "2")
    value = quality.judgements[0].value("judge")
    assert value is not None
    assert row[3:6:2] == ["2", metric_value("frechet", value)]
    assert "32 samples of ddim against the held-out images" in text
    assert any(row[:2] == ["floor", "Real against real"] for row in page.rows)


def test_a_run_without_anything_has_a_report_and_one_that_is_none_a_sentence(mini_run: Any, tmp_path: Path) -> None:
    text = render_report(mini_run())
    assert "Miniature" in text
    assert "<svg" not in text
    assert ">Quality<" not in text
    with pytest.raises(CfdError, match="there is no such folder"):
        write_report(tmp_path / "none", tmp_path / "report.html")
    run = mini_run("other")
    with pytest.raises(CfdError, match="belongs to a run"):
        write_report(run.path, run.path / "config.json")


def test_the_difference_from_the_preset_is_said(tmp_path: Path) -> None:
    from cfd_studio.protocol.plan import resolve, set_values
    from cfd_studio.workspace.resources import presets

    raw = json.loads(presets()["digits"].read_text())
    run = RunFolder.create(tmp_path / "run", resolve(set_values(raw, [("evaluation.samples", 500), ("seed", 9)])))
    page = _Page(render_report(run))
    assert ["evaluation.samples", "2000", "500"] in page.rows
    assert not any(row and row[0] == "seed" for row in page.rows)


def test_curves_keep_their_spikes_and_leave_out_what_no_axis_has() -> None:
    steps = np.arange(100_000.0)
    values = np.exp(-steps / 30_000)
    values[[10, 50_000]] = np.nan, 777.0
    values[20] = 0.0
    chart = line_chart([SvgLine("raw", steps, values)])
    assert chart is not None
    (points,) = re.findall(r'points="([^"]+)"', chart)
    places = np.array([[float(one) for one in place.split(",")] for place in points.split()])
    assert len(places) <= 402
    assert np.isfinite(places).all()
    assert (np.diff(places[:, 0]) >= 0).all()
    assert places[:, 1].argmin() == np.abs(places[:, 0] - (52 + 400 * 50_000 / 99_999)).argmin()
    assert line_chart([SvgLine("raw", steps[:3], np.array([0.0, np.nan, -1.0]))]) is None
    assert line_chart([]) is None
    assert smoothed(np.array([1.0, np.nan, 3.0] + [3.0] * 37))[:3] == pytest.approx([1.0, 2.0, 3.0])


def test_the_command_writes_a_report_without_qt_and_torch(trained_run: RunFolder, tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "class Blocked:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name.partition('.')[0] in ('PySide6', 'torch', 'pyqtgraph'):\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Blocked())\n"
        "from pathlib import Path\n"
        "from cfd_studio.workspace.report import write_report\n"
        "print(write_report(Path(sys.argv[1]), Path(sys.argv[2])))\n"
    )
    arguments = [sys.executable, "-c", program, str(trained_run.path), str(tmp_path / "out.html")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.html").stat().st_size > 10_000
