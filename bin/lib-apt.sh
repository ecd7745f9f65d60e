# shellcheck shell=bash
# Packages on a machine that is somebody's own: those that are there keep their versions, and those
# that are added are remembered, to be taken away again. Needs bin/lib.sh.

PLACE=/opt/skp            # what bin/setup puts on this machine that is no package, and its notes
ADDED=packages            # in there: the names of the packages that bin/setup added, one a line

# apt_refresh: fetches apt's package lists; apt_update: the same, but only once per run.
apt_refresh() {
  say "refreshing apt's package lists"
  with_dots apt-get -q -o Acquire::Retries=3 update ||
    fail 1 "apt-get update failed (its last lines are above)" "check the network and /etc/apt, then run this again"
  APT_FRESH=yes
}
apt_update() { [ -n "${APT_FRESH:-}" ] || apt_refresh; }

# apt_version PACKAGE: what apt would install, without the epoch; empty if none.
apt_version() {
  apt-cache policy "$1" 2>/dev/null | awk '$1 == "Candidate:" && $2 != "(none)" {print $2}' | sed 's/^[0-9]*://'
}

# apt_offers PACKAGE MAJOR: apt has it in that major version or newer.
apt_offers() {
  local version
  version=$(apt_version "$1")
  [ -n "$version" ] && [ "${version%%[!0-9]*}" -ge "$2" ]
}

# apt_would ACTION PACKAGE...: what apt would do, a line for each package: "Inst git (1:2.47 ...",
# "Inst libc6 [OLD] (NEW ...", "Remv git [1:2.47]" (apt-get(8), --simulate).
apt_would() {
  LC_ALL=C apt-get -q -s -o Debug::NoLocking=1 --no-install-recommends --no-upgrade "$@" 2>&1
}

# apt_changes PACKAGE...: what of the packages that are there would change if these were installed,
# one a line; what can't be installed at all is a line too.
apt_changes() {
  local told
  told=$(apt_would install "$@") || { printf '%s\n' "$told" | grep -E '^E: |Depends:' || echo "apt-get fails"; return 0; }
  awk '/^Inst [^ ]+ \[/ {gsub(/[][(]/, ""); print $2 " " $3 " would become " $4}
    /^Remv / {gsub(/[][]/, ""); print $2 " " $3 " would be removed"}' <<<"$told"
}

# apt_fits PACKAGE...: they can be installed, and what is there stays as it is.
apt_fits() { [ -z "$(apt_changes "$@")" ]; }

# apt_there: the names of this machine's packages, of another architecture with it, one a line.
# shellcheck disable=SC2016  # the fields are dpkg's
apt_there() {
  dpkg-query -W -f '${db:Status-Abbrev} ${binary:Package}\n' | awk '$1 !~ /^u/ {print $2}' |
    sed "s/:$(dpkg --print-architecture)$//" | sort -u
}

# apt_add PACKAGE...: installs them, without what is merely recommended. What comes with them is noted
# before, so that nothing is forgotten where it breaks off.
apt_add() {
  local changes
  changes=$(apt_changes "$@")
  [ -z "$changes" ] || apt_refuse "$changes" "$@"
  say "installing $*"
  mkdir -p "$PLACE"
  apt_would install "$@" | awk '/^Inst [^ ]+ \(/ {print $2}' >>"$PLACE/$ADDED"
  with_dots env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l \
    apt-get -q -y -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120 --no-remove --no-upgrade \
    --no-install-recommends install "$@" ||
    fail 1 "apt-get install $* failed (its last lines are above)" "correct the cause, then run this again"
  hash -r
}

# apt_refuse CHANGES PACKAGE...: the end, with what is in the way.
apt_refuse() {
  local lines
  mapfile -t lines < <(head -n 5 <<<"$1")
  fail 2 "installing ${*:2} would change packages that are there; nothing was touched" "${lines[@]}" \
    "if you agree to that, type: apt-get install ${*:2}" "then run this again"
}

# apt_added: the packages that bin/setup added and that are still there.
apt_added() { [ ! -s "$PLACE/$ADDED" ] || apt_there | comm -12 - <(sort -u "$PLACE/$ADDED"); }

# apt_removable: of those, all that nothing else needs by now; what else needs is kept, and said.
apt_removable() {
  local added others name
  mapfile -t added < <(apt_added)
  [ ${#added[@]} -gt 0 ] || return 0
  others=$(apt_needing "${added[@]}") && [ -z "$others" ] && { printf '%s\n' "${added[@]}"; return 0; }
  for name in "${added[@]}"; do
    others=$(apt_needing "$name" | comm -23 - <(sort -u "$PLACE/$ADDED"))
    if [ -z "$others" ]; then echo "$name"; else say "$name stays: $(head -n 1 <<<"$others") needs it"; fi
  done
}

# apt_needing PACKAGE...: the packages, beside these, that would be removed with them.
apt_needing() {
  apt_would purge "$@" | awk '/^(Remv|Purg) / {print $2}' | sort -u | comm -23 - <(printf '%s\n' "$@" | sort -u)
}

# apt_take_away PACKAGE...: removes them with their configuration; nothing else goes with them.
apt_take_away() {
  local others
  others=$(apt_needing "$@")
  [ -z "$others" ] || fail 1 "removing what was added would remove more: ${others//$'\n'/ }" "apt-get purge --simulate $*"
  with_dots env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l SUDO_FORCE_REMOVE=yes \
    apt-get -q -y -o DPkg::Lock::Timeout=120 -o APT::AutoRemove::RecommendsImportant=false purge "$@" ||
    fail 1 "apt-get purge failed (its last lines are above)" "correct the cause, then run this again"
  rm -f -- "$PLACE/$ADDED"
}
