# shellcheck shell=bash
# The Docker Engine of this machine: found, chosen, started. Needs bin/lib.sh, lib-apt.sh, lib-own.sh.

ENGINE_LOG=/var/log/skp-dockerd.log
ENGINE_PID=/var/run/docker.pid
ENGINE_OLDEST=26     # older ones get no security fixes any more: none is put on a machine
ENGINE_WORKS=25      # older ones than this can't be used
ENGINE_DEADLINE=60   # seconds until a started engine has to answer

engine_version() { timeout 20 docker info --format '{{.ServerVersion}}' 2>/dev/null; }
engine_answers() { [ -n "$(engine_version)" ]; }
buildx_version() { timeout 20 docker buildx version 2>/dev/null | awk '{print $2}'; }

# engine_plan: sets ENGINE_FROM to what is to be done: nothing (it answers), start (it is there),
# packages or own; what would be put on the machine is told to `want`. Ends where nothing can be done.
engine_plan() {
  local version
  ENGINE_FROM=nothing
  if own_made && [ -z "${DOCKER_HOST:-}" ]; then own_plan; return; fi
  if have docker && version=$(engine_version) && [ -n "$version" ]; then
    [ "${version%%[!0-9]*}" -ge "$ENGINE_WORKS" ] || engine_too_old "$version"
    [ -n "$(buildx_version)" ] || engine_plan_buildx
    return 0
  fi
  engine_refused
  version=$(dockerd --version 2>/dev/null | sed -nE 's/^Docker version ([0-9]+).*/\1/p') || true
  if [ "${version:-0}" -ge "$ENGINE_WORKS" ]; then
    is_root || fail 2 "the Docker Engine is installed, but does not answer" "start it: sudo systemctl start docker"
    ENGINE_FROM=start
    want "start the Docker Engine that is installed here"
  else
    engine_choose
  fi
}

# engine_too_old VERSION: two engines in one network would take each other's rules away.
engine_too_old() {
  fail 2 "the Docker Engine of this machine is $1; $ENGINE_WORKS or newer is needed" \
    "nothing was touched: its version is yours to choose" \
    "upgrade it; or stop it (sudo systemctl stop docker.socket docker.service)," \
    "and SKP puts an engine of its own beside it; then run this again"
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

# engine_choose: the distribution's package, if new enough; Docker's own, where its source is
# configured; else an engine in a place of its own. The first that leaves all other packages alone.
engine_choose() {
  can_install || fail 2 "there is no Docker Engine that answers, and this run can't install one" \
    "on Debian and Ubuntu: run bin/setup once as root" \
    "elsewhere: install Docker Engine $ENGINE_WORKS or newer with its buildx plugin, start it, run this again"
  apt_update
  # (Debian has the command docker in a package of its own since 13, Ubuntu in docker.io.)
  local cli=docker-cli
  [ -n "$(apt_version docker-cli)" ] || cli=docker.io
  if engine_offered docker.io docker.io "$cli" docker-buildx iptables ca-certificates ||
    engine_offered docker-ce docker-ce docker-ce-cli containerd.io docker-buildx-plugin; then
    ENGINE_FROM=packages
  else
    own_plan
  fi
}

# engine_offered NAME PACKAGE...: NAME is new enough, and the PACKAGEs can be had; then they are wanted.
engine_offered() {
  apt_offers "$1" "$ENGINE_OLDEST" && apt_fits "${@:2}" || return 1
  want "install the Docker Engine $(apt_version "$1"), as packages" "${@:2}"
}

# engine_plan_buildx: the plugin of whichever source the engine is from.
engine_plan_buildx() {
  local name advice=("install the package docker-buildx (or docker-buildx-plugin), then run this again")
  can_install || fail 2 "docker has no buildx plugin" "${advice[@]}"
  apt_update
  for name in docker-buildx docker-buildx-plugin; do
    if [ -z "$(apt_version "$name")" ] || ! apt_fits "$name"; then continue; fi
    want "install docker's plugin buildx, as a package" "$name"
    return 0
  done
  fail 2 "docker has no buildx plugin, and apt has none that leaves other packages as they are" "${advice[@]}"
}

# engine_ensure: what was planned is done, and an engine answers that can build; or the end.
engine_ensure() {
  local version
  case $ENGINE_FROM in
    own) own_make; own_start ;;
    own-start) own_start ;;
    start | packages) engine_start ;;
  esac
  version=$(engine_version)
  [ -n "$(buildx_version)" ] || fail 1 "a Docker Engine answers, but 'docker buildx version' fails" \
    "see: docker buildx version; docker info --format '{{json .ClientInfo.Plugins}}'"
  say "Docker Engine $version answers, buildx $(buildx_version)"
  [ "${version%%.*}" -ge "$ENGINE_OLDEST" ] ||
    say "  warning: Docker Engine $version is older than $ENGINE_OLDEST and gets no fixes; consider upgrading"
}

# engine_start: by systemd where that is the init, else as a process of its own session.
engine_start() {
  ! engine_answers || return 0
  if has_systemd; then
    say "starting the Docker Engine (systemd)"
    systemctl start docker >/dev/null 2>&1 ||
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

# engine_stop: the engine that bin/setup installed ends, and its containers with it.
engine_stop() {
  engine_runs || return 0
  if has_systemd; then
    systemctl stop docker.socket docker.service ||
      fail 1 "systemd could not stop the Docker Engine" "see: journalctl -u docker -n 50"
  else
    kill -TERM "$(cat "$ENGINE_PID")"
  fi
  wait_until "$ENGINE_DEADLINE" engine_ended ||
    fail 1 "the Docker Engine does not end" "see: $ENGINE_LOG; then run this again"
}
engine_runs() { [ "$(cat "/proc/$(cat "$ENGINE_PID" 2>/dev/null)/comm" 2>/dev/null)" = dockerd ]; }
engine_ended() { ! engine_runs; }

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
