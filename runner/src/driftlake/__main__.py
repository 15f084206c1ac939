"""`python -m driftlake`."""

import sys

from driftlake.cli import main

sys.exit(main())
