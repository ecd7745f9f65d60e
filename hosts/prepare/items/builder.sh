# shellcheck shell=sh
# The master makes the images' base from packages where no image registry can be reached.
check() { command -v mmdebstrap >/dev/null || { echo "mmdebstrap is missing"; return 1; }; }

fix() {
  refresh
  install_packages mmdebstrap tar xz-utils
}
