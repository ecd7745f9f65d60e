# shellcheck shell=sh
# The server's and the clients' programs of NFS. ROLE: server or client.
tool() { if [ "$ROLE" = server ]; then command -v exportfs; else command -v mount.nfs4; fi; }

check() { tool >/dev/null || { echo "the programs of an NFS $ROLE are missing"; return 1; }; }

fix() {
  refresh
  if [ "$ROLE" = server ]; then install_packages nfs-kernel-server; else install_packages nfs-common; fi
}
