# shellcheck shell=sh
# The server's and the clients' programs of NFS. ROLE: server or client.
tool() { if [ "$ROLE" = server ]; then command -v exportfs; else command -v mount.nfs4; fi; }

right() { tool >/dev/null || { echo "the programs of an NFS $ROLE are missing"; return 1; }; }

mend() {
  refresh
  if [ "$ROLE" = server ]; then get nfs-kernel-server; else get nfs-common; fi
}
