# shellcheck shell=sh
# Where NVIDIA's driver shows a GPU, containers can use it.
gpus() { ls -d /proc/driver/nvidia/gpus/* /dev/nvidia[0-9]* >/dev/null 2>&1 || [ -e /dev/nvidia0 ]; }
runtime() { docker info -f '{{range $name, $_ := .Runtimes}}{{$name}} {{end}}' 2>/dev/null | grep -qw nvidia; }

right() { ! gpus || runtime || { echo "a GPU, and no runtime for it"; return 1; }; }

mend() {
  if ! command -v nvidia-ctk >/dev/null; then
    refresh
    [ -n "$(candidate nvidia-container-toolkit)" ] || stop "the package sources have no \
nvidia-container-toolkit: add NVIDIA's (its documentation, Installing the NVIDIA Container Toolkit)"
    get nvidia-container-toolkit
  fi
  nvidia-ctk runtime configure --runtime=docker
  [ -z "$(docker ps -q)" ] || stop "containers run: restart the engine when it suits (systemctl restart docker)"
  again docker
}
