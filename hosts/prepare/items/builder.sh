# shellcheck shell=sh
# The master makes the images' base from packages where no image registry can be reached.
right() { command -v mmdebstrap >/dev/null || { echo "mmdebstrap is missing"; return 1; }; }

mend() {
  refresh
  get mmdebstrap tar xz-utils
}
