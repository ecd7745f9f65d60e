# shellcheck shell=sh
# sshd takes keys and no passwords. Only for machines that a key has just logged in to.
readonly FILE=/etc/ssh/sshd_config.d/00-skp-keys-only.conf

# told KEY: what sshd's files say of it for the SSH user, from anywhere.
told() {
  mkdir -p /run/sshd # without it sshd says nothing; where it is started on demand it may be missing
  sshd -T -C "user=$SKP_USER,host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22" |
    awk -v key="$1" '$1 == key { print $2; exit }'
}
taken() {
  for key in passwordauthentication kbdinteractiveauthentication; do
    [ "$(told $key)" = no ] || echo "$key"
  done
}

check() {
  open=$(taken)
  [ -z "$open" ] || { echo "sshd takes passwords: $(echo "$open" | paste -sd' ')"; return 1; }
}

# What runs goes on; a new login meets the new configuration.
reload() {
  if ! is_systemd; then
    kill -HUP "$(cat "$(told pidfile)")"
  elif systemctl -q is-active ssh.service; then
    systemctl reload ssh.service
  elif systemctl -q is-active sshd.service; then
    systemctl reload sshd.service
  else
    systemctl -q is-active ssh.socket sshd.socket # each login starts an sshd of its own
  fi
}
take_back() {
  rm -f "$FILE"
  reload || true
  die "$1"
}

fix() {
  sshd -t || die "sshd does not take its configuration as it is (above): mend that first"
  [ "$(told authenticationmethods)" = any ] ||
    die "AuthenticationMethods is set: somebody has decided how to log in here; change it by hand"
  mkdir -p "${FILE%/*}"
  printf '%s\n' '# ./skp.py ssh.keys-only --undo takes this file away.' \
    'PasswordAuthentication no' 'KbdInteractiveAuthentication no' >"$FILE.new"
  mv "$FILE.new" "$FILE"
  sshd -t || take_back "sshd does not take $FILE (above)"
  [ -z "$(taken)" ] ||
    take_back "sshd's files say otherwise than $FILE: does /etc/ssh/sshd_config include that folder first?"
  reload || take_back "sshd does not reload its configuration"
}

absent() { [ ! -e "$FILE" ] || { echo "$FILE is there"; return 1; }; }
undo() {
  rm -f "$FILE"
  reload
}
