"""The only door to the Kubernetes API. Knows objects, not clusters of kops; foreign exceptions stop here.

Of the package `kubernetes` only the asynchronous half is used. Its `__init__` would load the other half too, and with
it google.auth where that is installed, for 10 MiB and a tenth of a second; so the package is entered without it.
Whoever imports `kubernetes` or kopf in this process imports this room first.
"""

import sys
from importlib.util import find_spec, module_from_spec

if "kubernetes" not in sys.modules and (_found := find_spec("kubernetes")) is not None:
    sys.modules["kubernetes"] = module_from_spec(_found)
