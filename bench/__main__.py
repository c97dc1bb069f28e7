"""``python -m bench`` is ``pedbench``."""

import sys

from bench.cli import main

sys.exit(main())
