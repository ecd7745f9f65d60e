# shellcheck shell=sh
# Something keeps the clock right: registries, certificates and logs depend on it.
keepers() { pgrep -x 'chronyd|ntpd|ntpsec|systemd-timesyn|openntpd' >/dev/null; }

check() { keepers || { echo "nothing keeps the clock right"; return 1; }; }

fix() {
  if is_systemd && systemctl -q is-enabled systemd-timesyncd 2>/dev/null; then
    start systemd-timesyncd
    return
  fi
  refresh
  install_packages chrony procps
  start chrony
  wait_until "chronyd does not start; see its log (journalctl -u chrony)" keepers
}
