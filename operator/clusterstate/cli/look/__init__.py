"""Looking at a store: what `kops get` shows, and more; nothing is ever written.

`reading` reads one cluster, and keeps what is broken apart: that is named at the end and hides nothing else. `sheet`
prints what was found in the form that was asked for. `documents`, `certificates` and `addons` make rows. Pure are
those, `sheet` but for printing, and `sizes`.
"""
