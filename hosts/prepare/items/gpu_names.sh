# shellcheck shell=sh
# The engine tells the Swarm the GPUs that NVIDIA's driver shows, by identity (the generic resource GPU);
# and a task sees those alone that it was given. The engine's file says it: it counts from the engine's
# next start on, which is not this item's business (`waiting` tells whether it is due).
TOML=/etc/nvidia-container-runtime/config.toml
DEVICES=/dev
KEY='swarm-resource[[:space:]]*='

# asked: what nvidia-smi shows; else why it shows nothing, with 1. One that hangs does not answer.
asked() {
  told=$(timeout 30 nvidia-smi -L 2>&1) && code=0 || code=$?
  # (6: the driver answers, and knows of no GPU.)
  case $code in
    0 | 6) ;;
    *)
      echo "NVIDIA's driver does not answer (nvidia-smi ended with $code: $(echo "$told" | tail -n 1))"
      return 1
      ;;
  esac
  odd=$(echo "$told" | grep -vE '^GPU [0-9]+: .*\(UUID: GPU-[0-9A-Za-z-]+\) *$|^ +MIG |^WARNING: |^No devices |^ *$' || true)
  [ -z "$odd" ] || { echo "nvidia-smi does not name every GPU: $(echo "$odd" | head -n 1)"; return 1; }
  echo "$told"
}

# shown: the identities of whole GPUs; of one that is divided (MIG) its own, not those of its parts.
shown() {
  if ! command -v nvidia-smi >/dev/null; then
    [ ! -e "$DEVICES/nvidia0" ] || { echo "a GPU, and no nvidia-smi that names it"; return 1; }
    return 0
  fi
  listed=$(asked) || { echo "$listed"; return 1; }
  echo "$listed" | sed -nE 's/^GPU .*\(UUID: (GPU-[^)]+)\) *$/\1/p' | sort
}

# said: the generic resources of the engine's file, one a line, e.g. GPU=GPU-5a2c.
said() {
  { cat "$(engine_file)" 2>/dev/null || true; } | tr -d ' \t\r\n' |
    sed -nE 's/.*"node-generic-resources":\[([^]]*)\].*/\1/p' | tr ',' '\n' | tr -d '"' | sed '/^$/d'
}
# on_line: those of its command line, which its file may not say again.
on_line() { engine_line | sed -nE '/^--?node-generic-resource$/ { n; p }; s/^--?node-generic-resource=//p'; }
named() { { said; on_line; } | sed -n 's/^GPU=//p' | sort; }

# registered: whether the engine has NVIDIA's runtime, or will have it from its next start on.
registered() {
  docker info -f '{{range $name, $_ := .Runtimes}}{{println $name}}{{end}}' 2>/dev/null | grep -qx nvidia ||
    { cat "$(engine_file)" 2>/dev/null || true; } | tr -d ' \t\r\n' | grep -qE '"runtimes":\{(.*\},)?"nvidia":'
}
is_default() {
  { cat "$(engine_file)" 2>/dev/null || true; } | tr -d ' \t\r\n' | grep -q '"default-runtime":"nvidia"' ||
    engine_line | tr '\n' ' ' | grep -qE '(^| )--?default-runtime[= ]nvidia '
}

# by_name FILE: whether NVIDIA's runtime reads which GPUs a task was given.
by_name() { above "$1" | grep -qE "^[[:space:]]*$KEY.*[\"', ]DOCKER_RESOURCE_GPU[\"', ]"; }
# above FILE: what is above its first table, where alone the key counts.
above() { sed '/^[[:space:]]*\[/,$d' "$1"; }

check() {
  names=$(shown) || { echo "$names"; return 1; }
  [ -n "$names" ] || return 0
  [ "$(named)" = "$names" ] || { echo "the engine's file does not name the GPUs that are there"; return 1; }
  ! registered || is_default || { echo "NVIDIA's runtime is not the engine's default one"; return 1; }
  [ ! -f "$TOML" ] || by_name "$TOML" || { echo "$TOML leaves out swarm-resource"; return 1; }
}

# be_named: what the key has already stays.
be_named() {
  cp -p "$TOML" "$TOML.new"
  sed -E '1,/^[[:space:]]*\[/ {
    s/^([[:space:]]*swarm-resource[[:space:]]*=[[:space:]]*"[^"]*)"/\1,DOCKER_RESOURCE_GPU"/
    s/^[[:space:]]*#[[:space:]]*swarm-resource[[:space:]]*=.*/swarm-resource = "DOCKER_RESOURCE_GPU"/
  }' "$TOML" >"$TOML.new"
  if ! above "$TOML.new" | grep -qE "^[[:space:]]*$KEY"; then
    { echo 'swarm-resource = "DOCKER_RESOURCE_GPU"'; cat "$TOML"; } >"$TOML.new"
  fi
  by_name "$TOML.new" || { rm "$TOML.new"; die "write DOCKER_RESOURCE_GPU into swarm-resource of $TOML"; }
  mv "$TOML.new" "$TOML"
}

fix() {
  names=$(shown) || die "$names"
  [ ! -f "$TOML" ] || by_name "$TOML" || be_named
  others=$(said | grep -v '^GPU=' || true)
  list=$({ echo "$others"; echo "$names" | sed 's/^/GPU=/'; } | sed '/^$/d; s/.*/"&"/' | paste -sd, -)
  default=''
  ! registered || default=', "default-runtime": "nvidia"'
  tell_engine "{\"node-generic-resources\": [$list]$default}" "its GPUs"
}

# counts NAMES: whether the engine goes by what its file says.
counts() {
  resources='{{range .GenericResources}}{{with .NamedResourceSpec}}{{.Kind}}={{println .Value}}{{end}}{{end}}'
  [ "$(docker info -f "$resources" | sed -n 's/^GPU=//p' | sort)" = "$1" ] &&
    { ! registered || [ "$(docker info -f '{{.DefaultRuntime}}')" = nvidia ]; }
}

# waiting: where the engine has to be started again for it, the GPUs and the containers that run, one a line.
waiting() {
  names=$(shown) || return 0 # (`check` says why)
  [ -n "$names" ] && docker info >/dev/null 2>&1 || return 0
  ! counts "$names" || return 0
  echo "$names" | sed 's/^/gpu /'
  docker ps --format 'runs {{.Names}}'
}
