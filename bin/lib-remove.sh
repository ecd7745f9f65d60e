# shellcheck shell=bash
# bin/setup --remove: what bin/setup, bin/demo and the lab put on this machine goes. Needs the other
# libraries, and bin/setup's agree.

# remove_all: says what there is, asks, and takes it away.
remove_all() {
  local packages=() plan=() images=() ours=no
  is_root || ! { own_there || [ -s "$PLACE/$ADDED" ]; } ||
    fail 2 "what is to be taken away is root's" "run this as root: bin/setup --remove"
  own_use
  if have docker && engine_answers; then mapfile -t images < <(remove_images_found); fi
  ! is_root || mapfile -t packages < <(apt_removable)
  [ ! -e "$ROOT/.lab/state.json" ] || plan+=("the practice cluster, with all that is in it")
  ! own_there || plan+=("the Docker Engine in $OWN, with its images and volumes")
  if remove_is_ours; then
    ours=yes
    plan+=("the Docker Engine that bin/setup installed, with all images, containers and volumes")
  fi
  [ ${#packages[@]} = 0 ] || plan+=("${#packages[@]} packages that bin/setup added: ${packages[*]}")
  [ ! -d "$ROOT/.venv" ] || plan+=("the Python packages in .venv")
  if [ ${#plan[@]} = 0 ] && [ ${#images[@]} = 0 ]; then say "nothing of SKP's is on this machine"; return 0; fi
  [ ${#plan[@]} = 0 ] || agree "this is taken away:" "${plan[@]}"
  remove_lab
  [ ${#images[@]} = 0 ] || remove_images
  remove_engine
  [ ${#packages[@]} = 0 ] || { say "removing ${#packages[@]} packages"; apt_take_away "${packages[@]}"; }
  remove_rest "$ours"
  rm -rf -- "$ROOT/.venv"
  say "done; what you wrote stays: etc/, volume/ and bin/env.sh of this checkout"
}

# remove_is_ours: bin/setup added the package that the engine is from.
remove_is_ours() { grep -qsxE 'docker\.io|docker-ce' "$PLACE/$ADDED"; }

# remove_lab: while its engine still runs.
remove_lab() {
  [ -e "$ROOT/.lab/state.json" ] || return 0
  if have docker && engine_answers && [ -x "$ROOT/.venv/bin/python" ]; then
    "$ROOT/skp.py" -q lab.down
  elif own_there || remove_is_ours; then
    rm -rf -- "$ROOT/.lab"
  else
    fail 2 "the practice cluster can't be taken away: its Docker Engine does not answer" \
      "start the engine (bin/setup), then run this again"
  fi
}

# remove_images_found: the ids of the images that SKP built on this machine's engine; where the
# engine goes, they go with it.
remove_images_found() {
  if own_made || remove_is_ours; then return 0; fi
  docker image ls --format '{{.ID}}' --filter label=skp.image | sort -u
}

# remove_images: those that no container is made from; this machine may be a node as well.
remove_images() {
  local id ids=() shown="docker image ls --filter label=skp.image"
  for id in $(remove_images_found); do
    [ -n "$(docker ps -aq --filter "ancestor=$id")" ] || ids+=("$id")
  done
  [ ${#ids[@]} -gt 0 ] || return 0
  agree "${#ids[@]} images that SKP built, and no container uses, are taken away too:" "$shown"
  docker image rm --force "${ids[@]}" >/dev/null || fail 1 "not all images could be removed (above)" "$shown"
}

# remove_engine: it ends, and what it did to the network with it.
remove_engine() {
  if own_there; then
    own_stop
    network_undo chroot "$OWN"
    own_clear "$OWN.new"
    own_clear "$OWN"
    rm -rf -- "${PLACE:?}/bin" "${PLACE:?}/docker"
    rm -f -- "$OWN_LOG"
  elif remove_is_ours; then
    engine_stop
    network_undo env
  fi
}

# remove_rest OURS: what an engine from packages leaves behind, if there was none before; our notes.
remove_rest() {
  if [ "$1" = yes ]; then
    [ -n "$(was_before data)" ] || rm -rf --one-file-system -- /var/lib/docker /var/lib/containerd 2>/dev/null ||
      say "note: parts of /var/lib/docker and /var/lib/containerd stay: something is mounted there"
    rmdir /opt/containerd/bin /opt/containerd/lib /opt/containerd 2>/dev/null || true
    [ -n "$(was_before group)" ] || groupdel docker 2>/dev/null || true
  fi
  rm -f -- "$ENGINE_LOG" "$BEFORE"
  rmdir "$PLACE" 2>/dev/null || true
}
