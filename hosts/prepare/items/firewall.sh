# shellcheck shell=sh
# Only nodes reach Swarm's and NFS's ports; containers reach of the nodes what SKP publishes and DNS,
# and no address where clouds hand out a machine's credentials; nobody elsewhere reaches of
# containers what is not published, nor a node's loopback. NODES: the nodes' addresses; PORTS: what
# containers may reach; OVERLAY: Swarm's ports of the overlay's packets, of one that is there and of
# one that is begun; HELD: ports of deployments, which are reached at the nodes' own addresses alone,
# since the Swarm publishes them at all that a node has. At boot a program does it again.
#
# A table of its own for the kernel's packet filter, so that nothing of Docker's or of the machine's own
# firewall is touched, nor takes it away. It stands before theirs: what it refuses they can't let in.
# What strangers may reach beside these ports (SSH, say) is not its business: it locks nobody out.
readonly PROGRAM=/usr/local/lib/skp/firewall SERVICE=skp-firewall

wanted() {
  members=$(echo "$NODES" | sed 's/ /, /g')
  # (Nothing may be published yet, and nft takes no empty list.)
  open=''
  [ -z "$PORTS" ] || open=" elements = { $(echo "$PORTS" | sed 's/ /, /g') }"
  held=''
  [ -z "$HELD" ] || held=" elements = { $(echo "$HELD" | sed 's/ /, /g') }"
  vxlan=$(echo "$OVERLAY" | sed 's/ /, /g')
  cat <<PROGRAM
#!/bin/sh
# Made by host.firewall of SKP. up: puts the rules into the kernel, in one step.
PATH=\$PATH:/usr/sbin:/sbin
SEEN=/run/$SERVICE
case \$1 in
  up | start)
    nft -f - <<'RULES' && nft list table inet skp >\$SEEN
table inet skp
delete table inet skp
table inet skp {
  set nodes { type ipv4_addr; elements = { $members } }
  set ports { type inet_service;$open }
  set held { type inet_service; flags interval; auto-merge;$held }
  # Link-local ones, Azure's and Alibaba's.
  set clouds { type ipv4_addr; flags interval; elements = { 169.254.0.0/16, 168.63.129.16, 100.100.100.200 } }
  chain input {
    type filter hook input priority filter - 10; policy accept;
    iif lo accept
    iifname { docker0, docker_gwbridge } jump containers
    ip saddr @nodes accept
    ip daddr != @nodes meta l4proto { tcp, udp } th dport @held drop
    meta nfproto ipv6 meta l4proto { tcp, udp } th dport @held drop
    tcp dport { 2377, 7946, 2049 } drop
    udp dport { $vxlan, 7946, 2049 } drop
  }
  chain forward {
    type filter hook forward priority filter - 10; policy accept;
    iifname { docker0, docker_gwbridge } ip daddr @clouds jump containers
    iifname { docker0, docker_gwbridge } ip daddr @nodes jump containers
    # A node has other addresses too: there it would take a container for the node that it is on.
    iifname { docker0, docker_gwbridge } tcp dport { 2377, 7946, 2049 } jump containers
    iifname { docker0, docker_gwbridge } udp dport { $vxlan, 7946, 2049 } jump containers
    oifname { docker0, docker_gwbridge } ct status dnat ct original ip daddr != @nodes ct original proto-dst @held drop
    # Who has a route to containers through their node reaches what is published, and nothing else.
    iifname != { docker0, docker_gwbridge } oifname { docker0, docker_gwbridge } ct state new ct status and dnat == 0 drop
  }
  chain arrivals {
    type filter hook prerouting priority raw; policy accept;
    # An engine before 28 would pass on what comes for a port that it publishes on loopback.
    iifname != lo ip daddr 127.0.0.0/8 drop
  }
  chain containers {
    ct state established,related accept
    meta l4proto { icmp, ipv6-icmp } accept
    meta l4proto { tcp, udp } th dport 53 accept
    ip daddr != @clouds tcp dport @ports accept
    ip daddr @nodes meta l4proto { tcp, udp } th dport @held accept
    meta l4proto tcp reject with tcp reset
    reject with icmpx admin-prohibited
  }
}
RULES
    ;;
  down) nft delete table inet skp 2>/dev/null; rm -f \$SEEN ;;
  there) [ -s \$SEEN ] && [ "\$(nft list table inet skp 2>/dev/null)" = "\$(cat \$SEEN)" ] ;;
  nodes) echo $NODES ;;
  ports) echo $PORTS ;;
esac
PROGRAM
}

check() {
  [ -x "$PROGRAM" ] || { echo "nothing is set up"; return 1; }
  [ "$(cat "$PROGRAM")" = "$(wanted)" ] || { echo "it is set up another way"; return 1; }
  "$PROGRAM" there || { echo "it is not in force"; return 1; }
}

absent() { ! [ -e "$PROGRAM" ] || { echo "$PROGRAM is there"; return 1; }; }

# sessions: the addresses of containers here that somebody is logged in from: it would be the last time.
sessions() {
  ss -Htnp state established | awk '/"sshd/ { print $3, $4 }' | while read -r own peer; do
    case " $PORTS " in *" ${own##*:} "*) continue ;; esac
    peer=${peer%:*}
    ! ip -o route get "$peer" 2>/dev/null | grep -qE ' dev (docker0|docker_gwbridge) ' || echo "$peer"
  done
}

fix() {
  inside=$(sessions | sort -u | paste -sd' ')
  [ -z "$inside" ] || die "somebody is logged in from a container of this machine ($inside), and could do \
so no more: type this elsewhere, or name SSH's port in SKP_NODE_PORTS"
  command -v nft >/dev/null || { refresh; install_packages nftables; }
  put_program "$PROGRAM" "$(wanted)"
  "$PROGRAM" up || die "the kernel does not take the rules"
  at_boot "$SERVICE" "$PROGRAM" "who reaches which ports of a node" "Before=docker.service
After=nftables.service"
}

undo() {
  not_at_boot "$SERVICE"
  "$PROGRAM" down
  rm -f "$PROGRAM"
}
