"""``python -m davsn`` is ``davsn``."""

import sys

from davsn.cli import main

sys.exit(main())
