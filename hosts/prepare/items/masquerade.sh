# shellcheck shell=sh
# The other nodes reach the network through the master, and nobody else does. ROLE: router (the master)
# or client; ROUTER: the master's address; INSIDE, OUTSIDE: its interfaces; NODES: the others' addresses.
# At boot a program does it again.
readonly PROGRAM=/usr/local/lib/skp/masquerade SERVICE=skp-masquerade
readonly METRIC=2000 # of our route: any other one goes before it

network() { ip -o -4 route show dev "$INSIDE" proto kernel scope link | awk '{ print $1; exit }'; }
way_out() { ip -4 route show default | grep -q .; }
ours() { ip -4 route show default | grep -q "metric $METRIC"; }

router() {
  net=$(network)
  [ -n "$net" ] || die "there is no network at the interface $INSIDE (SKP_PRI_ETH)"
  [ -d "/sys/class/net/$OUTSIDE" ] || die "there is no interface $OUTSIDE (SKP_PUB_ETH)"
  cat <<PROGRAM
#!/bin/sh
# Made by iptable.masquerade of SKP. up: these nodes reach the network through here.
# rules NAT FORWARD: does these with each rule, also after one that fails; tells whether one did.
rules() {
  failed=0
  for node in $NODES; do
    iptables -w -t nat "\$1" POSTROUTING -s "\$node" ! -d $net -o $OUTSIDE -j MASQUERADE || failed=1
    iptables -w "\$2" FORWARD -s "\$node" -i $INSIDE -o $OUTSIDE -j ACCEPT || failed=1
    iptables -w "\$2" FORWARD -d "\$node" -i $OUTSIDE -o $INSIDE \\
      -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT || failed=1
  done
  return \$failed
}
case \$1 in
  up | start)
    rules -C -C 2>/dev/null && exit
    rules -D -D 2>/dev/null
    echo 1 >/proc/sys/net/ipv4/ip_forward && rules -A -I
    ;;
  down) rules -D -D 2>/dev/null; exit 0 ;;
  there) rules -C -C 2>/dev/null && [ "\$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ] ;;
esac
PROGRAM
}

client() {
  cat <<PROGRAM
#!/bin/sh
# Made by iptable.masquerade of SKP. up: this node reaches the network through $ROUTER, unless it has
# a way of its own.
case \$1 in
  up | start) ip -4 route show default | grep -q . || ip route add default via $ROUTER metric $METRIC ;;
  down) ! ip -4 route show default | grep -q 'metric $METRIC' || ip route del default metric $METRIC ;;
  there) ip -4 route show default | grep -q . ;;
esac
PROGRAM
}

check() {
  if [ "$ROLE" = client ] && way_out && ! ours; then return 0; fi
  [ -x "$PROGRAM" ] || { echo "nothing is set up"; return 1; }
  wanted=$("$ROLE" 2>&1) || { echo "$wanted"; return 1; }
  [ "$(cat "$PROGRAM")" = "$wanted" ] || { echo "it is set up another way"; return 1; }
  "$PROGRAM" there || { echo "it is not in force"; return 1; }
}

absent() { ! [ -e "$PROGRAM" ] || { echo "$PROGRAM is there"; return 1; }; }

fix() {
  command -v iptables >/dev/null || { refresh; install_packages iptables iproute2; }
  [ ! -x "$PROGRAM" ] || "$PROGRAM" down
  wanted=$("$ROLE")
  put_program "$PROGRAM" "$wanted"
  at_boot "$SERVICE" "$PROGRAM" "the nodes reach the network through the master" "Wants=network-online.target
After=network-online.target"
  "$PROGRAM" up
}

undo() {
  "$PROGRAM" down
  not_at_boot "$SERVICE"
  rm -f "$PROGRAM"
}
