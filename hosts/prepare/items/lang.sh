# shellcheck shell=sh
# The machine knows the locale and uses it. LOCALE: such as ko_KR.UTF-8.
set_to() { [ "$(sed -n 's/^LANG=//p' /etc/default/locale 2>/dev/null | tr -d '"')" = "$LOCALE" ]; }
known() { locale -a 2>/dev/null | grep -qix "$(echo "$LOCALE" | sed 's/UTF-8/utf8/')"; }

check() {
  known || { echo "$LOCALE is not there"; return 1; }
  set_to || { echo "LANG is another"; return 1; }
}

fix() {
  if ! known; then
    [ -f /usr/share/i18n/SUPPORTED ] || { refresh; install_packages locales; }
    grep -qx "$LOCALE UTF-8" /usr/share/i18n/SUPPORTED || die "there is no locale $LOCALE"
    sed -i "s/^# *\($LOCALE UTF-8\)/\1/" /etc/locale.gen
    grep -qx "$LOCALE UTF-8" /etc/locale.gen || echo "$LOCALE UTF-8" >>/etc/locale.gen
    locale-gen >/dev/null
  fi
  update-locale "LANG=$LOCALE"
}
