# shellcheck shell=sh
# The engine rotates the logs of containers that don't say how: its own default keeps everything. Where
# its file or its command line says of logs already, that counts.
check() {
  grep -qE '"log-(driver|opts)"' "$(engine_file)" 2>/dev/null ||
    engine_line | grep -qE '^--?log-(driver|opt)(=|$)' || {
    echo "container logs grow without end"
    return 1
  }
}

fix() {
  tell_engine '{
  "log-driver": "local",
  "log-opts": {"max-size": "20m", "max-file": "3"}
}' "its logs"
  # It takes a restart, which would take down what runs: then it counts from the next one on.
  [ -n "$(docker ps -q)" ] || restart docker
}
