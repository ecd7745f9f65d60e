# shellcheck shell=sh
# Functions that make the shared folders, move data of the platform out of the users' tree, and hand
# both to their owners. Run as root where the file system is; the calls are added below. Each may be
# interrupted anywhere, and run again. Below a folder that others may write, nothing is done by a path
# that they could have led elsewhere: -execdir and cd stay in the folder that was found.
set -eu
umask 022

LEFT=MOVED.txt
SQUASHED=45

say() { printf '%s\n' "$1" >&2; }
die() { say "$1"; exit "${2:-1}"; }

plain() { # PATH: fails if a link or anything else is where a folder is to be
  [ ! -L "$1" ] || die "$1 is a link: whoever made it may have meant root to follow it; remove it"
  [ ! -e "$1" ] || [ -d "$1" ] || die "$1 is no folder: move it away"
}

# alone PLATFORM: one that goes on after its connection broke, and the next, do not meet.
alone() {
  (umask 077 && : >>"$1/.lock") 2>/dev/null || die "root may not write in $1" "$SQUASHED"
  exec 9>>"$1/.lock"
  flock -w 3600 9 || die "an earlier command still arranges the shared folders"
}

# inside PATH: goes there, if PATH itself is a folder and no link.
inside() {
  above=$(cd -P -- "$(dirname -- "$1")" && pwd -P)
  cd -P -- "$1"
  [ "$(pwd -P)" = "${above%/}/$(basename -- "$1")" ] || die "$1 leads elsewhere"
}

# folder PATH UID:GID MODE
folder() {
  plain "$1"
  [ -d "$1" ] || mkdir -m 0700 -- "$1" || die "root may not make $1" "$SQUASHED"
  (
    inside "$1"
    [ "$(stat -c %u:%g:%a .)" != "$2:${3#0}" ] || exit 0
    chown -- "$2" . || true
    [ "$(stat -c %u:%g .)" = "$2" ] || die "$1 can't be given to $2" "$SQUASHED"
    # After chown, which takes setgid away from files. A number leaves a folder what it inherited.
    chmod -- u-s,g-s,-t .
    chmod -- "$3" .
  )
}

# own PATH UID:GID MODE: a folder that no user's code writes; its content goes with it, itself at last.
own() {
  plain "$1"
  [ ! -d "$1" ] || [ "$(stat -c %u:%g -- "$1")" = "$2" ] || given "$1" "$2"
  folder "$1" "$2" "$3"
}

# given PATH UID:GID: all that is in a folder, or a file, belongs to somebody else.
given() {
  [ -e "$1" ] || return 0
  plain "$(dirname -- "$1")"
  # A user may have made a second name of a file, and would keep it.
  rm -rf -- "$(dirname -- "$1")/.alone."* # of one that was interrupted
  ALONE=$(mktemp -d -- "$(dirname -- "$1")/.alone.XXXXXX")
  export ALONE
  find "$1" -xdev -type f -links +1 -execdir sh -c \
    'cp -a -- "$1" "$ALONE/f" && [ ! -L "$ALONE/f" ] && mv -fT -- "$ALONE/f" "$1"' sh {} \;
  rm -rf -- "$ALONE"
  find "$1" -xdev -depth -execdir chown -h -- "$2" {} + || die "root may not give $1 away" "$SQUASHED"
}

# listed FOLDER: size, time and path of each file, kind and path of all else.
listed() {
  (cd -P -- "$1" && find . -xdev \( -type f -printf 'f %s %Ts %P\0' \) -o -printf '%y %l %P\0') | LC_ALL=C sort -z
}

# copied OLD PART: all of OLD is in PART; what an earlier try has copied is not copied again.
copied() {
  # After a loss of power a file may have its size, and not its content.
  boot=$(cat /proc/sys/kernel/random/boot_id)
  if [ "$(cat "$2.boot" 2>/dev/null)" != "$boot" ]; then
    rm -rf -- "$2"
    printf '%s\n' "$boot" >"$2.boot"
  fi
  [ -d "$2" ] || mkdir -m 0700 -- "$2"
  lists=$(mktemp -d)
  listed "$1" >"$lists/old"
  listed "$2" >"$lists/part"
  # What differs was being copied when it was interrupted.
  LC_ALL=C comm -z -13 "$lists/old" "$lists/part" | sed -z -n 's/^f [^ ]* [^ ]* //p' \
    | (cd -P -- "$2" && xargs -0 -r rm -f --)
  # (tar puts zeros in place of what it can't read, and goes on.)
  { tar -C "$1" --one-file-system --format=posix -S -cf - . || : >"$lists/unread"; } \
    | tar -C "$2" --skip-old-files -xpf - --numeric-owner
  [ ! -e "$lists/unread" ] || { rm -rf -- "$2" "$lists"; die "$1 can't be read whole"; }
  sync -f "$2"
  listed "$2" >"$lists/part"
  cmp -s "$lists/old" "$lists/part" || die "$1 changed while it was copied: what still writes there?"
  diff -rq --no-dereference -- "$1" "$2" >/dev/null \
    || { rm -rf -- "$2"; die "the copy of $1 is not like it: it is copied anew the next time"; }
  rm -rf -- "$lists"
}

# is_left PATH: it was moved. Only what root wrote in root's folder says so: users could write it too.
is_left() { [ -d "$1" ] && [ -O "$1" ] && [ -f "$1/$LEFT" ] && [ ! -L "$1/$LEFT" ] && [ -O "$1/$LEFT" ]; }

# left OLD NEW: nothing is there any more but a word where it went.
left() {
  if ! is_left "$1"; then
    chown -h 0:0 -- "$1"
    chmod 0755 -- "$1"
    find "$1" -xdev -mindepth 1 -delete
    printf 'What was here is in %s now.\n' "$2" >"$1/$LEFT"
  fi
  rm -f -- "$2.part.boot" "$2.copied"
}

# moved OLD NEW: the data at OLD is at NEW. On one file system that is one rename.
moved() {
  plain "$(dirname -- "$1")"
  plain "$(dirname -- "$(dirname -- "$1")")"
  [ -e "$1" ] || [ -L "$1" ] || { finished "$1" "$2"; return 0; }
  if [ ! -d "$1" ] || [ -L "$1" ]; then
    note "$1" "$2"
    return 0
  fi
  if is_left "$1" || [ -z "$(find "$1" -mindepth 1 -print -quit)" ]; then
    left "$1" "$2"
    return 0
  fi
  if [ -e "$2" ] && [ ! -e "$2.copied" ]; then
    rmdir -- "$2" 2>/dev/null || die "$1 and $2 both hold data: move one of them away"
  fi
  if [ ! -e "$2" ] && [ "$(stat -c %m -- "$1")" = "$(stat -c %m -- "$(dirname -- "$2")")" ]; then
    mv -T -- "$1" "$2"
    finished "$1" "$2"
    return 0
  fi
  say "copying $1 to $2"
  [ -e "$2" ] || copied "$1" "$2.part"
  : >"$2.copied"
  [ -e "$2" ] || mv -T -- "$2.part" "$2"
  left "$1" "$2"
}

# finished OLD NEW: OLD is gone already; the word is left where it was.
finished() {
  [ -d "$2" ] && [ ! -e "$1" ] || return 0
  mkdir -- "$1"
  left "$1" "$2"
}

# note OLD NEW: a small file. It may be anything that users put there; only a plain file is taken.
note() {
  if [ -f "$1" ] && [ ! -L "$1" ] && [ ! -e "$2" ]; then
    head -c 4096 -- "$1" >"$2.part"
    mv -T -- "$2.part" "$2"
  fi
  rm -f -- "$1"
}

# handed FOLDER UID:GID OLD...: what belongs to the user ids OLD in the users' tree is the users'; what
# others may read there, their group may write. What only its owner may read stays so. No container of
# a user runs meanwhile.
handed() {
  tree=$1 users=$2
  shift 2
  for old; do
    find "$tree" -xdev -mindepth 1 -uid "$old" -execdir chown -h -- "$users" {} +
  done
  find "$tree" -xdev -mindepth 1 -uid "${users%:*}" -type d -perm -g=r ! -perm -g=ws -execdir chmod g+ws -- {} +
  find "$tree" -xdev -mindepth 1 -uid "${users%:*}" -type f -perm -g=r ! -perm -g=w -execdir chmod g+w -- {} +
}

# marked PATH TEXT: a small file that all may read.
marked() {
  printf '%s\n' "$2" >"$1.new"
  chmod 0644 -- "$1.new"
  mv -fT -- "$1.new" "$1"
}
