#!/usr/bin/env bash
# Builds one of the images in this folder on the Docker Engine of this machine.
#
#   images/build.sh NAME REF [--build-arg KEY=VALUE ...]
#
#   NAME   a folder here that has a Dockerfile; "base" makes sure of the base alone
#   REF    the tag of the result, for example skp/docker-ds:latest
#
# Progress goes to standard error. Standard output gets one line: the id of the
# image. Exit codes: 0 built, 1 failed, 2 wrong usage, 128+N ended by signal N.
# The base (skp/base:trixie) is made once per engine, and told when it is old; `docker rmi skp/base:trixie`
# makes the next call fetch a fresh one.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here
readonly base_ref=skp/base:trixie
readonly public_base=debian:trixie-slim
# A scratch tag: FROM takes names, not ids. It is gone once the base is built.
readonly root_ref=skp/base-root:trixie
# Seconds. A pull that takes longer is slower than bootstrapping.
readonly pull_limit=60 bootstrap_limit=900 lock_limit=1200
# Days after which a base is said to be old: Debian publishes fixes in between.
readonly base_days=14

tmp='' child=''

say() { printf 'images: %s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }
usage() {
  say "error: $1"
  say "usage: images/build.sh NAME REF [--build-arg KEY=VALUE ...]"
  say "NAME is one of: $(cd "$here" && printf '%s\n' */Dockerfile | sed 's,/Dockerfile,,' | paste -sd' ')"
  exit 2
}

# Long commands run in the background, so that a signal is acted on at once and
# not when they end. Fd 3 is the caller's stdout: what outlives us must not hold it.
run() {
  local code=0
  "$@" 3>&- &
  child=$!
  wait "$child" || code=$?
  child=''
  return "$code"
}

# Replaces the calling (sub)shell.
as_root() { if [ "$(id -u)" = 0 ]; then exec "$@"; else exec sudo -n "$@"; fi; }

stop() {
  trap '' HUP INT TERM
  if [ -n "$child" ]; then
    # A child that sudo started is root's, and only root may end it.
    kill -TERM "$child" 2>/dev/null || (as_root kill -TERM "$child") 2>/dev/null || true
    wait "$child" 2>/dev/null || true
  fi
  say "stopped by signal $1"
  exit $((128 + $1))
}

clean() { [ -z "$tmp" ] || rm -rf -- "$tmp"; }

check_tools() {
  command -v docker >/dev/null || fail "docker is not installed: run bin/setup"
  docker version --format '{{.Server.Version}}' >/dev/null \
    || fail "the Docker Engine does not answer (above); run bin/setup, or join the group docker"
  docker buildx version >/dev/null 2>&1 \
    || fail "docker buildx is missing: install docker-buildx (Debian) or docker-buildx-plugin"
}

has_image() { docker image inspect "$1" >/dev/null 2>&1; }

# The builder of the engine itself: others cannot see the base, which is local.
# The network is the machine's own, for its DNS and for proxies on its loopback.
buildx() {
  local proxies=() key
  for key in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    [ -z "${!key:-}" ] || proxies+=(--build-arg "$key")
  done
  run docker buildx build --builder "$(docker context show)" --progress=plain \
    --provenance=false --network=host --build-context "host=$tmp/host" \
    "${proxies[@]}" "$@"
}

pull_root() {
  say "pulling $public_base (at most $pull_limit s)"
  run timeout -k 5 "$pull_limit" docker pull -q "$public_base"
}

bootstrap_root() {
  say "no image registry is reachable: bootstrapping Debian trixie from packages"
  command -v mmdebstrap >/dev/null \
    || fail "mmdebstrap is missing, and $public_base could not be pulled (above): apt-get install mmdebstrap"
  (as_root true) || fail "bootstrapping needs root: run as root, or allow sudo without a password"
  # A whole file first: what is cut off half way never becomes an image.
  run bootstrap_tar || fail "mmdebstrap failed (above): no base image was made"
  run docker import "$tmp/root.tar" "$root_ref" >/dev/null || fail "docker import failed (above)"
  rm -f -- "$tmp/root.tar"
}

# Only for `run`: as_root replaces the shell, so that `child` is the command itself.
bootstrap_tar() {
  as_root timeout -k 30 "$bootstrap_limit" \
    "$here/base/bootstrap" "$tmp/host" >"$tmp/root.tar"
}

make_base() {
  local root=$public_base
  pull_root || { bootstrap_root; root=$root_ref; }
  buildx --build-arg "ROOT=$root" --label skp.image=base --label "skp.made=$(date +%s)" -t "$base_ref" "$here/base" \
    || fail "building $base_ref failed (above)"
  [ "$root" = "$public_base" ] || docker rmi "$root_ref" >/dev/null
}

# (The builder takes its cache's date for the image's own, hence the label; older ones have none.)
say_if_old() {
  local made days
  made=$(docker image inspect \
    --format '{{with index .Config.Labels "skp.made"}}@{{.}}{{else}}{{.Created}}{{end}}' "$base_ref")
  made=$(date -d "$made" +%s) || return 0
  days=$((($(date +%s) - made) / 86400))
  [ "$days" -le "$base_days" ] \
    || say "warning: $base_ref is $days days old; docker rmi $base_ref makes the next build fetch a fresh one"
}

# The lock is on a folder that nobody else can open: whoever can open it can hold it for ever. Who
# waited finds the base that the other made. Two users at once make it twice, which harms nobody.
ensure_base() {
  if has_image "$base_ref"; then
    say_if_old
    return
  fi
  local lock=${XDG_CACHE_HOME:-~/.cache}/skp-build
  install -d -m 700 -- "$lock" || fail "$lock can't be made"
  exec 9<"$lock"
  run flock -w "$lock_limit" 9 || fail "another build has held the base for $lock_limit s"
  has_image "$base_ref" || make_base
  exec 9<&-
}

main() {
  [ $# -ge 2 ] || usage "NAME and REF are needed"
  local name=$1 ref=$2 args=()
  shift 2
  [[ $name =~ ^[a-z0-9-]+$ && -f $here/$name/Dockerfile ]] || usage "there is no image '$name'"
  while [ $# -gt 0 ]; do
    [[ $1 == --build-arg && ${2:-} == [A-Za-z_]*=* ]] || usage "'$*' is not --build-arg KEY=VALUE"
    args+=(--build-arg "$2")
    shift 2
  done
  [ "$name" != base ] || [ "$ref" = "$base_ref" ] || usage "the base is always $base_ref"

  exec 3>&1 1>&2
  trap clean EXIT
  trap 'stop 1' HUP
  trap 'stop 2' INT
  trap 'stop 15' TERM
  check_tools
  tmp=$(mktemp -d "${TMPDIR:-/tmp}/skp-build.XXXXXXXX")
  "$here/host/gather" "$tmp/host"
  ensure_base
  if [ "$name" = base ]; then
    docker image inspect --format '{{.Id}}' "$base_ref" >&3
    return
  fi
  # (An image with SKP's own code names in a file which of it.)
  [ ! -f "$here/$name/source" ] || args+=(--build-context "skp=$here/..")
  buildx --iidfile "$tmp/iid" --label "skp.image=$name" -t "$ref" "${args[@]}" "$here/$name" \
    || fail "building $ref from images/$name failed (above)"
  printf '%s\n' "$(<"$tmp/iid")" >&3
}

main "$@"
