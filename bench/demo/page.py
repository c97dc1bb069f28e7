"""The page of one visitor: photo, box and choices on the left, what servers have on the right."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from nicegui import events, ui
from numpy.typing import NDArray

from bench.datasets import open_dataset
from bench.demo import choices
from bench.demo.experiment import Leakage, Region, Sent, View, Workbench
from bench.demo.figures import figure, folded, gallery, rectangle, reduced
from bench.demo.slider import Slider
from bench.flags.prompts import Prompt, read_prompt
from bench.metrics.miou import tight_box
from bench.report.render.page import photo_uri
from bench.runner.evaluation.pictures import overlay
from bench.spec.cells import Pipeline
from framework.errors import PedbenchError
from framework.files.photos import read_photo
from framework.split.defences.base import NO_DEFENCE

HERE = Path(__file__).parent
STYLE, UPLOAD, NAMES = (
    (HERE / name).read_text(encoding="utf-8") for name in ("style.css", "upload.html", "names.js")
)
"""Of the page; of the field for photos, whose own head has a button without a name; for readers."""
LARGEST_FILE = 100_000_000
SHORTEST = 4.0
"""A box is drawn when mouse down and up are so many pixels apart."""
SHOWN = 3
"""Reconstructions that the page shows."""
DRAW = "Draw a box on the photo: press, drag, release."

Answer = TypeVar("Answer")
Wish = tuple[int, Prompt, Pipeline, int]
"""Number of the photo, prompt, pipeline, and number of the sending."""


class Page:
    """What one visitor sees and has chosen.

    Args:
        workbench: computes.
        worker: runs one computation after the other, for all visitors.
    """

    def __init__(self, workbench: Workbench, worker: Executor) -> None:
        self.workbench, self.worker = workbench, worker
        self.samples = open_dataset("embedded")
        self.photo: NDArray[np.uint8] | None = None
        self.photos = self.sendings = 0
        self.scale = 1.0
        self.corner: tuple[float, float] | None = None
        self.busy = self.again = False
        self.sent: tuple[Wish, Sent] | None = None
        self.attacked: tuple[Wish, int] | None = None
        self._build()

    def _build(self) -> None:
        ui.add_css(STYLE)
        ui.run_javascript(NAMES)
        with ui.element("div").classes("demo"):
            ui.html("What servers see of a photo", sanitize=False, tag="h1")
            ui.label(
                "Each shard is a process of its own on this machine, reached over mutual TLS. "
                "Nothing leaves this machine."
            ).classes("lead")
            with ui.element("div").classes("sides"):
                with ui.element("div"):
                    self._build_photo()
                    self._build_choices()
                with ui.element("div"):
                    self._build_results()

    def _build_photo(self) -> None:
        ui.select(list(self.samples.ids), label="Sample photo", on_change=self._take_sample).props(
            "outlined dense"
        )
        ui.upload(
            auto_upload=True,
            max_file_size=LARGEST_FILE,
            on_upload=self._take_file,
            on_rejected=lambda: self._say("That file is larger than 100 MB: give a smaller one."),
        ).props("flat bordered").add_slot("header", UPLOAD)
        self.canvas = ui.interactive_image(
            events=["mousedown", "mousemove", "mouseup"], on_mouse=self._draw
        ).classes("photo")
        self.box = ui.input("Box x0,y0,x1,y1 in pixels of the photo").props("outlined dense")
        self.box.on("change", self.refresh)

    def _build_choices(self) -> None:
        def choose(label: str, options: Any, value: str) -> ui.select:
            made = ui.select(options, label=label, value=value, on_change=self.refresh)
            return made.props("outlined dense options-dense")

        usual = choices.DEFAULT
        self.plan = choose("Plan", choices.plans(), usual.plan)
        self.payload = choose("Payload", choices.payloads(), usual.payload)
        self.policy = choose("Policy", choices.policies(), usual.policy)
        self.defence = choose("Defence", choices.defences(), usual.defence)
        self.strength = (
            ui.number("Strength", value=choices.STRENGTH, min=0, step=0.25)
            .props("outlined dense")
            .bind_visibility_from(self.defence, "value", lambda name: name != NO_DEFENCE)
        )
        self.strength.on("change", self.refresh)
        most = self.workbench.servers.most
        self.shards = Slider("Shards", most, min(usual.n_shards, most), self._limit)
        self.coalition = Slider("Colluding shards", self.shards.chosen, 1, self.refresh)
        ui.button("Send again", on_click=self._send_again).props("outline no-caps")

    def _build_results(self) -> None:
        with ui.row().classes("state"):
            self.spinner = ui.spinner().props('aria-label="computing"')
            self.trouble = ui.label().classes("trouble").props("role=alert")
        self.spinner.set_visibility(False)
        self.mask = self._section("What the edge has: the mask").classes("large")
        self.views = self._section("What each shard reads of what it was sent")
        self.made = self._section("The best reconstructions by the coalition").classes("large")

    @staticmethod
    def _section(title: str) -> ui.html:
        ui.html(title, sanitize=False, tag="h2")
        return ui.html("", sanitize=False)

    async def _limit(self) -> None:
        """A coalition has no more members than there are shards."""
        self.coalition.limit(self.shards.chosen)
        await self.refresh()

    async def _take_sample(self, event: events.ValueChangeEventArguments) -> None:
        try:
            sample = await self._compute(self.samples.load, event.value)
        except PedbenchError as error:
            self._say(str(error))
            return
        box = ",".join(map(str, tight_box(sample.masks[0]))) if len(sample.masks) else ""
        await self._show_photo(sample.image, box)

    async def _take_file(self, event: events.UploadEventArguments) -> None:
        try:
            content = await event.file.read()
            photo = await asyncio.to_thread(read_photo, content, event.file.name)
        except PedbenchError as error:
            self._say(str(error))
            return
        finally:
            event.sender.run_method("reset")
        await self._show_photo(photo, "")

    async def _show_photo(self, photo: NDArray[np.uint8], box: str) -> None:
        self.photo, self.box.value = photo, box
        self.photos += 1
        shown, self.scale = reduced(photo)
        self.canvas.set_source(photo_uri(shown))
        self.canvas.content = ""
        for part in (self.mask, self.views, self.made):
            part.content = ""
        await self.refresh()

    async def _draw(self, mouse: events.MouseEventArguments) -> None:
        """A box from where the mouse went down to where it is."""
        x, y = mouse.image_x * self.scale, mouse.image_y * self.scale
        if mouse.type == "mousedown":
            self.corner = x, y
        if self.corner is None or self.photo is None:
            return
        (x0, x1), (y0, y1) = sorted((self.corner[0], x)), sorted((self.corner[1], y))
        self.canvas.content = rectangle((x0, y0, x1, y1), self.scale)
        if mouse.type == "mouseup":
            self.corner = None
            if min(x1 - x0, y1 - y0) < SHORTEST * self.scale:
                self._say(DRAW)
                return
            self.box.value = f"{x0:.0f},{y0:.0f},{x1:.0f},{y1:.0f}"
            await self.refresh()

    async def _send_again(self) -> None:
        self.sendings += 1
        await self.refresh()

    async def refresh(self) -> None:
        """Compute what the choices ask for; while that goes on, only the last wish waits."""
        self.again = True
        if self.busy or self.photo is None:
            return
        self.busy = True
        self.spinner.set_visibility(True)
        try:
            while self.again:
                self.again = False
                try:
                    await self._update()
                    self._say("")
                except PedbenchError as error:
                    self._say(str(error))
        finally:
            self.busy = False
            self.spinner.set_visibility(False)

    async def _update(self) -> None:
        """Send where something of the sending changed, then attack where anything did.

        Raises:
            PedbenchError: the choices do not go together, or a server failed.
        """
        assert self.photo is not None
        if not self.box.value:
            raise PedbenchError(DRAW)
        photo = self.photo
        wish = self._wish()
        self.canvas.content = rectangle(wish[1].values, self.scale)
        if self.sent is None or self.sent[0] != wish:
            sent = await self._compute(self.workbench.send, photo, *wish[1:])
            self._show_mask(photo, sent)
            self.sent = wish, sent
        sent, size = self.sent[1], self.coalition.chosen
        if self.attacked != (wish, size):
            views = await self._compute(self.workbench.views, sent)
            leakage = await self._compute(self.workbench.attack, sent, size)
            self._show_views(sent, views, leakage)
            self._show_made(leakage)
            self.attacked = wish, size

    def _wish(self) -> Wish:
        pipeline = choices.pipeline(
            self.plan.value,
            self.payload.value,
            self.policy.value,
            self.shards.chosen,
            self.defence.value,
            self.strength.value,
        )
        return self.photos, read_prompt(self.box.value, None), pipeline, self.sendings

    def _show_mask(self, photo: NDArray[np.uint8], sent: Sent) -> None:
        traffic = sent.traffic
        facts = (
            f"IoU with the mask of the unsplit model: {sent.agreement:.3f}. "
            f"{_bytes(traffic.bytes_up)} up, {_bytes(traffic.bytes_down)} down, "
            f"{traffic.rounds} rounds."
        )
        self.mask.content = gallery([figure(overlay(photo, sent.mask[None]), "Mask", facts)])

    def _show_views(self, sent: Sent, views: list[View], leakage: Leakage) -> None:
        self.views.content = gallery(
            [
                figure(
                    view.picture,
                    f"Shard {shard + 1}",
                    f"process {sent.pids[shard]}, {view.share:.0%} of the picture",
                    marked=shard in leakage.shards,
                )
                for shard, view in enumerate(views)
            ]
        )

    def _show_made(self, leakage: Leakage) -> None:
        members = "shards " if len(leakage.shards) > 1 else "shard "
        members += ", ".join(str(shard + 1) for shard in leakage.shards)
        seen = f"received {leakage.share:.0%} of the picture"
        if leakage.object_share is not None:
            seen += f" and {leakage.object_share:.0%} of the object"
        facts = f"Coalition of {members}: {seen}. {_floor(leakage.floor)}"
        best = [
            figure(made.picture, made.attack, _scores(made.psnr))
            for made in leakage.reconstructions[:SHOWN]
        ]
        tried = f"{len(leakage.reconstructions)} attacks tried."
        left_out = folded(f"{len(leakage.refused)} not tried here", leakage.refused)
        self.made.content = f"<p>{facts} {tried}</p>{gallery(best)}{left_out}"

    def _say(self, text: str) -> None:
        self.trouble.text = text

    async def _compute(self, work: Callable[..., Answer], *arguments: Any) -> Answer:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.worker, lambda: work(*arguments))


def _bytes(count: int) -> str:
    return f"{count / 1e6:.2f} MB"


def _scores(psnr: Region) -> str:
    values = [f"{region} {value:.1f} dB" for region, value in psnr.items() if value is not None]
    return "PSNR: " + ", ".join(values)


def _floor(psnr: Region) -> str:
    hidden = psnr["hidden"]
    if hidden is None:
        return "It received every window."
    return f"Without seeing anything, one colour reaches {hidden:.1f} dB in the hidden windows."
