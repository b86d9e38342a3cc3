"""Open Image Denoise, through the C library that the wheel of `pyoidn` carries.

The wheel's own Python layer imports torch wherever it is installed, which costs every worker
seconds and hundreds of megabytes; the few calls that are needed are bound here instead.
"""

from __future__ import annotations

import ctypes
import importlib.util
import logging
import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbild.images.errors import RendererError

__all__ = ["Denoiser", "find_library"]

logger = logging.getLogger(__name__)

CPU = 1
FLOAT3 = 3
QUALITY = {"fast": 4, "balanced": 5, "high": 6}


POINTER, TEXT, SIZE = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t
SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "oidnNewDevice": (POINTER, [ctypes.c_int]),
    "oidnSetDeviceInt": (None, [POINTER, TEXT, ctypes.c_int]),
    "oidnSetDeviceBool": (None, [POINTER, TEXT, ctypes.c_bool]),
    "oidnCommitDevice": (None, [POINTER]),
    "oidnReleaseDevice": (None, [POINTER]),
    "oidnGetDeviceError": (ctypes.c_int, [POINTER, ctypes.POINTER(TEXT)]),
    "oidnNewFilter": (POINTER, [POINTER, TEXT]),
    "oidnSetSharedFilterImage": (
        None,
        [POINTER, TEXT, POINTER, ctypes.c_int, SIZE, SIZE, SIZE, SIZE, SIZE],
    ),
    "oidnSetFilterBool": (None, [POINTER, TEXT, ctypes.c_bool]),
    "oidnSetFilterInt": (None, [POINTER, TEXT, ctypes.c_int]),
    "oidnCommitFilter": (None, [POINTER]),
    "oidnExecuteFilter": (None, [POINTER]),
    "oidnReleaseFilter": (None, [POINTER]),
}


def find_library() -> Path | None:
    """Return the shared library of Open Image Denoise, or None where `pyoidn` is missing."""
    spec = importlib.util.find_spec("pyoidn")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(next(iter(spec.submodule_search_locations))) / "oidn"
    name = {"win32": "bin/OpenImageDenoise.dll", "darwin": "lib/libOpenImageDenoise.dylib"}
    path = folder / name.get(sys.platform, "lib/libOpenImageDenoise.so")
    return path if path.exists() else None


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL | None:
    """Load the library once and declare the calls used."""
    path = find_library()
    if path is None:
        return None
    try:
        if os.name == "nt":  # its device module is looked up by name
            ctypes.CDLL(str(path.with_name("OpenImageDenoise_device_cpu.dll")))
        library = ctypes.CDLL(str(path))
    except OSError as error:
        logger.warning("Open Image Denoise does not load: %s", error)
        return None
    for name, (result, arguments) in SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class Denoiser:
    """One device and one filter, kept for pictures of one size.

    Parameters
    ----------
    width, height : pixels
    polish : "fast", "balanced" or "high"
    threads : processor threads to use

    Raises
    ------
    RendererError
        If the library is not installed or refuses; see `available`.

    Notes
    -----
    A filter is bound to its buffers, so that making it (tens of milliseconds) is paid once.
    """

    def __init__(self, width: int, height: int, *, polish: str = "fast", threads: int = 1) -> None:
        library = _library()
        if library is None:
            raise RendererError(
                "Open Image Denoise is not installed", hint="pip install pyoidn, or denoise=False"
            )
        self._library = library
        self._images = {
            name: np.zeros((height, width, 3), np.float32)
            for name in ("color", "albedo", "normal", "output")
        }
        self._device = library.oidnNewDevice(CPU)
        library.oidnSetDeviceInt(self._device, b"numThreads", threads)
        library.oidnSetDeviceBool(self._device, b"setAffinity", False)
        library.oidnCommitDevice(self._device)
        self._filter = library.oidnNewFilter(self._device, b"RT")
        self._check()
        for name, image in self._images.items():
            library.oidnSetSharedFilterImage(
                self._filter, name.encode(), image.ctypes.data, FLOAT3, width, height, 0, 0, 0
            )
        library.oidnSetFilterBool(self._filter, b"hdr", True)
        library.oidnSetFilterBool(self._filter, b"cleanAux", True)
        library.oidnSetFilterInt(self._filter, b"quality", QUALITY[polish])
        library.oidnCommitFilter(self._filter)
        self._check()

    @staticmethod
    def available() -> bool:
        """Whether the library is there and loads."""
        return _library() is not None

    def __call__(
        self,
        color: NDArray[np.float32],
        albedo: NDArray[np.float32],
        normal: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Return `color` without its noise.

        Parameters
        ----------
        color : (h, w, 3) linear radiance, finite and not negative
        albedo : (h, w, 3) in [0, 1], free of noise
        normal : (h, w, 3) in [-1, 1], free of noise

        Returns
        -------
        (h, w, 3) float32
        """
        for name, image in (("color", color), ("albedo", albedo), ("normal", normal)):
            np.copyto(self._images[name], image)
        self._library.oidnExecuteFilter(self._filter)
        self._check()
        return self._images["output"].copy()

    def _check(self) -> None:
        message = ctypes.c_char_p()
        if self._library.oidnGetDeviceError(self._device, ctypes.byref(message)):
            text = (message.value or b"no reason given").decode(errors="replace")
            raise RendererError(f"Open Image Denoise failed: {text}", hint="use denoise=False")

    def close(self) -> None:
        """Free the native memory; the object cannot be used afterwards."""
        if self._device:
            self._library.oidnReleaseFilter(self._filter)
            self._library.oidnReleaseDevice(self._device)
            self._device = self._filter = None

    def __del__(self) -> None:
        if getattr(self, "_device", None):
            self.close()
