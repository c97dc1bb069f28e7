"""The journal keeps every finished unit through a crash, and no half of one."""

from bench.records import Journal, read_journal
from tests.framework.support import message_of, no_file_beyond

HERE = {"commit": "abc"}


def test_a_half_written_line_is_discarded(tmp_path):
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.append(["a:1"], [{"metric": "psnr", "value": 20.0}], HERE)
    journal.append(["a:2"], [{"metric": "psnr", "value": 21.0}], HERE)
    journal.close()
    intact = path.read_bytes()
    path.write_bytes(intact + b'{"units":["a:3"],"records":[{"met')

    resumed = Journal(path)
    assert resumed.done == {"a:1", "a:2"}
    resumed.append(["a:3"], [{"metric": "psnr", "value": 22.0}], HERE)
    resumed.close()
    assert [record["value"] for record in read_journal(path)] == [20.0, 21.0, 22.0]


def test_units_and_records_stay_together(tmp_path):
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.append(["a:1", "b:1"], [{"value": 1.0}, {"value": 2.0}, {"value": 3.0}], HERE)
    journal.close()
    assert Journal(path).done == {"a:1", "b:1"}
    assert [record["commit"] for record in read_journal(path)] == ["abc"] * 3


def test_a_full_disk_ends_with_one_line_and_loses_nothing(tmp_path):
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.append(["a"], [{"image_id": "1"}], {})
    with no_file_beyond(path.stat().st_size + 20):
        text = message_of(lambda: journal.append(["b"], [{"image_id": "2" * 100}], {}))
        journal.close()
    assert text.startswith(f"cannot write {path}")
    assert text.endswith("what is done is kept")
    again = Journal(path)
    assert again.done == {"a"}
    again.append(["b"], [{"image_id": "2"}], {})
    again.close()
    assert [record["image_id"] for record in read_journal(path)] == ["1", "2"]
