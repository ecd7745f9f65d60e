# shellcheck shell=sh
# The master exports the shared folders to the other nodes, in a file of its own. FOLDER: the users';
# PLATFORM: the platform's; CLIENTS: their addresses; SKP_USER. root_squash: root of another node is nobody here, so whoever is root on a worker
# can't make files that are root's on all of them. SKP needs no more: folders are made on the master,
# and services have user ids of their own.
readonly FILE=/etc/exports.d/skp.exports

wanted() {
  for each in "$FOLDER" "$PLATFORM"; do
    printf '"%s"' "$each"
    for client in $CLIENTS; do
      printf ' %s(rw,sync,no_subtree_check,root_squash)' "$client"
    done
    echo
  done
}

check() {
  [ "$(cat "$FILE" 2>/dev/null)" = "$(wanted)" ] || { echo "$FOLDER or $PLATFORM is not exported"; return 1; }
  threads=$(cat /proc/fs/nfsd/threads 2>/dev/null) || threads=0
  [ "$threads" -gt 0 ] || { echo "the NFS server does not run"; return 1; }
  for client in $CLIENTS; do
    for each in "$FOLDER" "$PLATFORM"; do
      exportfs -s | grep -q "^$each *$client(" || { echo "$each is not exported to $client"; return 1; }
    done
  done
}

fix() {
  [ -d "$FOLDER" ] || install -d -o "$SKP_USER" -g "$(id -g "$SKP_USER")" "$FOLDER"
  [ -d "$PLATFORM" ] || install -d -m 0711 "$PLATFORM"
  mkdir -p "${FILE%/*}"
  wanted >"$FILE.new"
  mv "$FILE.new" "$FILE"
  start nfs-kernel-server
  exportfs -ra
}
