#!/bin/sh
# Whether the overlay's packets get to other nodes and back: tried over Swarm's own network "ingress", on
# which every member has an address of its own from its joining on. Runs as the SSH user.
# Called as: overlay.sh address   prints "address ADDRESS": this node's on that network
#            overlay.sh reach ADDRESS...   prints for each "through ADDRESS", "lost ADDRESS", or
#            "unknown ADDRESS" where this node's engine was not told (yet) which node has it
# Nothing here may hang: what could has a time limit of its own.
LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL PATH
verb=$1
shift

readonly INSIDE=/var/run/docker/netns/ingress_sbox # the network's own interfaces, as the engine names it
readonly CLOSED=9 # a port that nothing listens on: a refusal is an answer too
tell() { printf '%s %s\n' "$1" "$2"; }
limited() { timeout -s KILL 10 "$@" 2>/dev/null; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

address() {
  of='{{if .Ingress}}{{with index .Containers "ingress-sbox"}}{{.IPv4Address}}{{end}}{{end}}'
  networks=$(limited docker network ls -q --filter driver=overlay --filter scope=swarm)
  # shellcheck disable=SC2086 # ids
  own=$(limited docker network inspect -f "$of" $networks | tr -d '\n')
  tell address "${own%/*}"
}

tried() {
  said=$(as_root timeout -s KILL 5 nsenter --net="$INSIDE" bash -c "</dev/tcp/$1/$CLOSED" 2>&1) && said=refused
  case $said in
    *refused*) tell through "$1" ;;
    *'No route to host'*) tell unknown "$1" ;;
    *) return 1 ;;
  esac
}

reach() {
  for address; do
    # (Twice more: a busy network may lose a packet, a busy node its five seconds.)
    { tried "$address" || tried "$address" || tried "$address" || tell lost "$address"; } &
  done
  wait
}

case $verb in address | reach) "$verb" "$@" ;; esac
tell end yes
