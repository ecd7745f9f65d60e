# shellcheck shell=sh
# A shared folder is the master's. FOLDER; SERVER: the master's address.
# hard: a write waits for a server that is gone, and is never lost. nofail, bg, _netdev: a boot does not
# wait for it, and no try to mount it is the last (with a limit of systemd's, the first would be). Beneath
# the mount the folder can't be written to, by root neither: what finds it missing fails, and does not
# fill the local disk.
readonly TABLE=/etc/fstab MARK=x-skp
readonly OPTIONS=rw,hard,bg,nofail,_netdev,noatime,$MARK

line() { echo "$SERVER:$FOLDER $FOLDER nfs4 $OPTIONS 0 0"; }
# (/proc/mounts has the folder itself where a part of its path is a link.)
mounted() { awk -v on="$(realpath -m -- "$FOLDER")" '$2 == on && $3 ~ /^nfs/ { print $1 }' /proc/mounts | grep -qx "$SERVER:$FOLDER"; }
sealed() { lsattr -d "$FOLDER" 2>/dev/null | cut -d' ' -f1 | grep -q i; }

check() {
  grep -qxF "$(line)" "$TABLE" || { echo "it is not in $TABLE"; return 1; }
  mounted || { echo "it is not mounted"; return 1; }
}

absent() {
  [ "$(others)" = "$(cat "$TABLE")" ] || { echo "it is in $TABLE"; return 1; }
  ! mounted || { echo "it is mounted"; return 1; }
}

# others: the table without our line for this folder.
others() { awk -v on="$FOLDER" -v mark="$MARK" '!($2 == on && $4 ~ "(^|,)" mark "(,|$)")' "$TABLE"; }

seal() {
  mkdir -p "$FOLDER"
  [ -z "$(ls -A "$FOLDER")" ] || die "$FOLDER has files of its own here: move them away first \
(mv $FOLDER $FOLDER.old), or they would be hidden"
  chattr +i "$FOLDER" 2>/dev/null || chmod 0555 "$FOLDER"
}

fix() {
  mounted || seal
  rest=$(others)
  printf '%s\n%s\n' "$rest" "$(line)" >"$TABLE.new"
  mv "$TABLE.new" "$TABLE"
  ! is_systemd || systemctl daemon-reload
  # In the foreground here, with an end: a person waits for the answer.
  mounted || timeout 60 mount -t nfs4 -o "rw,hard,noatime,retry=0" "$SERVER:$FOLDER" "$FOLDER"
}

undo() {
  if mounted; then
    timeout 60 umount "$FOLDER" || die "$FOLDER is in use: ./skp.py docker.drain takes down what runs here"
  fi
  rest=$(others)
  printf '%s\n' "$rest" >"$TABLE.new"
  mv "$TABLE.new" "$TABLE"
  chattr -i "$FOLDER" 2>/dev/null || true
  ! is_systemd || systemctl daemon-reload
}
