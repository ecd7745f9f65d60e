# shellcheck shell=sh
# What many containers on one machine run out of first: watches, mapped areas, open files.
readonly FILE=/etc/sysctl.d/90-skp.conf LOGINS=/etc/security/limits.d/90-skp.conf
readonly WANTED='vm.max_map_count 262144
fs.inotify.max_user_instances 1024
fs.inotify.max_user_watches 524288'
readonly LEAST=65536

# open_files: our line for logins, "" where somebody has said something of it. The hard limit is only
# raised: what logins begin with is the init's (systemd has 524288).
open_files() {
  for other in /etc/security/limits.conf /etc/security/limits.d/*.conf; do
    [ "$other" = "$LOGINS" ] || ! grep -qsE '^[^#]*[[:space:]]nofile[[:space:]]' "$other" || return 0
  done
  hard=$(awk '/^Max open files/ { print $5 }' /proc/1/limits)
  if [ "$hard" = unlimited ] || [ "$hard" -ge $LEAST ]; then
    echo "* soft nofile $LEAST"
  else
    echo "* - nofile $LEAST"
  fi
}

# too_low: the values that are lower than wanted; higher ones are someone's choice.
too_low() {
  echo "$WANTED" | while read -r key least; do
    found=$(cat "/proc/sys/$(echo "$key" | tr . /)")
    [ "$found" -ge "$least" ] || echo "$key = $least"
  done
}

check() {
  low=$(too_low)
  [ -z "$low" ] || { echo "too low: $(echo "$low" | cut -d' ' -f1 | paste -sd' ')"; return 1; }
  [ "$(cat "$LOGINS" 2>/dev/null)" = "$(open_files)" ] ||
    { echo "the limit of open files is not as it should be"; return 1; }
}

fix() {
  low=$(too_low)
  if [ -n "$low" ]; then
    { cat "$FILE" 2>/dev/null; echo "$low"; } >"$FILE.new" && mv "$FILE.new" "$FILE"
    sysctl -q -p "$FILE"
  fi
  mkdir -p "${LOGINS%/*}"
  wanted=$(open_files)
  if [ -n "$wanted" ]; then echo "$wanted" >"$LOGINS"; else rm -f "$LOGINS"; fi
}
