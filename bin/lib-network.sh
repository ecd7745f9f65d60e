# shellcheck shell=bash
# What a Docker Engine does to a machine, most of it to its network, undone: rules, bridge, forwarding.
# Needs bin/lib.sh and bin/lib-apt.sh. WORD... runs a command where the engine's tools are (chroot FOLDER).

BEFORE=$PLACE/before  # how things were before the engine: "KEY VALUE", one a line

# remember_before WORD...: notes how things are, before the first engine of ours is started.
remember_before() {
  [ ! -e "$BEFORE" ] || return 0
  mkdir -p "$PLACE"
  {
    echo "ip_forward $(cat /proc/sys/net/ipv4/ip_forward)"
    echo "group $(! getent group docker >/dev/null || echo there)"
    echo "data $(! [ -e /var/lib/docker ] || echo there)"
    echo "bridge $(! [ -e /sys/class/net/docker0 ] || echo there)"
    echo "iptables $(network_policy "$@" iptables)"
    echo "ip6tables $(network_policy "$@" ip6tables)"
  } >"$BEFORE.new"
  mv "$BEFORE.new" "$BEFORE"
}

network_policy() { "$@" -t filter -S FORWARD 2>/dev/null | sed -n 's/^-P FORWARD //p'; }
was_before() { awk -v key="$1" '$1 == key {print $2}' "$BEFORE" 2>/dev/null; }

# network_undo WORD...: takes the engine's rules and bridge away, and puts back what was noted.
network_undo() {
  [ -e "$BEFORE" ] || return 0
  local tool table policy
  for tool in iptables ip6tables; do
    policy=$(was_before "$tool")
    for table in filter nat raw; do
      "$@" "$tool-save" -t "$table" 2>/dev/null | network_without "${policy:-ACCEPT}" |
        "$@" "$tool-restore" -T "$table" || say "note: the rules of the engine in $tool's $table stay"
    done
  done
  [ -n "$(was_before bridge)" ] || [ ! -e /sys/class/net/docker0 ] || "$@" ip link delete docker0
  [ "$(was_before ip_forward)" != 0 ] || echo 0 >/proc/sys/net/ipv4/ip_forward
}

# network_without POLICY: rules as iptables-save prints them, without an engine's.
network_without() {
  sed -E -e '/^:DOCKER/d' -e '/^-A DOCKER/d' -e '/ -j DOCKER/d' -e '/ (docker0|docker_gwbridge|br-[0-9a-f]{12})( |$)/d' \
    -e "s/^:FORWARD [A-Z]+/:FORWARD $1/"
}
