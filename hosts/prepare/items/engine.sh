# shellcheck shell=sh
# A Docker Engine that SKP can talk to, started at boot; the SSH user may talk to it.
readonly SINCE=25 # the first with the API that SKP speaks

version() { timeout 20 docker version -f '{{.Server.Version}}' 2>/dev/null; }
may_talk() { [ "$SKP_USER" = root ] || id -nG "$SKP_USER" | tr ' ' '\n' | grep -qx docker; }
at_boot() { ! is_systemd || systemctl -q is-enabled docker; }

check() {
  command -v dockerd >/dev/null || { echo "no Docker Engine"; return 1; }
  found=$(version) || { echo "the Docker Engine does not answer"; return 1; }
  [ "${found%%.*}" -ge $SINCE ] || { echo "Docker Engine $found is older than $SINCE"; return 1; }
  docker buildx version >/dev/null 2>&1 || { echo "docker buildx is missing"; return 1; }
  may_talk || { echo "$SKP_USER is not in the group docker"; return 1; }
  at_boot || { echo "the Docker Engine is not started at boot"; return 1; }
}

# new_enough PACKAGE: the machine's package sources have it, and not an old one.
new_enough() {
  offered=$(candidate "$1")
  offered=${offered#*:}
  [ -n "$offered" ] && [ "${offered%%.*}" -ge $SINCE ]
}

packages() {
  if new_enough docker-ce; then
    echo docker-ce docker-ce-cli containerd.io docker-buildx-plugin
  elif new_enough docker.io; then
    echo docker.io
    for each in docker-cli docker-buildx; do
      [ -z "$(candidate "$each")" ] || echo "$each"
    done
  else
    die "the package sources have no Docker Engine from $SINCE on (docker.io: $(candidate docker.io)): \
add those of docker.com (its documentation, Install Docker Engine), then do this again"
  fi
}

fix() {
  found=$(version) || found=''
  if [ -z "$found" ] || [ "${found%%.*}" -lt $SINCE ] || ! docker buildx version >/dev/null 2>&1; then
    if command -v dockerd >/dev/null && [ -n "$found" ] && [ -n "$(docker ps -q)" ]; then
      die "containers run on Docker Engine $found: upgrade it by hand"
    fi
    refresh
    chosen=$(packages) || return 1
    [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" != Y ] || chosen="$chosen apparmor"
    # shellcheck disable=SC2086  # several names
    install_packages $chosen ca-certificates iproute2 iptables kmod procps
  fi
  usermod -aG docker "$SKP_USER"
  start docker
  wait_until "the Docker Engine does not start; see its log (journalctl -u docker, /var/log/docker.log)" version
}
