# shellcheck shell=bash
# Functions that the scripts in bin/ share. Source it; it changes nothing by itself.

# say TEXT: one line about what was found or is being done, on stderr like all progress.
say() { printf '%s: %s\n' "${PROGRAM:-${0##*/}}" "$*" >&2; }

# fail CODE WHAT HINT...: what is wrong, then what to type, one line each; ends the script.
fail() {
  local code=$1 what=$2 line
  shift 2
  printf '%s: error: %s\n' "${PROGRAM:-${0##*/}}" "$what" >&2
  for line in "$@"; do printf '  %s\n' "$line" >&2; done
  exit "$code"
}

have() { command -v "$1" >/dev/null 2>&1; }
is_root() { [ "$(id -u)" = 0 ]; }
has_systemd() { [ -d /run/systemd/system ]; }

# os_field NAME: a field of os-release(5), empty when there is none.
os_field() { (. /etc/os-release 2>/dev/null && printf '%s' "${!1:-}") || true; }

# resolv_conf: the file that names this machine's name servers as other networks on it reach them. Where
# systemd-resolved answers on the loopback, it is the one with what that asks itself.
resolv_conf() {
  local file=/run/systemd/resolve/resolv.conf
  [ -e "$file" ] || file=/etc/resolv.conf
  printf '%s\n' "$file"
}

# is_debian_like: Debian or Ubuntu themselves; a derivative may have other package names.
is_debian_like() {
  case "$(os_field ID)" in debian | ubuntu) have apt-get ;; *) false ;; esac
}

# can_install: whether this run can install packages, once somebody agreed.
can_install() { is_root && is_debian_like; }

# wait_until SECONDS COMMAND...: polls until the command succeeds; 1 when the time is over.
wait_until() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.2
  done
}

# with_dots COMMAND...: runs it quietly with a sign of life every few seconds; its output is
# shown only if it fails.
with_dots() {
  local log pid rc=0 started=$SECONDS next
  log=$(mktemp)
  "$@" >"$log" 2>&1 &
  pid=$!
  next=$((SECONDS + 10))
  while kill -0 "$pid" 2>/dev/null; do
    if [ "$SECONDS" -ge "$next" ]; then
      say "  ... $((SECONDS - started)) s: $(tail -n 1 "$log" | cut -c 1-100)"
      next=$((SECONDS + 10))
    fi
    sleep 0.2
  done
  wait "$pid" || rc=$?
  [ "$rc" = 0 ] || tail -n 40 "$log" >&2
  rm -f "$log"
  return "$rc"
}
