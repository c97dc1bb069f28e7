"""`GrpcShards` over mutual TLS gives what shards in this process give."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from PIL import Image

from bench.cli import main
from framework import DistributedSamPredictor, GrpcShards, LocalShards, Tls, build_sam
from framework.models.build import randomize
from framework.models.fingerprint import encoder_hash
from framework.split.plans import PLANS
from framework.transport.faults import ShardRefused, ShardUnavailable
from framework.transport.grpc.client.address import Address
from framework.transport.grpc.security.certificates import write_certificates
from framework.transport.grpc.security.tls import key_name
from framework.transport.grpc.server.limits import Limits
from framework.transport.grpc.server.service import ShardService
from framework.transport.patience import Patience
from tests.chaos.evil import OldProtocol, Slow, WrongWeights
from tests.framework.servers import HASTY, SETTINGS, edge_tls, serving, shards_tls
from tests.framework.support import message_of
from tests.toy_model import TOY

FOUR = [ShardService] * 4


@pytest.fixture(scope="module")
def sam():
    return build_sam(TOY.name, "random")


@pytest.fixture(scope="module")
def certs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("certs")
    write_certificates(folder, shards=4)
    return folder


@pytest.fixture(scope="module")
def addresses(sam, certs) -> Iterator[list[str]]:
    with serving(sam, *FOUR, tls=shards_tls(certs, 4)) as found:
        yield found


@pytest.fixture(scope="module")
def remote(addresses, certs) -> Iterator[GrpcShards]:
    with GrpcShards(addresses, edge_tls(certs), patience=HASTY, fallback="fail") as shards:
        yield shards


def predictors(sam, remote, **options) -> tuple[DistributedSamPredictor, DistributedSamPredictor]:
    """The same predictor over the network and in this process."""
    return (
        DistributedSamPredictor(sam, remote, seed=1, **options),
        DistributedSamPredictor(sam, LocalShards(4), seed=1, **options),
    )


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / max(1, (a | b).sum()))


@pytest.mark.parametrize("plan", sorted(PLANS))
@pytest.mark.parametrize("payload", ["float32", "pixels"])
def test_every_plan_equals_the_local_one(sam, remote, photos, plan, payload):
    away, here = predictors(sam, remote, plan=plan, payload=payload)
    for predictor in (away, here):
        predictor.set_image(photos["odd"])
    assert (away.features - here.features).abs().max() <= 1e-5
    assert away.traffic == here.traffic
    box = np.array([40, 10, 300, 110])
    masks = [p.predict(box=box, multimask_output=False)[0][0] for p in (away, here)]
    assert iou(*masks) >= 0.9999
    if plan != "centralized":
        sent = [sorted((m.round, m.window) for m in p.encoder.last.messages) for p in (away, here)]
        assert sent[0] == sent[1]
        assert all(message.delivered for message in away.encoder.last.messages)


@pytest.mark.parametrize("payload", ["float16", "bfloat16", "int8", "int4", "pixels+int4"])
def test_every_precision_crosses(sam, remote, photos, payload):
    away, here = predictors(sam, remote, payload=payload, plan="prefix")
    for predictor in (away, here):
        predictor.set_image(photos["landscape"])
    assert (away.features - here.features).abs().max() <= (0.05 if "int" in payload else 1e-3)
    assert away.traffic == here.traffic


def test_timings_add_up(sam, remote, photos):
    remote.timings.clear()
    away, _ = predictors(sam, remote, plan="prefix")
    away.set_image(photos["square"])
    assert sorted(timing.shard for timing in remote.timings) == [0, 1, 2, 3]
    for timing in remote.timings:
        assert timing.compute > 0
        assert timing.encode + timing.decode < timing.seconds


def test_servers_are_named_by_their_keys(sam, remote, certs):
    remote.bind(sam)
    files = [
        x509.load_pem_x509_certificate(Path(tls.cert).read_bytes()) for tls in shards_tls(certs, 4)
    ]
    assert remote.names == [key_name(cert.public_bytes(Encoding.DER)) for cert in files]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "host",
        "host:",
        ":80",
        "host:x",
        "host:70000",
        "::1:80",
        "a/b:1",
        "a\0:1",
        "a\x1b[31m:1",
        "a b:1",
        "u@a:1",
    ],
)
def test_addresses_that_are_none(text):
    assert "HOST:PORT" in message_of(lambda: GrpcShards([text]))


def test_addresses_that_are():
    assert str(Address.parse("[::1]:50051")) == "[::1]:50051"
    assert Address.parse(" shard-a:1 ") == Address("shard-a", 1)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_a_deadline_is_above_0_and_ends(seconds):
    assert "more than 0 seconds" in message_of(lambda: Patience(deadline=seconds))
    assert "more than 0 seconds" in message_of(lambda: Patience(hello=seconds))


@pytest.mark.parametrize("name", ["floor", "slack", "pause", "rest", "longest_rest"])
def test_no_length_of_time_is_negative(name):
    assert f"a {name} of -1" in message_of(lambda: Patience(**{name: -1}))


@pytest.mark.parametrize("share", [0, -0.1, 1.1, float("nan")])
def test_a_share_of_the_time_may_be_lost(share):
    assert "above 0, to 1" in message_of(lambda: Patience(lost=share))


def test_one_server_does_not_count_as_two():
    assert "twice" in message_of(lambda: GrpcShards(["a:1", "b:1", "a:1"]))
    assert "at least 1" in message_of(lambda: GrpcShards([]))


@pytest.fixture(scope="module")
def plain(sam) -> Iterator[list[str]]:
    with serving(sam, ShardService, OldProtocol, WrongWeights) as found:
        yield found


def refused(sam, photo, addresses, tls=None) -> str:
    """The refusal of a request, before any window was sent."""
    with GrpcShards(addresses, tls, patience=HASTY) as shards:
        predictor = DistributedSamPredictor(sam, shards)
        with pytest.raises(ShardRefused) as caught:
            predictor.set_image(photo)
        assert predictor.encoder.last.messages == []
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_other_protocol_or_weights_are_refused_before_a_window_leaves(sam, photos, plain):
    good, old, wrong = plain
    assert "protocol 2" in refused(sam, photos["odd"], [good, old])
    assert "other weights" in refused(sam, photos["odd"], [good, wrong])
    other = build_sam("toy", "random", seed=5)
    assert "other weights" in refused(other, photos["odd"], [good])
    shaped = build_sam("toy_globals_last", "random")
    assert "--model toy_globals_last" in refused(shaped, photos["odd"], [good])


def test_a_hash_is_of_values_and_not_of_files(sam):
    twin = build_sam("toy", "random", attention="stock")
    assert encoder_hash(twin) == encoder_hash(sam)
    other = build_sam("toy", "random", seed=1)
    assert encoder_hash(other) != encoder_hash(sam)
    again = build_sam("toy", "random", seed=1)
    randomize(again, 0)
    assert encoder_hash(again) == encoder_hash(sam)


def test_mistakes_with_tls_are_told_apart(sam, photos, plain, addresses, certs, tmp_path):
    write_certificates(tmp_path / "other")
    ours, foreign = edge_tls(certs), edge_tls(tmp_path / "other")
    photo = photos["odd"]
    assert "asks for TLS" in refused(sam, photo, addresses[:1])
    assert "does not speak TLS" in refused(sam, photo, plain[:1], ours)
    assert "--tls-ca" in refused(sam, photo, addresses[:1], foreign)
    mixed = Tls(foreign.cert, foreign.key, ours.ca)
    assert "refuses this edge's certificate" in refused(sam, photo, addresses[:1], mixed)
    by_name = [address.replace("127.0.0.1", "127.0.0.2") for address in addresses[:1]]
    assert "127.0.0.2" in refused_or_dead(sam, photo, by_name, ours)


def refused_or_dead(sam, photo, addresses, tls) -> str:
    with GrpcShards(addresses, tls, patience=HASTY) as shards:
        return message_of(lambda: DistributedSamPredictor(sam, shards).set_image(photo))


def free_address() -> str:
    """Where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def test_dead_servers(sam, photos, addresses, certs):
    dead = free_address()
    predictor = DistributedSamPredictor(sam, LocalShards(1))
    predictor.set_image(photos["odd"])
    with GrpcShards([addresses[0], dead], edge_tls(certs), patience=HASTY) as shards:
        away = DistributedSamPredictor(sam, shards)
        away.set_image(photos["odd"])
    assert (away.features - predictor.features).abs().max() <= 1e-5
    with GrpcShards([dead], patience=HASTY) as shards:
        nobody = DistributedSamPredictor(sam, shards)
        with pytest.raises(ShardUnavailable, match="cannot be reached"):
            nobody.set_image(photos["odd"])


def test_a_web_server_is_named_as_no_shard(sam, photos):
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as web:
        Thread(target=web.serve_forever, daemon=True).start()
        said = refused_or_dead(sam, photos["odd"], [f"127.0.0.1:{web.server_port}"], None)
        web.shutdown()
    assert "is no shard server" in said


def test_a_resting_server_is_left_alone_and_asked_anew(sam, addresses, certs):
    patience = Patience(tries=1, hello=5, rest=1000)
    with GrpcShards(addresses[:2], edge_tls(certs), patience=patience) as shards:
        shards.bind(sam)
        names = list(shards.names)
        shards.breakers[0].fail(0.0)
        shards.links[0]._verified = None
        shards.bind(sam)
        assert shards.links[0]._verified is None
        shards.breakers[0]._rest_until = 0.0
        shards.bind(sam)
        assert shards.links[0]._verified
        assert shards.names == names


def test_a_busy_server_is_asked_again(sam, photos):
    limits = Limits(sessions=1)
    patience = Patience(deadline=20, tries=40, pause=0.01)
    with contextlib.ExitStack() as stack:
        addresses = stack.enter_context(
            serving(sam, Slow, settings=replace(SETTINGS, limits=limits))
        )
        edges = []
        for _ in range(2):
            shards = GrpcShards(addresses, patience=patience, fallback="fail")
            stack.enter_context(shards)
            edges.append(DistributedSamPredictor(sam, shards, plan="prefix"))
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda edge: edge.set_image(photos["odd"]), edges))
    assert (edges[0].features - edges[1].features).abs().max() <= 1e-5


@pytest.mark.slow
def test_segment_over_servers(tmp_path, certs, capsys, photos):
    sam = build_sam("tiny")
    Image.fromarray(photos["landscape"]).save(tmp_path / "photo.png")
    prompt = ["segment", str(tmp_path / "photo.png"), "--box", "100,60,420,330"]
    away, here = tmp_path / "away.png", tmp_path / "here.png"
    with serving(sam, *FOUR, tls=shards_tls(certs, 4)) as addresses:
        tls = edge_tls(certs)
        flags = ["--shards", ",".join(addresses)]
        files = ["--tls-cert", tls.cert, "--tls-key", tls.key, "--tls-ca", tls.ca]
        assert main([*prompt, "--out", str(away), *flags, *map(str, files)]) == 0
        assert main([*prompt, "--out", str(here)]) == 0
        masks = [np.asarray(Image.open(path)) > 0 for path in (away, here)]
        assert iou(*masks) >= 0.9999
        capsys.readouterr()
        for wrong in ([], ["--insecure", "--tls-ca", str(tls.ca)], ["--tls-cert", str(tls.cert)]):
            assert main([*prompt, "--out", str(away), *flags, *wrong]) == 2
            assert len(capsys.readouterr().err.splitlines()) == 1
    assert main([*prompt, "--out", str(away), "--insecure"]) == 2
