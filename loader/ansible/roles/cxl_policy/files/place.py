# SPDX-License-Identifier: GPL-2.0-only
"""Let a folder take the place of another one: place.py NEW DIR OLD

DIR is whole at any moment, the one or the other, and what it was is OLD then. Should that
fail, all is as it was, but that OLD may be gone.
"""
import contextlib
import ctypes
import errno
import os
import shutil
import sys

AT_FDCWD = -100
RENAME_EXCHANGE = 2


def exchange(a, b):
    """Where the file system can't do it at once, b is away for a moment."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename and not rename(AT_FDCWD, os.fsencode(a), AT_FDCWD, os.fsencode(b), RENAME_EXCHANGE):
        return
    error = ctypes.get_errno() if rename else errno.ENOSYS
    if error not in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
        raise OSError(error, os.strerror(error), b)
    aside = b + ".aside"
    os.rename(b, aside)
    os.rename(a, b)
    os.rename(aside, a)


def main(new, path, old):
    if os.path.lexists(old):
        shutil.rmtree(old)
    if os.path.lexists(path):
        exchange(new, path)
        try:
            os.rename(new, old)
        except OSError:
            exchange(new, path)
            raise
    else:
        os.rename(new, path)
    # It is in its place, whether the file system can promise that or not
    with contextlib.suppress(OSError):
        parent = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
        os.fsync(parent)
        os.close(parent)


if len(sys.argv) != 4:
    sys.exit(__doc__)
main(*(path.rstrip("/") for path in sys.argv[1:]))
