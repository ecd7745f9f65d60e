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

# is_debian_like: Debian or Ubuntu themselves; a derivative may have other package names.
is_debian_like() {
  case "$(os_field ID)" in debian | ubuntu) have apt-get ;; *) false ;; esac
}

# can_install: whether this run may install packages without asking anybody.
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

# apt_refresh: fetches apt's package lists; apt_update: the same, but only once per run.
apt_refresh() {
  say "refreshing apt's package lists"
  with_dots apt-get -q -o Acquire::Retries=3 update ||
    fail 1 "apt-get update failed (its last lines are above)" "check the network and /etc/apt, then run this again"
  APT_FRESH=yes
}
apt_update() { [ -n "${APT_FRESH:-}" ] || apt_refresh; }

# apt_install [-t SUITE] PACKAGE...: without asking, and without what is merely recommended.
apt_install() {
  apt_update
  if [ "$1" = -t ]; then say "installing ${*:3} (from $2)"; else say "installing $*"; fi
  with_dots env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l \
    apt-get -q -y -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120 \
    --no-install-recommends install "$@" ||
    fail 1 "apt-get install $* failed (its last lines are above)" "correct the cause, then run this again"
}

# apt_version PACKAGE [SUITE]: what apt would install (from SUITE), without the epoch; empty if none.
apt_version() {
  if [ -n "${2:-}" ]; then
    apt-cache madison "$1" 2>/dev/null | awk -F' *[|] *' -v s=" $2/" 'index($3, s) {print $2; exit}'
  else
    apt-cache policy "$1" 2>/dev/null | awk '$1 == "Candidate:" && $2 != "(none)" {print $2}'
  fi | sed 's/^[0-9]*://'
}

# apt_offers PACKAGE MAJOR [SUITE]: apt has it (in SUITE) in that major version or newer.
apt_offers() {
  local version
  version=$(apt_version "$1" "${3:-}")
  [ -n "$version" ] && [ "${version%%[!0-9]*}" -ge "$2" ]
}

# apt_own_source CODENAME: "URI KEYRING" of the machine's own main source of that release, so
# that whatever mirror and keys it is configured with are used for more of the same archive.
apt_own_source() {
  local uri keyring
  # shellcheck disable=SC2016  # apt expands $(...) here, not the shell
  uri=$(apt-get indextargets --format '$(ORIGIN)|$(CODENAME)|$(COMPONENT)|$(REPO_URI)' \
    'Created-By: Packages' 2>/dev/null | awk -F'|' -v c="$1" '$1=="Debian" && $2==c && $3=="main" {print $4; exit}')
  [ -n "$uri" ] || return 1
  keyring=$(cat /etc/apt/sources.list.d/*.sources 2>/dev/null | awk -v RS= -v u="${uri%/}" '
    index($0, u) && match($0, /Signed-By:[ \t]*\/[^ \t\n]+/) {
      s = substr($0, RSTART, RLENGTH); sub(/Signed-By:[ \t]*/, "", s); print s; exit }')
  [ -n "$keyring" ] || keyring=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
    grep -F "${uri%/}" | grep -v '^ *#' | grep -om1 'signed-by=[^] ]*' | cut -d= -f2)
  [ -n "$keyring" ] || keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  printf '%s %s\n' "$uri" "$keyring"
}
