# shellcheck shell=sh
# What many containers on one machine run out of first: watches, mapped areas, open files.
readonly FILE=/etc/sysctl.d/90-skp.conf LOGINS=/etc/security/limits.d/90-skp.conf
readonly WANTED='vm.max_map_count 262144
fs.inotify.max_user_instances 1024
fs.inotify.max_user_watches 524288'
readonly OPEN_FILES='* - nofile 65536'

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
  [ "$(cat "$LOGINS" 2>/dev/null)" = "$OPEN_FILES" ] || { echo "no limit of open files set"; return 1; }
}

fix() {
  low=$(too_low)
  if [ -n "$low" ]; then
    { cat "$FILE" 2>/dev/null; echo "$low"; } >"$FILE.new" && mv "$FILE.new" "$FILE"
    sysctl -q -p "$FILE"
  fi
  mkdir -p "${LOGINS%/*}"
  echo "$OPEN_FILES" >"$LOGINS"
}
