"""Whether two runs hold the same records: the same cells, and values equal within a tolerance.

    python -m studies.runs.same_records results/before results/after

For changes that must not move a figure. Trained attackers may differ in their last digits, so they
have a tolerance of their own. Exit code 1 where anything differs by more.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.runner.folder.records import read_records
from bench.submission.agreement import differences, summary, too_far
from studies.command import exit_with


def main() -> int:
    """Print how far two runs are apart, by metric."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    args = parser.parse_args()
    table = differences(read_records(args.before), read_records(args.after))
    print("\n".join(summary(table)))
    far = too_far(table)
    if len(far):
        print(f"{len(far)} records differ by more than is allowed:")
        print(far.head(20).to_string(index=False))
    return int(bool(len(far)))


if __name__ == "__main__":
    exit_with(main, "studies.runs.same_records")
