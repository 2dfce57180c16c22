"""`python -m clusterstate` is the command line."""

import sys

from clusterstate.cli.start import main

sys.exit(main())
