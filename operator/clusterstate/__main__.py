"""`python -m clusterstate` is the command line."""

import sys

from clusterstate.cli.main import main

sys.exit(main())
