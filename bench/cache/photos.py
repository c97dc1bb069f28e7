"""Photos of a run: each is decoded once, as long as memory allows, and known by its content."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from bench.cache.fingerprints import content_digest
from bench.datasets import Dataset, Sample, SampleError
from framework.errors import FAULTS, PedbenchError, one_line, place_of

ROOM = 512 * 2**20
"""Bytes of decoded photos and masks that a data set of a run holds in memory."""

UNREADABLE = "unreadable"


class Photos(Dataset):
    """A data set that keeps decoded photos, the last ones used, and the digest of every photo.

    A photo replaced under its name has another digest in the next run.

    Args:
        source: the data set that decodes them.
        room: bytes of photos and masks that are kept; the last photo stays whatever its size.
    """

    summary = "photos of a run, decoded once"
    usage = ""

    def __init__(self, source: Dataset, room: int = ROOM) -> None:
        self.source = source
        self.name = source.name
        self.room = room
        self._decoded: OrderedDict[str, Sample | SampleError] = OrderedDict()
        self._digests: dict[str, str] = {}
        self._held = 0

    @classmethod
    def of(cls, dataset: Dataset) -> Photos:
        """A data set as photos of a run; itself where it is that already."""
        return dataset if isinstance(dataset, Photos) else cls(dataset)

    @classmethod
    def open(cls, argument: str, **options: Any) -> Dataset:
        """Photos of a run have no spec."""
        raise NotImplementedError

    @property
    def ids(self) -> tuple[str, ...]:
        return self.source.ids

    @property
    def fingerprint(self) -> str:
        return self.source.fingerprint

    def load(self, image_id: str) -> Sample:
        if image_id not in self._decoded:
            self._decode(image_id)
        self._decoded.move_to_end(image_id)
        found = self._decoded[image_id]
        if isinstance(found, SampleError):
            raise found.with_traceback(None)
        return found

    def digest(self, image_id: str) -> str:
        """The digest of a photo with its masks; `UNREADABLE` where it cannot be read."""
        if image_id not in self._digests:
            self._decode(image_id)
        return self._digests[image_id]

    def content(self) -> str:
        """The digest of all photos, in order."""
        return content_digest([self.digest(image_id) for image_id in self.ids])

    def _read(self, image_id: str) -> Sample | SampleError:
        """A photo, or why there is none; a data set of another package may raise anything."""
        try:
            found = self.source.load(image_id)
        except SampleError as error:
            return error
        except PedbenchError:
            raise
        except FAULTS as error:
            reason = (
                f"{type(error).__name__}: {one_line(error)}{place_of(error, type(self.source))}"
            )
            return SampleError(f"{self.name} cannot load image '{image_id}' ({reason}): mend it")
        if isinstance(found, Sample):
            return found
        kind = type(found).__name__
        return SampleError(f"{self.name} loads image '{image_id}' as {kind}: return a Sample")

    def _decode(self, image_id: str) -> None:
        found = self._read(image_id)
        self._digests.setdefault(
            image_id, UNREADABLE if isinstance(found, SampleError) else content_digest(found)
        )
        self._decoded[image_id] = found
        self._held += _size(found)
        while self._held > self.room and len(self._decoded) > 1:
            _, oldest = self._decoded.popitem(last=False)
            self._held -= _size(oldest)


def _size(found: Sample | SampleError) -> int:
    """Bytes of a decoded photo with its masks."""
    return 0 if isinstance(found, SampleError) else found.image.nbytes + found.masks.nbytes
