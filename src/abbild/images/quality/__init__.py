"""The renderer for finished pictures: paths of light by Mitsuba 3, noise removed by OIDN.

Importing any module of this package tells Dr.Jit where LLVM is (see `probe.tell_drjit`), since
that must happen before Dr.Jit is imported.
"""

from abbild.images.quality.probe import tell_drjit

tell_drjit()
