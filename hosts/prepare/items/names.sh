# shellcheck shell=sh
# Every node's name and address, in a block of /etc/hosts between two marks. BLOCK: its lines.
readonly FILE=/etc/hosts BEGIN='# SKP: made by host.copy, ends below' END='# SKP: end'

block() { awk -v begin="$BEGIN" -v end="$END" '$0 == end { on = 0 } on; $0 == begin { on = 1 }' "$FILE"; }
others() { awk -v begin="$BEGIN" -v end="$END" '$0 == begin { on = 1 } !on; $0 == end { on = 0 }' "$FILE"; }

# is_own NAME: whether this machine calls itself so, with its domain or without, in whatever case: what
# Debian and cloud-init give 127.0.1.1 to.
is_own() {
  own=$(uname -n | tr '[:upper:]' '[:lower:]') asked=$(echo "$1" | tr '[:upper:]' '[:lower:]')
  [ "$asked" = "$own" ] || [ "$asked" = "${own%%.*}" ]
}

# strangers: names that lines outside of the block give another address. All addresses of a name
# count: which of them a program is given first depends on where the machine itself is.
strangers() {
  echo "$BLOCK" | while read -r address name; do
    all=$(getent ahostsv4 "$name" | awk '{ print $1 }' | sort -u)
    for found in ${all:-not-known}; do
      case $found in
        "$address") ;;
        not-known) echo "$name is not known" ;;
        127.*) is_own "$name" || echo "$name is $found" ;;
        *) echo "$name is $found" ;;
      esac
    done
  done
}

check() {
  [ "$(block)" = "$BLOCK" ] || { echo "/etc/hosts has not all names"; return 1; }
  wrong=$(strangers)
  [ -z "$wrong" ] || { echo "$wrong, by another line of /etc/hosts: remove that" | paste -sd' '; return 1; }
}

fix() {
  if grep -qxF "$BEGIN" "$FILE" && ! grep -qxF "$END" "$FILE"; then
    die "$FILE has the line \"$BEGIN\" without its end: put it right"
  fi
  rest=$(others)
  # Written in place: where it is a mount of its own, it can't be renamed.
  printf '%s\n%s\n%s\n%s\n' "$rest" "$BEGIN" "$BLOCK" "$END" >"$FILE"
}
