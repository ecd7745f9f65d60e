# shellcheck shell=sh
# The master exports the shared folder to the other nodes, in a file of its own. FOLDER; CLIENTS: their
# addresses; SKP_USER. root_squash: root of another node is nobody here, so whoever is root on a worker
# can't make files that are root's on all of them. SKP needs no more: it writes there as the SSH user,
# and services run as the folder's owner.
readonly FILE=/etc/exports.d/skp.exports

wanted() {
  printf '"%s"' "$FOLDER"
  for client in $CLIENTS; do
    printf ' %s(rw,sync,no_subtree_check,root_squash)' "$client"
  done
  echo
}

# roots: the folder is root's, who is nobody on the others: no node could write there.
roots() { [ "$SKP_USER" != root ] && [ "$(stat -c %U "$FOLDER" 2>/dev/null)" = root ]; }

check() {
  ! roots || { echo "$FOLDER belongs to root"; return 1; }
  [ "$(cat "$FILE" 2>/dev/null)" = "$(wanted)" ] || { echo "$FOLDER is not exported"; return 1; }
  threads=$(cat /proc/fs/nfsd/threads 2>/dev/null) || threads=0
  [ "$threads" -gt 0 ] || { echo "the NFS server does not run"; return 1; }
  for client in $CLIENTS; do
    exportfs -s | grep -q "^$FOLDER *$client(" || { echo "not exported to $client"; return 1; }
  done
}

fix() {
  [ -d "$FOLDER" ] || install -d -o "$SKP_USER" -g "$(id -g "$SKP_USER")" "$FOLDER"
  ! roots || chown "$SKP_USER:$(id -g "$SKP_USER")" "$FOLDER"
  mkdir -p "${FILE%/*}"
  wanted >"$FILE.new"
  mv "$FILE.new" "$FILE"
  start nfs-kernel-server
  exportfs -ra
}
