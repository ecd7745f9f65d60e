#!/usr/bin/env bash
# What bin/lib-own.sh has run in a mount namespace of its own: the engine's Debian becomes its root, and
# the engine takes this process's place.
#
#   lib-own-root.sh ROOT CHECKOUT MTU    ROOT: that Debian; MTU: empty for the engine's own choice
#
# Where the engine's containers bind folders of this machine, they are the machine's own: its users'
# homes, /var/lib/skp, the checkout.
set -euo pipefail

own=$1 checkout=$2 mtu=$3

mount --make-rprivate /
mount --bind "$own" "$own"
rm -rf -- "$own/run"
mkdir -p "$own/run" "$own/.host"
for folder in /proc /sys /dev /root /home /var/lib/skp "$checkout"; do
  [ -d "$folder" ] || continue
  mkdir -p "$own$folder"
  mount --rbind "$folder" "$own$folder"
done
# (Where systemd-resolved answers on the loopback, containers need what it asks itself.)
resolv=/run/systemd/resolve/resolv.conf
[ -e "$resolv" ] || resolv=/etc/resolv.conf
for file in "$resolv:/etc/resolv.conf" /etc/hosts:/etc/hosts \
  /etc/ssl/certs/ca-certificates.crt:/etc/ssl/certs/ca-certificates.crt; do
  [ -e "${file%%:*}" ] || continue
  rm -f -- "$own${file#*:}"
  touch "$own${file#*:}"
  mount --bind "$(readlink -f "${file%%:*}")" "$own${file#*:}"
done
cd "$own"
pivot_root . .host
cd /
umount -l /.host
# Containers may ask for mounts that are passed on.
mount --make-rshared /
exec /usr/sbin/dockerd --exec-opt native.cgroupdriver=cgroupfs --group root ${mtu:+--mtu "$mtu"}
