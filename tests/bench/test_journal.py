"""The journal keeps every finished unit through a crash, and no half of one."""

from bench.records import Journal, read_journal

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
