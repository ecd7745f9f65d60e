# shellcheck shell=sh
# Where NVIDIA's driver shows a GPU, containers can use it.
gpus() { ls -d /proc/driver/nvidia/gpus/* /dev/nvidia[0-9]* >/dev/null 2>&1 || [ -e /dev/nvidia0 ]; }
runtime() { docker info -f '{{range $name, $_ := .Runtimes}}{{$name}} {{end}}' 2>/dev/null | grep -qw nvidia; }

check() { ! gpus || runtime || { echo "a GPU, and no runtime for it"; return 1; }; }

fix() {
  if ! command -v nvidia-ctk >/dev/null; then
    refresh
    [ -n "$(candidate nvidia-container-toolkit)" ] || die "the package sources have no \
nvidia-container-toolkit: add NVIDIA's (its documentation, Installing the NVIDIA Container Toolkit)"
    install_packages nvidia-container-toolkit
  fi
  nvidia-ctk runtime configure --runtime=docker
  [ -z "$(docker ps -q)" ] || die "containers run: restart the engine when it suits (systemctl restart docker)"
  restart docker
}
