"""Latency runs: arithmetic, the link model, links between namespaces, and what is written."""

from __future__ import annotations

import os
import subprocess
import sys
from math import inf, isnan
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from segment_anything import SamPredictor
from torch.utils.flop_counter import FlopCounterMode

from bench.cli import main
from bench.latency.config import (
    BASELINE,
    LatencyConfig,
    is_latency,
    load_latency,
    narrowed,
    read_latency,
)
from bench.latency.network import namespaces, relay
from bench.latency.network.links import DIRECT, LINKS, Link, read_link
from bench.latency.network.namespaces import Namespaces, obstacle, remove_stale
from bench.latency.report.arithmetic import decoder_macs, payload_bytes, work
from bench.latency.report.figures import draw
from bench.latency.report.summary import MODELLED, crossover, modelled, pays_from, summarise
from bench.latency.results import LatencyRun
from bench.latency.run import run
from bench.report.render.style import LIGHT
from framework import DistributedSamPredictor, LocalShards, PedbenchError, build_sam
from framework.models.named import architecture
from framework.split.plans import PLANS
from tests.bench.latency_support import CONFIG, WAN, latency_folder, measured

pytestmark = pytest.mark.slow

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
ECHO = """
import socket, sys
caller = socket.create_server((sys.argv[1], 5001)).accept()[0]
caller.sendall(caller.recv(1))
"""
CALL = """
import socket, sys
server = socket.create_connection((sys.argv[1], 5001))
server.sendall(b"x")
assert server.recv(1) == b"x"
"""


@pytest.fixture
def namespaces_or_skip():
    if obstacle():
        pytest.skip(f"no namespaces: {obstacle()}")


@pytest.fixture(scope="module")
def tiny():
    return build_sam("tiny", "random")


def own_namespaces() -> set[str]:
    listing = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True).stdout
    stem = f"{namespaces.PREFIX}-{os.getpid()}-"
    return {line.split()[0] for line in listing.splitlines() if line.startswith(stem)}


def pids_in(name: str) -> list[int]:
    listing = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True)
    return [int(pid) for pid in listing.stdout.split()]


def test_work_is_what_torch_counts():
    sam = build_sam("tiny", "random", attention="stock")
    stock = SamPredictor(sam)
    with FlopCounterMode(display=False) as encoder:
        stock.set_image(np.zeros((256, 256, 3), np.uint8))
    with FlopCounterMode(display=False) as decoder:
        stock.predict(box=np.array([10, 10, 90, 90]))
    assert work(sam.arch, "local").encoder == encoder.get_total_flops() / 2
    assert decoder_macs(sam.arch) == pytest.approx(decoder.get_total_flops() / 2, rel=0.01)


@pytest.mark.parametrize(
    ("model", "gmac", "offloaded"),
    [("vit_b", 486, 0.53), ("vit_l", 1493, 0.76), ("vit_h", 2981, 0.83)],
)
def test_work_of_the_official_sizes(model, gmac, offloaded):
    found = work(architecture(model), "interleaved")
    assert round(found.encoder / 1e9) == gmac
    assert found.offloaded == pytest.approx(offloaded, abs=0.005)
    assert found.decoder / 1e9 == pytest.approx(1.8, abs=0.02)
    for plan in PLANS:
        assert work(architecture(model), plan).encoder == found.encoder


def test_bytes_of_vit_b():
    up, down, rounds = payload_bytes(architecture("vit_b"), "interleaved", "float16")
    assert (up + down, rounds) == (50_331_648, 4)


@pytest.mark.parametrize("payload", ["float16", "pixels+int8", "int4"])
@pytest.mark.parametrize("plan", PLANS)
def test_bytes_are_what_is_counted(tiny, plan, payload):
    predictor = DistributedSamPredictor(tiny, LocalShards(2), plan=plan, payload=payload)
    predictor.set_image(np.zeros((64, 64, 3), np.uint8))
    traffic = predictor.traffic
    counted = traffic.bytes_up, traffic.bytes_down, traffic.rounds
    assert payload_bytes(tiny.arch, plan, payload) == counted


def test_link_model():
    assert WAN.seconds(rounds=4, nbytes=50_000_000) == pytest.approx(4 * 0.04 + 4.0)
    assert DIRECT.seconds(rounds=4, nbytes=50_000_000) == 0


def test_from_which_bandwidth_on_it_pays():
    assert pays_from(1_000_000, 0.5) == pytest.approx(16)
    assert pays_from(1_000_000, -0.1) == inf
    assert isnan(pays_from(0, 1))


def test_summary_of_known_rows():
    rows = modelled(measured(), CONFIG.links)
    assert set(rows.loc[rows["link"] == "wan", "how"]) == {MODELLED}
    lines = summarise(rows, CONFIG).set_index(["link", "plan"])
    far = lines.loc["wan", "prefix"]
    assert far["median"] == far["model"] == pytest.approx(1.5 + 0.04 + 0.08)
    assert far["edge"] == pytest.approx(1.0)
    assert far["relative"] == pytest.approx(0.81)
    assert far["pays_free"] == pytest.approx(8 / (2 - 1 - 0.04))
    assert far["pays_faster"] == pytest.approx(8 / (2 - 1 - 0.04 - 0.05))
    assert lines.loc["none", "prefix"]["pays_free"] == pytest.approx(8.0)


def test_the_crossover_shows_what_was_measured_over_each_link():
    run = LatencyRun.read(REFERENCE / "latency-tiny")
    figure = draw(run, "crossover", LIGHT)
    points = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    rows = run.summary[(run.summary["link"] != "none") & (run.summary["plan"] != BASELINE)]
    shown = {tuple(pair) for line in points for pair in line.get_xydata().tolist()}
    assert shown == set(zip(rows["mbps"], rows["median"], strict=True))


def test_the_edge_alone_is_named_in_the_legend():
    [axes] = draw(LatencyRun.read(REFERENCE / "latency-tiny"), "crossover", LIGHT).axes
    assert not axes.texts
    assert "edge alone" in axes.get_legend_handles_labels()[1]


def test_crossover_of_all_sizes():
    lines = crossover(100.0, CONFIG).set_index(["model", "plan"])
    line = lines.loc["vit_b", "prefix"]
    assert line["pays_now"] == pytest.approx(line["mb"] * 8 / line["saved"])
    assert line["pays_far"] > line["pays_now"]
    assert line["saved"] == pytest.approx(0.134 * 4.86, rel=0.01)


def test_the_preset_and_its_form(tmp_path):
    assert is_latency("latency")
    assert not is_latency("quick")
    config = load_latency("latency", {"repeats": 3})
    assert config.plans[0] == "local"
    assert {link.name for link in config.links} == set(LINKS)
    path = tmp_path / "config.yaml"
    path.write_text(config.to_yaml())
    assert read_latency(path) == config


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("{links: [moon]}", "unknown link"),
        ("{links: [{name: moon, delay_ms: 1300}]}", "is not a link"),
        ("{links: [{name: moon, delay_ms: 1300, mbps: 0}]}", "above 0"),
        ("{plans: [prefix]}", "add local"),
        ("{plans: [local, prefx]}", "unknown plan"),
        ("{repeats: 0}", "at least 1"),
        ("{speed: 3}", "unknown key 'speed'"),
    ],
)
def test_bad_presets_are_refused(tmp_path, section, words):
    path = tmp_path / "mine.yaml"
    path.write_text(f"model: tiny\nlatency: {section}\n")
    with pytest.raises(PedbenchError, match=words):
        load_latency(str(path), {})


def test_own_links():
    assert read_link({"name": "moon", "delay_ms": 1300, "mbps": 1}) == Link("moon", 1300, 1)


def test_only_some_links_and_plans_beside_the_edge_alone():
    config = load_latency("latency", {})
    some = narrowed(config, {"link": ["wan"], "plan": ["prefix"]})
    assert (some.plans, some.links) == (("local", "prefix"), (LINKS["wan"],))
    assert narrowed(config, {"link": ["none"]}).links == ()
    for only, words in (
        ({"link": ["moon"]}, "known are lan"),
        ({"shards": ["4"]}, "known are link"),
    ):
        with pytest.raises(PedbenchError, match=words):
            narrowed(config, only)


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (("--data", "embedded"), "--data"),
        (("--no-pictures",), "--no-pictures"),
        (("--no-store",), "--store-size or --no-store"),
        (("--store-size", "1GB"), "--store-size or --no-store"),
        (("--insecure",), "--insecure"),
        (("--tls-ca", "ca.pem"), "--tls-ca"),
        (("--proxy", "here:1"), "--proxy"),
    ],
)
def test_flags_that_mean_nothing_here(capsys, flags, named):
    assert main(["run", "--preset", "latency", *flags]) == 2
    error = capsys.readouterr().err
    assert f"{named} does not apply" in error
    assert len(error.splitlines()) == 1


def test_tables_and_figures_from_the_folder(tmp_path, capsys):
    latency_folder(tmp_path)
    assert main(["paper", str(tmp_path)]) == 0
    names = {path.name for path in tmp_path.rglob("*.*")}
    assert {f"latency.{end}" for end in ("csv", "md", "tex", "png", "pdf")} <= names
    assert {f"crossover.{end}" for end in ("csv", "md", "tex", "png", "pdf")} <= names
    table = (tmp_path / "tables" / "latency.md").read_text()
    assert "link model" in table
    assert "random weights" in table
    assert LatencyRun.read(tmp_path).summary["model_mb"].max() == 60


def test_a_relay_holds_packets_back(monkeypatch):
    now = 100.0
    monkeypatch.setattr(relay, "monotonic", lambda: now)
    source, sink = os.pipe(), os.pipe()
    os.set_blocking(source[0], False)
    way = relay.Way(source[0], sink[1])
    way.delay, way.mbps = 0.02, 1.0
    os.write(source[1], bytes(relay.HEADER + 1250))
    way.read()
    assert way.write() == pytest.approx(0.03)
    now = 100.031
    assert way.write() is None
    assert len(os.read(sink[0], 9999)) == relay.HEADER + 1250
    for end in (*source, *sink):
        os.close(end)


@pytest.mark.usefixtures("namespaces_or_skip")
@pytest.mark.parametrize("link", [DIRECT, WAN])
def test_bytes_pass_between_namespaces(link):
    with Namespaces(2) as network:
        network.use(link)
        server = network.servers[1]
        host = server.bind.rpartition(":")[0]
        echo = subprocess.Popen([*server.enter, sys.executable, "-c", ECHO, host])
        for _ in range(100):
            call = subprocess.run(
                [*network.edge.enter, sys.executable, "-c", CALL, host], stderr=subprocess.DEVNULL
            )
            if not call.returncode:
                break
        assert (call.returncode, echo.wait(10)) == (0, 0)
        assert len(own_namespaces()) == 4
    assert not own_namespaces()


@pytest.mark.usefixtures("namespaces_or_skip")
def test_namespaces_go_whatever_happens():
    network = Namespaces(1)
    assert len(own_namespaces()) == 3
    with pytest.raises(KeyboardInterrupt), network:
        raise KeyboardInterrupt
    assert not own_namespaces()


@pytest.mark.usefixtures("namespaces_or_skip")
def test_namespaces_of_killed_runs_go():
    run_to_kill = subprocess.Popen(["sleep", "60"])
    name = f"{namespaces.PREFIX}-{run_to_kill.pid}-0-edge"
    subprocess.run(["ip", "netns", "add", name], check=True)
    left = subprocess.Popen(["ip", "netns", "exec", name, "sleep", "60"])
    while left.pid not in pids_in(name):
        pass
    run_to_kill.kill()
    run_to_kill.wait()
    remove_stale()
    assert left.wait(10)
    listing = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True).stdout
    assert name not in listing


def test_netem_gets_delay_and_bandwidth(monkeypatch):
    said = []
    monkeypatch.setattr(namespaces, "_run", lambda *words, check=True: said.append(" ".join(words)))
    with Namespaces(1, relay=False) as network:
        said.clear()
        network.use(WAN)
        near, far = (f"tc -n {name} qdisc" for name in (network.near, network.middle))
        netem = "replace dev veth root netem delay 20ms rate 100000kbit limit 10000"
        assert [line for line in said if "netem" in line] == [f"{near} {netem}", f"{far} {netem}"]
        said.clear()
        network.use(DIRECT)
        assert said == [f"{near} del dev veth root", f"{far} del dev veth root"]


def test_a_run(tmp_path):
    config = LatencyConfig(
        "latency", checkpoint="random", shards=1, plans=("local", "prefix"), repeats=1, links=(WAN,)
    )
    rows = run(config, tmp_path)
    assert set(zip(rows["link"], rows["plan"], strict=True)) == {
        (link, plan) for link in ("none", "wan") for plan in ("local", "prefix")
    }
    assert (rows.loc[rows["plan"] == "prefix", "bytes_up"] == 393_216).all()
    assert (rows["how"] == MODELLED).any() == bool(obstacle())
    pd.testing.assert_frame_equal(run(config, tmp_path), rows)
    with pytest.raises(PedbenchError, match="another run"):
        run(CONFIG, tmp_path)


def test_damaged_rows_are_one_line(tmp_path):
    (latency_folder(tmp_path) / "latency.csv").write_text("")
    with pytest.raises(PedbenchError, match=r"latency\.csv is damaged"):
        run(CONFIG, tmp_path)


def test_a_run_does_not_go_on_on_another_machine(tmp_path):
    rows = latency_folder(tmp_path) / "latency.csv"
    table = pd.read_csv(rows)
    table[table["link"] != "none"].assign(how="relayed").to_csv(rows, index=False)
    with pytest.raises(PedbenchError, match="begun with another machine"):
        run(CONFIG, tmp_path)
