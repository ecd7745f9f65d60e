# shellcheck shell=bash
# What a Docker Engine does to a machine's network, undone: its rules, its bridge, forwarding. Needs
# bin/lib.sh and bin/lib-apt.sh. WORD... runs a command where the engine's tools are (chroot FOLDER).

NETWORK=$PLACE/network  # how it was before the engine: "KEY VALUE", one a line

# network_remember WORD...: notes how things are, before the first engine of ours is started.
network_remember() {
  [ ! -e "$NETWORK" ] || return 0
  mkdir -p "$PLACE"
  {
    echo "ip_forward $(cat /proc/sys/net/ipv4/ip_forward)"
    echo "data $(! [ -e /var/lib/docker ] || echo there)"
    echo "bridge $(! [ -e /sys/class/net/docker0 ] || echo there)"
    echo "iptables $(network_policy "$@" iptables)"
    echo "ip6tables $(network_policy "$@" ip6tables)"
  } >"$NETWORK.new"
  mv "$NETWORK.new" "$NETWORK"
}

network_policy() { "$@" -t filter -S FORWARD 2>/dev/null | sed -n 's/^-P FORWARD //p'; }
network_was() { awk -v key="$1" '$1 == key {print $2}' "$NETWORK" 2>/dev/null; }

# network_undo WORD...: takes the engine's rules and bridge away, and puts back what was noted.
network_undo() {
  [ -e "$NETWORK" ] || return 0
  local tool table policy
  for tool in iptables ip6tables; do
    policy=$(network_was "$tool")
    for table in filter nat raw; do
      "$@" "$tool-save" -t "$table" 2>/dev/null | network_without "${policy:-ACCEPT}" |
        "$@" "$tool-restore" -T "$table" || say "note: the rules of the engine in $tool's $table stay"
    done
  done
  [ -n "$(network_was bridge)" ] || [ ! -e /sys/class/net/docker0 ] || "$@" ip link delete docker0
  [ "$(network_was ip_forward)" != 0 ] || echo 0 >/proc/sys/net/ipv4/ip_forward
  rm -f -- "$NETWORK"
}

# network_without POLICY: rules as iptables-save prints them, without an engine's.
network_without() {
  sed -E -e '/^:DOCKER/d' -e '/^-A DOCKER/d' -e '/ -j DOCKER/d' -e '/ (docker0|docker_gwbridge|br-[0-9a-f]{12})( |$)/d' \
    -e "s/^:FORWARD [A-Z]+/:FORWARD $1/"
}
