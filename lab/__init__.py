"""The practice cluster: nodes that are privileged containers of this machine's Docker Engine.

`up`, `down` and `status` are all that other rooms need; `LabConfig` says which lab is meant.
"""

from lab.config import LabConfig
from lab.errors import LabError
from lab.lifecycle import Outcome, down, up
from lab.status import NodeStatus, status

__all__ = ["LabConfig", "LabError", "NodeStatus", "Outcome", "down", "status", "up"]
