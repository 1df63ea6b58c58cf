"""Which file systems tell of changes. Those whose files change on another machine do not."""

from __future__ import annotations

import re
from pathlib import Path

_SILENT = re.compile(
    r"9p|v9fs|nfs[0-9]?|cifs|smb[0-9]?|vboxsf|prl_fs|fuse\.(sshfs|grpcfuse|osxfs|vmhgfs-fuse)|drvfs"
)
_ESCAPED = re.compile(r"\\([0-7]{3})")


def tells(folder: Path) -> bool:
    """Whether a watch on `folder` is told of every write; true where that is not known."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(errors="surrogateescape")
    except OSError:
        return True
    return not _SILENT.fullmatch(kind_at(mounts, folder.resolve()))


def kind_at(mountinfo: str, path: Path) -> str:
    """The kind of file system that `path` is on; "" when none is listed. mountinfo: as in /proc/self/mountinfo."""
    best, kind = -1, ""
    for line in mountinfo.splitlines():
        fields, dash, rest = line.partition(" - ")
        words = fields.split(" ")
        if not dash or len(words) < 5:
            continue
        mount = Path(_ESCAPED.sub(lambda found: chr(int(found[1], 8)), words[4]))
        # A later line lies on top of an earlier one at the same place.
        if len(mount.parts) >= best and path.is_relative_to(mount):
            best, kind = len(mount.parts), rest.split(" ")[0]
    return kind
