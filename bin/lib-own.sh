# shellcheck shell=bash
# A Docker Engine in a place of its own: a small Debian in /opt/skp/engine, with its own processes,
# socket and data; nothing of it is among this machine's programs. It runs from bin/setup on until the
# machine goes off. Needs bin/lib.sh and bin/lib-apt.sh.

OWN=$PLACE/engine
OWN_LOG=$PLACE/engine.log
OWN_PID=$OWN/run/docker.pid
OWN_DEADLINE=60      # seconds until it has to answer, or to end
OWN_MAKING=900       # seconds that making it may take
# (apparmor: where the kernel has it, the engine loads its containers' profile by that.)
OWN_PACKAGES=apparmor,ca-certificates,docker-buildx,docker-cli,docker.io,iproute2,iptables,pigz

own_made() { [ -x "$PLACE/bin/docker" ]; }
own_there() { [ -e "$OWN" ] || [ -e "$OWN.new" ] || own_made; }
own_runs() { [ "$(cat "/proc/$(cat "$OWN_PID" 2>/dev/null)/comm" 2>/dev/null)" = dockerd ]; }

# own_use: this shell, and what it starts, talk to that engine, if it was made and no other is named.
own_use() {
  if ! own_made || [ -n "${DOCKER_HOST:-}" ]; then return 0; fi
  export DOCKER_HOST="unix://$OWN/run/docker.sock" PATH="$PLACE/bin:$PATH"
}

# shellcheck disable=SC2034  # ENGINE_FROM and ENGINE_STARTED are lib-engine.sh's
# own_plan: what is to be done for it is told to `want`; sets ENGINE_FROM.
own_plan() {
  is_root || fail 2 "the Docker Engine in $OWN is root's" "run this as root"
  if own_made; then
    own_use
    ENGINE_FROM=own-start
    return 0
  fi
  ENGINE_FROM=own
  have mmdebstrap || apt_fits mmdebstrap ||
    fail 2 "a Docker Engine of its own is made by mmdebstrap, which can't be installed as things are" \
      "$(apt_changes mmdebstrap | head -n 3)" "install Docker Engine 25 or newer, then run this again"
  want "put a Docker Engine of SKP's own into $OWN (Debian trixie's; 500 MB, later its images)"
}

# own_make: the root of that Debian, with the packages of the Docker Engine, and a `docker` for it.
own_make() {
  local folder
  say "making a Docker Engine of SKP's own in $OWN (one to two minutes)"
  own_clear "$OWN.new"
  mkdir -p "$OWN.new" "$PLACE/bin"
  chmod 0755 "$PLACE" "$PLACE/bin" "$OWN.new"
  folder=$(mktemp -d)
  "$ROOT/images/host/gather" "$folder/host"
  # shellcheck disable=SC2016  # the inner bash expands it
  with_dots timeout "$OWN_MAKING" bash -c 'set -o pipefail; "$1" "$2" --include="$3" | tar -x -C "$4"' \
    own "$ROOT/images/base/bootstrap" "$folder/host" "$OWN_PACKAGES" "$OWN.new" ||
    { rm -rf -- "$folder"; fail 1 "the engine's Debian could not be made (the last lines are above)" \
        "correct the cause, then run this again"; }
  rm -rf -- "$folder"
  own_clear "$OWN"
  mv "$OWN.new" "$OWN"
  own_write_docker
}

# own_write_docker: the command docker for that engine; its plugins are found by a configuration of
# its own, since they are in none of the folders where docker looks.
own_write_docker() {
  install -d -m 0755 "$PLACE/docker"
  printf '{"cliPluginsExtraDirs": ["%s/usr/libexec/docker/cli-plugins"]}\n' "$OWN" >"$PLACE/docker/config.json"
  cat >"$PLACE/bin/docker.new" <<TEXT
#!/bin/sh
# For the Docker Engine in $OWN, which SKP's bin/setup made.
export DOCKER_HOST="\${DOCKER_HOST:-unix://$OWN/run/docker.sock}" DOCKER_CONFIG="\${DOCKER_CONFIG:-$PLACE/docker}"
exec $OWN/usr/bin/docker "\$@"
TEXT
  chmod 0755 "$PLACE/bin/docker.new"
  mv "$PLACE/bin/docker.new" "$PLACE/bin/docker"
}

# own_start: in a mount namespace, where its Debian is the root; the network is this machine's.
own_start() {
  own_use
  ! engine_answers || return 0
  if own_runs; then
    wait_until "$OWN_DEADLINE" engine_answers || fail 1 "the Docker Engine in $OWN does not answer" "see: $OWN_LOG"
    return 0
  fi
  say "starting the Docker Engine in $OWN (log: $OWN_LOG)"
  remember_before chroot "$OWN"
  engine_cgroup
  rm -rf -- "$OWN/run"
  setsid unshare --mount bash "$ROOT/bin/lib-own-root.sh" "$OWN" "$OWN/run" "$OWN/var/lib/docker" "$(engine_mtu)" \
    /root /home /var/lib/skp "$ROOT" >>"$OWN_LOG" 2>&1 </dev/null &
  # shellcheck disable=SC2034  # engine_answers_or_died reads it
  ENGINE_STARTED=$!
  wait_until "$OWN_DEADLINE" engine_answers_or_died || true
  engine_answers && return 0
  tail -n 20 "$OWN_LOG" | cut -c 1-300 >&2
  fail 1 "the Docker Engine in $OWN did not start; the end of $OWN_LOG is above" "correct the cause, then run this again"
}

# own_stop: ends it and its containers.
own_stop() {
  own_runs || return 0
  kill -TERM "$(cat "$OWN_PID")"
  wait_until "$OWN_DEADLINE" own_ended ||
    fail 1 "the Docker Engine in $OWN does not end" "see: $OWN_LOG; then run this again"
}
own_ended() { ! own_runs; }

# own_clear FOLDER: removes it, and nothing that is mounted there.
own_clear() {
  ! grep -q " $1[/ ]" /proc/self/mounts || fail 1 "something is mounted in $1" "see: grep $1 /proc/mounts"
  rm -rf --one-file-system -- "$1"
}
