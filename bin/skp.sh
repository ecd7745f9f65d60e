#!/usr/bin/env bash
# The old spelling of skp.py: takes the same words.
set -euo pipefail
exec "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../skp.py" "$@"
