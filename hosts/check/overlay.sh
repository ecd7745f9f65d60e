#!/bin/sh
# Whether packets of an overlay network get to other nodes and back: tried between containers that do
# nothing, one on each node, of an image that the node has, which end by themselves. Runs as the SSH user.
# Called as: overlay.sh begin NAME NETWORK   makes the container; prints "address ADDRESS"
#            overlay.sh reach NAME ADDRESS...   prints "through ADDRESS" or "lost ADDRESS" for each
#            overlay.sh end NAME   takes it away; prints "lasted yes" if it was still there
# Nothing here may hang: what could has a time limit of its own.
LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL PATH
verb=$1 name=$2
shift 2

readonly LASTS=90 # seconds; more than the others take to be asked
readonly CLOSED=9 # a port that nothing listens on: a refusal is an answer too
tell() { printf '%s %s\n' "$1" "$2"; }
limited() { timeout -s KILL "$@" 2>/dev/null; }
told() { limited 10 docker inspect -f "$1" "$name"; }

# The images of what SKP runs here: there is one wherever there is an overlay to be tried.
images() {
  for id in $(limited 10 docker ps -q --filter label=skp.service); do
    limited 10 docker inspect -f '{{.Image}}' "$id"
  done | sort -u
}

# asleep NETWORK IMAGE PROGRAM [WORD]...: whether a container of the image sleeps now.
asleep() {
  network=$1 image=$2 program=$3
  shift 3
  limited 30 docker run -d --rm --pull never --name "$name" --network "$network" --label skp.check=overlay \
    --user 65534:65534 --read-only --cap-drop ALL --security-opt no-new-privileges --memory 32m \
    --pids-limit 16 --log-driver none --entrypoint "$program" "$image" "$@" "$LASTS" >/dev/null && return 0
  limited 10 docker rm -f "$name" >/dev/null
  return 1
}

begin() {
  for each in $(images); do
    # (An image need not have a sleep of its own: the registry's has busybox alone.)
    asleep "$1" "$each" sleep || asleep "$1" "$each" busybox sleep || continue
    break
  done
  tell address "$(told '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}')"
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

# A TCP connection from the container's own network, in the node's bash: the image may have none.
through() {
  # Nodes tell each other of new containers within a second or two; of a network's first ones later.
  for _ in 1 2 3 4 5 6; do
    said=$(as_root timeout -s KILL 5 nsenter -t "$pid" -n bash -c "</dev/tcp/$1/$CLOSED" 2>&1) && return 0
    case $said in *refused*) return 0 ;; esac
    sleep 1
  done
  return 1
}

reach() {
  pid=$(told '{{.State.Pid}}')
  for address; do
    if through "$address"; then tell through "$address"; else tell lost "$address"; fi &
  done
  wait
}

end() {
  [ "$(told '{{.State.Running}}')" = true ] && tell lasted yes
  limited 10 docker rm -f "$name" >/dev/null
}

case $verb in begin | reach | end) "$verb" "$@" ;; esac
tell end yes
