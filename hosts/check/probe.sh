#!/bin/sh
# Prints the facts of this machine that host.check judges: lines of "KEY VALUE". Runs as the SSH user.
# Called as: probe.sh FOLDER ADDRESS PEERS NAMES; PEERS and NAMES are lists with blanks. It changes
# nothing. Nothing here may hang: what could has a time limit of its own.
LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL PATH
folder=$1 address=$2 peers=$3 names=$4

tell() { printf '%s %s\n' "$1" "$2"; }
limited() { timeout -s KILL "$@" 2>/dev/null; }

tell hostname "$(uname -n)"
tell machine "$(cat /etc/machine-id 2>/dev/null)"
tell arch "$(uname -m)"
tell memory "$(awk '/^MemTotal:/ { print $2 }' /proc/meminfo)"
if refused=$([ "$(id -u)" = 0 ] || timeout -s KILL 10 sudo -n true 2>&1); then
  tell sudo yes
else
  tell nosudo "$(printf '%s\n' "$refused" | tail -n 1)"
fi
tell uid "$(id -u):$(id -g)"
# By which passwords the SSH user can log in; what sshd does not tell is not judged.
as_root() { if [ "$(id -u)" = 0 ]; then limited 10 "$@"; else limited 10 sudo -n "$@"; fi; }
from=${SSH_CONNECTION%% *}
asked=user=$(id -un),host=localhost,addr=${from:-127.0.0.1},laddr=$address,lport=22
taken=$(as_root "$(command -v sshd)" -T -C "$asked" | awk '
  $1 == "authenticationmethods" && $2 != "any" { chosen = 1 }
  /^(password|kbdinteractive)authentication yes/ { taken = taken " " $1 }
  END { if (!chosen) print taken }')
[ -z "$taken" ] || tell passwords "${taken# }"
tell time "$(date +%s)"
[ -d /run/systemd/system ] && tell clock "$(limited 5 timedatectl show -p NTP --value)"
[ "$(limited 5 getenforce)" = Enforcing ] && tell selinux enforcing

# What the engine says of itself, in one request.
# shellcheck disable=SC2016  # the variables are the template's
readonly ASKED='engine {{.ServerVersion}}
driver {{.Driver}}
liverestore {{.LiveRestoreEnabled}}
swarm {{.Swarm.LocalNodeState}}
cluster {{with .Swarm.Cluster}}{{.ID}}{{end}}
nodeaddr {{.Swarm.NodeAddr}}
dataport {{with .Swarm.Cluster}}{{.DataPathPort}}{{end}}
runtimes {{range $name, $_ := .Runtimes}}{{$name}} {{end}}
security {{range .SecurityOptions}}{{.}} {{end}}
store {{range .DriverStatus}}{{index . 1}} {{end}}
plain {{range .RegistryConfig.InsecureRegistryCIDRs}}{{json .}} {{end}}{{range $name, $found := .RegistryConfig.IndexConfigs}}{{if not $found.Secure}}{{$name}} {{end}}{{end}}
root {{.DockerRootDir}}'
root=/var/lib/docker answers=''
if command -v docker >/dev/null; then
  tell client yes
  # Without an engine the client fills the template with nothing, and may call it a success.
  info=$(timeout -s KILL 10 docker info -f "$ASKED" 2>&1)
  if printf '%s\n' "$info" | grep -q '^engine [0-9]'; then
    printf '%s\n' "$info" | tr -d '"'
    answers=yes
    # (A client before 28.2 knows no such field.)
    tell backend "$(limited 10 docker info -f '{{with .FirewallBackend}}{{.Driver}}{{end}}')"
    # The address that other managers know it by; of a worker none.
    tell raft "$(limited 10 docker node inspect self -f '{{with .ManagerStatus}}{{.Addr}}{{end}}')"
    root=$(printf '%s\n' "$info" | sed -n 's/^root //p')
    for service in $(limited 10 docker ps --filter label=skp.service --format '{{.Label "skp.service"}}'); do
      tell ours "$service"
    done
  else
    tell complaint "$(printf '%s\n' "$info" | grep -iE 'permission|connect' | head -n 1)"
  fi
fi

device=$(ip -o -4 address show to "$address" | awk '{ print $2; exit }')
tell device "$device"
tell addresses "$(ip -o -4 address show | awk '$2 !~ /^(lo|docker0|docker_gwbridge)$/ {
  sub("/.*", "", $4); print $4 }' | tr '\n' ' ')"
[ -n "$device" ] && tell mtu "$(cat "/sys/class/net/$device/mtu")"
for name in $names; do
  tell name "$name $(limited 5 getent ahostsv4 "$name" | awk '{ print $1; exit }')"
done
for peer in $peers; do
  # Swarm's gossip; bash, since sh can't connect.
  limited 3 bash -c "</dev/tcp/$peer/7946" || tell blocked "$peer"
done
guard=/usr/local/lib/skp/firewall
[ -x $guard ] && as_root $guard there && tell guard "$($guard nodes)" && tell admitted "$($guard ports)"
# What a reload of another firewall (ufw, firewalld, iptables-restore) takes with it.
masquerade=/usr/local/lib/skp/masquerade
[ ! -x $masquerade ] || as_root $masquerade there || tell lost masquerade
chain() { as_root "$(command -v iptables)" -t nat -S DOCKER || as_root nft list table ip docker-bridges; }
# (One that could not be asked is not judged, nor an engine that makes no rules.)
if [ -n "$answers" ] && as_root "$(command -v iptables)" -t nat -S POSTROUTING >/dev/null &&
  ! chain >/dev/null && ! tr '\0' ' ' <"/proc/$(pidof -s dockerd)/cmdline" | grep -q -- '--iptables=false' &&
  ! grep -qsE '"iptables" *: *false' /etc/docker/daemon.json; then
  tell lost docker
fi
tell listen "$(ss -Hltn 2>/dev/null | awk '{ sub(/%[^:]*/, "", $4); print $4 }' | sort -u | tr '\n' ' ')"
tell tcp "$(ss -Hltn 2>/dev/null | awk '{ sub(/.*:/, "", $4); print $4 }' | sort -un | tr '\n' ' ')"
tell udp "$(ss -Hlun 2>/dev/null | awk '{ sub(/.*:/, "", $4); print $4 }' | sort -un | tr '\n' ' ')"

if limited 5 test -d "$folder"; then
  # Directories on two machines that agree in this are the same one: NFS keeps it all.
  tell home "$(limited 5 stat -c '%i %.9Z' -- "$folder")"
else
  tell home "$(limited 5 test -e "$folder"; [ $? -gt 1 ] && echo hangs)"
fi
for path in / "$folder" "$root"; do
  limited 5 df -Pk -- "$path" | awk -v path="$path" 'NR == 2 { print "space", path, $4, $5 + 0 }'
  limited 5 df -Pi -- "$path" | awk -v path="$path" 'NR == 2 && $2 > 0 { print "inodes", path, $5 + 0 }'
done
awk '$2 == "/" && $4 ~ /(^|,)ro(,|$)/ { print "readonly /" }' /proc/mounts

count=0
for gpu in /proc/driver/nvidia/gpus/* /dev/nvidia[0-9]*; do
  case $gpu in *'*'* | *'['*) ;; *) [ -e "$gpu" ] && count=$((count + 1)) ;; esac
done
tell gpus "$count"
tell end yes
