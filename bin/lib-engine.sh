# shellcheck shell=bash
# The Docker Engine of this machine: found, installed, started. Needs bin/lib.sh.

ENGINE_LOG=/var/log/skp-dockerd.log
ENGINE_PID=/var/run/docker.pid
ENGINE_OLDEST=26     # older ones get no security fixes any more, and some can't run privileged
ENGINE_DEADLINE=60   # seconds until a started engine has to answer

engine_version() { timeout 20 docker info --format '{{.ServerVersion}}' 2>/dev/null; }
engine_answers() { [ -n "$(engine_version)" ]; }
buildx_version() { timeout 20 docker buildx version 2>/dev/null | awk '{print $2}'; }

# engine_ensure: an engine that answers and can build, or the end with what to do.
engine_ensure() {
  local version
  if ! have docker || ! engine_answers; then
    engine_refused
    have dockerd || engine_install
    engine_start
  fi
  [ -n "$(buildx_version)" ] || engine_install_buildx
  version=$(engine_version)
  say "Docker Engine $version answers, buildx $(buildx_version)"
  [ "${version%%.*}" -ge "$ENGINE_OLDEST" ] ||
    say "  warning: Docker Engine $version is older than $ENGINE_OLDEST and gets no fixes; consider upgrading"
}

# engine_refused: ends when there is an engine that only this user may not use, or a remote one.
engine_refused() {
  if [ -n "${DOCKER_HOST:-}" ]; then
    fail 2 "DOCKER_HOST is set to $DOCKER_HOST, and no Docker Engine answers there" \
      "start that engine, or unset DOCKER_HOST to use this machine's own, then run this again"
  fi
  is_root || [ ! -S /var/run/docker.sock ] || [ -w /var/run/docker.sock ] ||
    fail 2 "the Docker Engine's socket /var/run/docker.sock can't be used by $(id -un)" \
      "type: sudo usermod -aG docker $(id -un) && newgrp docker" "then run this again"
}

# engine_install: from the distribution's own packages.
engine_install() {
  can_install || fail 2 "there is no Docker Engine that answers, and this run can't install one" \
    "on Debian and Ubuntu: run bin/setup once as root" \
    "elsewhere: install Docker Engine $ENGINE_OLDEST or newer with its buildx plugin, start it, run this again"
  apt_update
  engine_choose_suite docker.io "$ENGINE_OLDEST"
  local packages=(docker.io iptables ca-certificates) extra
  for extra in docker-cli docker-buildx; do
    [ -z "$(apt_version "$extra" "$SUITE")" ] || packages+=("$extra")
  done
  apt_install ${SUITE:+-t "$SUITE"} "${packages[@]}"
  hash -r
}

engine_install_buildx() {
  can_install || fail 2 "docker has no buildx plugin" \
    "install the package docker-buildx (or docker-buildx-plugin), then run this again"
  apt_update
  engine_choose_suite docker-buildx 0
  apt_install ${SUITE:+-t "$SUITE"} docker-buildx
  [ -n "$(buildx_version)" ] || fail 1 "docker-buildx is installed, but 'docker buildx version' fails" \
    "see: docker buildx version; docker info --format '{{json .ClientInfo.Plugins}}'"
}

# engine_choose_suite PACKAGE MAJOR: sets SUITE to the release to take the package from, empty for
# whatever this machine would take by itself. A newer release's source is added with a priority so
# low that nothing else is ever taken from it.
engine_choose_suite() {
  local advice="install Docker Engine $ENGINE_OLDEST or newer with its buildx plugin, start it, run this again"
  SUITE=
  ! apt_offers "$1" "$2" || return 0
  [ "$(os_field VERSION_CODENAME)" = bookworm ] ||
    fail 2 "this release has no $1 $2 or newer, and older ones get no fixes" "$advice"
  apt_offers "$1" "$2" trixie || engine_add_trixie
  apt_offers "$1" "$2" trixie ||
    fail 1 "this machine's Debian mirror has no $1 $2 or newer in trixie" "$advice"
  SUITE=trixie
}

engine_add_trixie() {
  local own uri keyring
  own=$(apt_own_source bookworm) ||
    fail 1 "none of apt's sources is Debian bookworm's main archive" "add one, then run this again"
  read -r uri keyring <<<"$own"
  say "adding Debian trixie from this machine's own mirror, for the Docker Engine only (priority 100)"
  printf 'Package: *\nPin: release n=trixie\nPin-Priority: 100\n' >/etc/apt/preferences.d/skp-trixie
  printf 'Types: deb\nURIs: %s\nSuites: trixie\nComponents: main\nSigned-By: %s\n' "$uri" "$keyring" \
    >/etc/apt/sources.list.d/skp-trixie.sources
  apt_refresh
}

# engine_start: by systemd where that is the init, else as a process of its own session.
engine_start() {
  ! engine_answers || return 0
  is_root || fail 2 "the Docker Engine is installed, but does not answer" "start it: sudo systemctl start docker"
  if has_systemd; then
    say "starting the Docker Engine (systemd)"
    systemctl enable --now docker >/dev/null 2>&1 ||
      fail 1 "systemd could not start the Docker Engine" "see: journalctl -u docker -n 50"
    wait_until "$ENGINE_DEADLINE" engine_answers ||
      fail 1 "the Docker Engine does not answer after $ENGINE_DEADLINE s" "see: journalctl -u docker -n 50"
    return 0
  fi
  say "starting the Docker Engine (no systemd here; log: $ENGINE_LOG)"
  engine_clear_stale "$ENGINE_PID" dockerd
  engine_clear_stale /var/run/docker/containerd/containerd.pid containerd
  engine_cgroup
  local before=0 mtu
  mtu=$(engine_mtu)
  [ ! -f "$ENGINE_LOG" ] || before=$(wc -c <"$ENGINE_LOG")
  setsid dockerd ${mtu:+--mtu "$mtu"} >>"$ENGINE_LOG" 2>&1 </dev/null &
  ENGINE_STARTED=$!
  wait_until "$ENGINE_DEADLINE" engine_answers_or_died || true
  engine_answers && return 0
  tail -c "+$((before + 1))" "$ENGINE_LOG" | tail -n 20 | cut -c 1-300 >&2
  fail 1 "the Docker Engine did not start; the end of $ENGINE_LOG is above" "correct the cause, then run this again"
}

engine_answers_or_died() { engine_answers || ! kill -0 "$ENGINE_STARTED" 2>/dev/null; }

# engine_mtu: the MTU of the interface of the default route, where it is less than the 1500 that
# engines take for granted; empty where nothing is to be said, or /etc/docker says it already.
engine_mtu() {
  local mtu
  mtu=$(awk '$2 == "00000000" && $8 == "00000000" && (name == "" || $7 < least) {name = $1; least = $7}
    END {if (name) print "/sys/class/net/" name "/mtu"}' /proc/net/route 2>/dev/null | xargs -r cat) || return 0
  [ "${mtu:-1500}" -lt 1500 ] && ! grep -qs '"mtu"' /etc/docker/daemon.json || return 0
  echo "$mtu"
}

# engine_clear_stale FILE NAME: removes a pid file whose process is gone or is another program;
# after a power cycle such a number may be anybody's, and the engine would refuse to start.
engine_clear_stale() {
  [ -s "$1" ] || return 0
  [ "$(cat "/proc/$(cat "$1")/comm" 2>/dev/null)" = "$2" ] || rm -f "$1"
}

# engine_cgroup: in a container with cgroup v2 the processes have to leave the root group, since
# a group that holds processes can't hand controllers (memory, cpu limits) on to containers
# (cgroups(7), "no internal processes").
engine_cgroup() {
  local root=/sys/fs/cgroup pid
  [ -f "$root/cgroup.type" ] && ! grep -qw memory "$root/cgroup.subtree_control" || return 0
  mkdir -p "$root/init"
  while read -r pid; do
    echo "$pid" >"$root/init/cgroup.procs" 2>/dev/null || true   # it may have ended meanwhile
  done <"$root/cgroup.procs"
  sed -e 's/\</+/g' "$root/cgroup.controllers" >"$root/cgroup.subtree_control" 2>/dev/null || true
}
