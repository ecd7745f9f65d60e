#!/usr/bin/env bash
# What bin/lib-own.sh has run in a mount namespace of its own: the engine's Debian becomes its root, and
# the engine takes this process's place.
#
#   lib-own-root.sh ROOT RUN DATA MTU [FOLDER...]
#
#   ROOT       that Debian; it can be the root of several engines at once
#   RUN, DATA  what are /run and /var/lib/docker there; the engine's socket is RUN/docker.sock
#   MTU        of its networks; empty for the engine's own choice
#   FOLDER     of this machine, and at the same path there: what the engine's containers may bind
set -euo pipefail

# shellcheck source=bin/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

own=$1 run=$2 data=$3 mtu=$4
shift 4

mount --make-rprivate /
mount --bind "$own" "$own"
mkdir -p "$run" "$data" "$own/.host"
mount --bind "$run" "$own/run"
mount --bind "$data" "$own/var/lib/docker"
for folder in /proc /sys /dev "$@"; do
  [ -d "$folder" ] || continue
  mkdir -p "$own$folder"
  mount --rbind "$folder" "$own$folder"
done
for file in "$(resolv_conf):/etc/resolv.conf" /etc/hosts:/etc/hosts \
  /etc/ssl/certs/ca-certificates.crt:/etc/ssl/certs/ca-certificates.crt; do
  [ -e "${file%%:*}" ] || continue
  there=$own${file#*:}
  # (Never again once it is a file: to remove it would take it from the engine that has it.)
  if [ -L "$there" ] || [ ! -f "$there" ]; then rm -f -- "$there"; touch "$there"; fi
  mount --bind "$(readlink -f "${file%%:*}")" "$there"
done
cd "$own"
pivot_root . .host
cd /
umount -l /.host
# Containers may ask for mounts that are passed on.
mount --make-rshared /
exec /usr/sbin/dockerd --exec-opt native.cgroupdriver=cgroupfs --group root ${mtu:+--mtu "$mtu"}
