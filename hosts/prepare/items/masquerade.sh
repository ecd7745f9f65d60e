# shellcheck shell=sh
# The other nodes reach the network through the master. ROLE: router (the master) or client; ROUTER:
# the master's address; INSIDE, OUTSIDE: its interfaces. At boot a program does it again.
readonly PROGRAM=/usr/local/lib/skp/masquerade SERVICE=skp-masquerade
readonly UNIT=/etc/systemd/system/$SERVICE.service SCRIPT=/etc/init.d/$SERVICE
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
# Made by iptable.masquerade of SKP. up: the nodes of $net reach the network through here.
rules() {
  iptables -w -t nat "\$1" POSTROUTING -s $net ! -d $net -o $OUTSIDE -j MASQUERADE &&
    iptables -w "\$2" FORWARD -s $net -i $INSIDE -o $OUTSIDE -j ACCEPT &&
    iptables -w "\$2" FORWARD -d $net -i $OUTSIDE -o $INSIDE -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
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
  mkdir -p "${PROGRAM%/*}"
  wanted=$("$ROLE")
  echo "$wanted" >"$PROGRAM.new"
  chmod 0755 "$PROGRAM.new"
  mv "$PROGRAM.new" "$PROGRAM"
  at_boot
  "$PROGRAM" up
}

at_boot() {
  if is_systemd; then
    cat >"$UNIT" <<UNIT
[Unit]
Description=SKP: the nodes reach the network through the master
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=$PROGRAM up
ExecStop=$PROGRAM down

[Install]
WantedBy=multi-user.target
UNIT
    systemctl daemon-reload
    systemctl -q enable $SERVICE
  else
    cat >"$SCRIPT" <<SCRIPT
#!/bin/sh
### BEGIN INIT INFO
# Provides:          $SERVICE
# Required-Start:    \$network
# Required-Stop:     \$network
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: SKP: the nodes reach the network through the master
### END INIT INFO
case \$1 in start) exec $PROGRAM up ;; stop) exec $PROGRAM down ;; esac
SCRIPT
    chmod 0755 "$SCRIPT"
    update-rc.d $SERVICE defaults >/dev/null
  fi
}

undo() {
  "$PROGRAM" down
  if is_systemd; then
    systemctl -q disable $SERVICE || true
    rm -f "$UNIT"
    systemctl daemon-reload
  else
    rm -f "$SCRIPT"
    update-rc.d $SERVICE remove >/dev/null
  fi
  rm -f "$PROGRAM"
}
