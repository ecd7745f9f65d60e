# shellcheck shell=sh
# The engine rotates the logs of containers that don't say how: its own default keeps everything. Where
# its file or its command line says of logs already, that counts.

# line: the words of the engine's command line, one a line; nothing while none runs.
line() {
  for each in $(pidof dockerd); do
    tr '\0' '\n' <"/proc/$each/cmdline" | sed 1d
    return
  done
}

# file: the engine's own file.
file() {
  found=$(line | sed -nE '/^--?config-file$/ { n; p; q }; s/^--?config-file=//p')
  echo "${found:-/etc/docker/daemon.json}"
}

check() {
  grep -qE '"log-(driver|opts)"' "$(file)" 2>/dev/null || line | grep -qE '^--?log-(driver|opt)(=|$)' || {
    echo "container logs grow without end"
    return 1
  }
}

# valid FILE: whether an engine with this command line would take FILE; else says why not. One that is
# told something in both places does not start.
valid() {
  new=$1
  line >"$new.line"
  set -- --validate --config-file "$new"
  skipped=''
  while IFS= read -r word; do
    case $skipped$word in
      next*) skipped='' ;;
      --config-file | -config-file) skipped=next ;;
      --config-file=* | -config-file=*) ;;
      *) set -- "$@" "$word" ;;
    esac
  done <"$new.line"
  rm "$new.line"
  dockerd "$@" 2>&1
}

fix() {
  FILE=$(file)
  mkdir -p "${FILE%/*}"
  if [ ! -s "$FILE" ]; then
    printf '{\n  "log-driver": "local",\n  "log-opts": {"max-size": "20m", "max-file": "3"}\n}\n' >"$FILE.new"
  elif command -v python3 >/dev/null; then
    python3 - "$FILE" >"$FILE.new" <<'PYTHON'
import json, sys
with open(sys.argv[1]) as file:
    found = json.load(file)
added = {"log-driver": "local", "log-opts": {"max-size": "20m", "max-file": "3"}}
print(json.dumps({**found, **added}, indent=2))
PYTHON
  else
    die "add to $FILE: \"log-driver\": \"local\", \"log-opts\": {\"max-size\": \"20m\", \"max-file\": \"3\"}"
  fi
  why=$(valid "$FILE.new") || {
    rm -f "$FILE.new"
    die "the engine would not take $FILE with the lines for its logs, so it is as it was: \
$(echo "$why" | tail -n 1)"
  }
  mv "$FILE.new" "$FILE"
  # It takes a restart, which would take down what runs: then it counts from the next one on.
  [ -n "$(docker ps -q)" ] || restart docker
}
