# shellcheck shell=sh
# Restarts this machine's Docker Engine, and waits until the new one answers. Run as root.
set -u
PATH=$PATH:/usr/sbin:/sbin
# The system's engine, whatever root's context says.
unset DOCKER_CONTEXT
export DOCKER_HOST=unix:///var/run/docker.sock
readonly LIMIT=180

die() { echo "$*" >&2; exit 1; }

before=$(pidof dockerd) || before=''
if [ -d /run/systemd/system ]; then
  systemctl restart docker || die "systemctl could not restart it: see journalctl -u docker"
elif service docker status >/dev/null 2>&1 || [ -z "$before" ]; then
  service docker restart >/dev/null 2>&1 || die "service docker restart failed: see /var/log/docker.log"
else
  # No service of this machine's keeps it: whatever does, starts it again.
  # shellcheck disable=SC2086  # there may be several
  kill $before
fi

end=$(($(date +%s) + LIMIT))
until now=$(pidof dockerd) && [ "$now" != "$before" ] && timeout 20 docker version >/dev/null 2>&1; do
  [ "$(date +%s)" -lt $end ] || die "no new engine answers after $LIMIT s"
  sleep 1
done
