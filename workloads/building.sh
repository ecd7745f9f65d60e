# shellcheck shell=bash
# Has an image built on this node. What builds it is in a container of its own, which has the project's
# room, and nothing else of the node.
#
#   script=$(cat building.sh) bash -c "$script" build KEY=VALUE ... -- NAME=REPOSITORY@DIGEST ...
#
# Standard input is a tar of images/host, of `host` bytes, then one of the folder with the Dockerfile.
# Exit codes: 75 no place is free here, 3 no room to be had, 4 no base, 5 what was built is not taken, 6 it
# needs more memory, 7 its room is full, 124 not done in time; else what builds it ends with. The last line
# of standard output is the image's digest. It lives as long as somebody reads its standard error.
set -uo pipefail

words=("$@")
readonly root=/var/lib/skp/builder network=skp-builder first_id=590000000
# Link-local ones, Azure's and Alibaba's.
readonly closed='169.254.0.0/16 168.63.129.16 100.100.100.200'
declare -A given=()
while [ "${1:---}" != -- ]; do
  given[${1%%=*}]=${1#*=}
  shift
done
shift
readonly project=${given[project]} size=${given[size]}
readonly file=$root/$project.img room=$root/$project

fail() {
  printf 'skp-build: %s\n' "$2" >&2
  exit "$1"
}

# from_this_user: what the node says of mirrors, as the user that logs in has it; then root goes on.
from_this_user() {
  local own code=0
  own=$(mktemp -d) || exit 3
  trap 'rm -rf "$own"' EXIT
  if ! head -c "${given[host]}" | tar -x -C "$own" || ! bash "$own/host/gather" "$own/gathered" >&2; then
    fail 3 "what the node says of its mirrors can't be read"
  fi
  env | grep -iE '^(http|https|no)_proxy=' >"$own/proxies"
  # shellcheck disable=SC2154  # it is this text, which whoever begins it has put there
  sudo -n bash -c "$script" build root=yes "own=$own" "${words[@]}" || code=$?
  exit "$code"
}

clear_up() {
  trap '' HUP INT TERM PIPE
  [ -z "${pulse:-}" ] || kill "$pulse" 2>/dev/null
  docker ps -aq --filter "label=skp.build=$project" | xargs -r docker rm -f >/dev/null 2>&1
  if mountpoint -q "$room"; then
    rm -rf "$room/scratch" "$room/host"
    umount "$room" || umount -l "$room"
  fi
  # (Who is in this project alone would find the other's images in its room.)
  [ -z "${given[others]:-}" ] || rm -f "$file"
}

# take_place: one of the node's, and the project's own; both are let go when this ends.
take_place() {
  local n
  install -d -m 0700 "$root"
  exec 9>"$root/$project.lock"
  flock -n 9 || exit 75
  for ((n = 0; n < given[places]; n++)); do
    exec 8>"$root/.place-$n.lock" # (no project has such a name)
    flock -n 8 && return
  done
  exit 75
}

# beat: whoever asked for it may be gone, and with it who reads this.
beat() {
  (
    trap - HUP INT TERM EXIT
    trap '' PIPE
    exec 8>&- 9>&-
    while sleep 2; do printf 'skp-build-lives\n' >&2 || break; done
    kill -TERM $$
  ) &
  pulse=$!
}

# free_up: other projects' rooms go, the one first that was used last, until this one has its room.
free_up() {
  local each oldest
  while [ "$(df -B1 --output=avail "$root" | tail -n1)" -lt $((size + (1 << 30))) ]; do
    oldest=''
    for each in "$root"/*.img; do
      if [ ! -f "$each" ] || mountpoint -q "${each%.img}"; then continue; fi
      if [ -z "$oldest" ] || [ "$each" -ot "$oldest" ]; then oldest=$each; fi
    done
    [ -n "$oldest" ] || fail 3 "its disk has not the $size bytes free that a build may need"
    rm -f "$oldest"
  done
}

# make_room: the file with the file system, whole or not at all.
make_room() {
  truncate -s "$size" "$file.new" || fail 3 "no file can be made in $root"
  contained --rm --network none --user 0:0 -v "$file.new:/room" --entrypoint mkfs.ext4 \
    "${given[builder]}" -q -F -m 0 -O ^has_journal -E lazy_itable_init=1 /room >&2 \
    || fail 3 "no file system can be made in $root"
  mv "$file.new" "$file"
}

# open_room: a file system in a file, so that nothing of it grows beyond its size. One that is more
# than half full is made anew: the project's next build begins without what earlier ones left.
open_room() {
  mkdir -p "$room"
  ! mountpoint -q "$room" || umount "$room"
  if [ -f "$file" ] && { [ -n "${given[anew]:-}" ] || [ "$(stat -c %s "$file")" != "$size" ] \
    || [ $(($(stat -c '%b*%B' "$file") * 2)) -gt "$size" ]; }; then
    rm -f "$file"
  fi
  if [ ! -f "$file" ]; then
    free_up
    make_room
  fi
  touch "$file"
  mount -o loop,nodev,nosuid,noatime,discard "$file" "$room" \
    || { rm -f "$file"; fail 3 "$file can't be mounted: has the node loop devices?"; }
  rm -rf "$room/scratch" "$room/host"
  mkdir -p "$room/cache" "$room/scratch/bases"
  cp -r "${given[own]}/gathered" "$room/host"
  chmod 0755 "$room/host"
  docker run --rm --pull never --network none --entrypoint cat "${given[builder]}" \
    /usr/share/skp/seccomp.json >"$room/seccomp" || fail 3 "${given[builder]} does not start"
}

# run WORD...: waits in a way that a signal ends. What is read is on 7.
run() {
  "$@" <&7 &
  wait $!
}

# contained WORD...: what every container here has.
contained() {
  run docker run --init --pull never --label "skp.build=$project" --read-only --cap-drop ALL \
    --security-opt no-new-privileges "$@"
}

# fetch NAME=REPOSITORY@DIGEST: a base, where the project has not had it yet. What fetches has the node's
# own registry in reach.
fetch() {
  local name=${1%%=*} reference=${1#*=} folder
  folder=$room/scratch/bases/${reference##*:}
  install -d -o 65534 -g 65534 "$folder"
  if [ ! -f "$room/cache/bases/${reference##*:}" ]; then
    contained --rm --tmpfs /tmp --network host -v "$folder:/scratch" --memory 1g --pids-limit 256 \
      "${given[skopeo]}" fetch "${given[seconds]}" "127.0.0.1:5000/$reference" \
      --src-tls-verify=false >&2 || fail 4 "the node's registry does not give $reference"
  fi
  printf '%s' "$name" >"$folder/name"
}

# hold_network: a container whose network the builder has. Packets to nodes, and to where clouds hand out a
# machine's credentials, go nowhere there: what builds has no right to change that.
hold_network() {
  local each pid
  docker network inspect "$network" >/dev/null 2>&1 \
    || docker network create -o com.docker.network.bridge.enable_icc=false "$network" >/dev/null \
    || fail 3 "the network $network can't be made"
  contained -d --name "skp-build-net-${given[id]}" --network "$network" --memory 32m --pids-limit 16 \
    --entrypoint sleep "${given[builder]}" infinity >/dev/null || fail 3 "its network can't be had"
  pid=$(docker inspect -f '{{.State.Pid}}' "skp-build-net-${given[id]}")
  for each in $closed ${given[nodes]} \
    $(ip -o -4 address show scope global | awk '{ sub("/.*", "", $4); print $4 }'); do
    nsenter -t "$pid" -n ip route replace unreachable "$each" || fail 3 "$each can't be kept from it"
  done
}

# build: the container that makes it. Who is root there is nobody of the node.
build() {
  local code=0
  chown "$first_id:$first_id" "$room/cache"
  chown -R "$first_id:$first_id" "$room/scratch"
  contained -i --name "skp-build-${given[id]}" --user 0:0 --tmpfs /tmp \
    --network "container:skp-build-net-${given[id]}" \
    --tmpfs "/run:uid=$first_id,gid=$first_id,mode=0755" --env-file "${given[own]}/proxies" \
    -v "$room/cache:/cache" -v "$room/scratch:/scratch" -v "$room/host:/run/host:ro" \
    --cap-add SETUID --cap-add SETGID --cap-add SYS_CHROOT \
    --security-opt apparmor=unconfined --security-opt "seccomp=$room/seccomp" \
    --cpus "${given[cpus]}" --memory "${given[memory]}" --memory-swap "${given[memory]}" \
    --pids-limit 1024 "${given[builder]}" "${given[seconds]}" "${given[name]}" \
    ${given[anew]:+--no-cache} >&2 || code=$?
  [ $code != 0 ] || return 0
  [ "$(df -B1 --output=avail "$room" | tail -n1)" -gt $((size >> 8)) ] \
    || fail 7 'its room is full'
  [ "$(docker inspect -f '{{.State.OOMKilled}}' "skp-build-${given[id]}")" != true ] \
    || fail 6 "it needs more memory than ${given[memory]}"
  exit $code
}

# hand_over: the image, to the folder that the master has too, if it is no larger than the room also
# unpacked: nodes unpack it. (The folder above is mounted: what was built may be a link by now.)
hand_over() {
  contained --rm --network none --memory 512m --pids-limit 64 --user "${given[user]}" \
    -v "$room/scratch:/scratch:ro" -v "${given[out]}:/out" \
    --entrypoint take-skp "${given[builder]}" "$size" || fail 5 "what was built is not taken"
}

main() {
  local each
  exec 7<&0
  take_place
  trap clear_up EXIT
  trap 'exit 143' HUP TERM PIPE
  trap 'exit 130' INT
  beat
  open_room
  for each in "$@"; do fetch "$each"; done
  hold_network
  build
  hand_over
}

if [ "${given[root]:-}" = yes ]; then
  main "$@"
else
  from_this_user "$@"
fi
