"""Files of deployments as the originals' documents show them, and ours."""

from __future__ import annotations

SSHD = """\
# sshd with the disk of a node, and a notebook server beside it
ENABLE_CD="TRUE"
IMAGE_PATH="registry.example.com:443/bigdata/build/jupyter-test:v0.1"
POD_NAME="jupyter-test"
TARGET_HOST="ai002"
SHM_SIZE="16G"
PVC_CNT="1"
VOL_NAME0="data"
VOL_TYPE0="HOST"
VOL_PATH0="/raid"
CON_CNT="2"
CON_NAME0="sshd"
CON_CMD0="/usr/sbin/sshd"
CON_ARG0="-D"
CON_PORT0="22"
EXP_PORT0="30050"
CON0_GPU="2"
CON0_VOL_CNT="1"
CON0_VOL_NAME0="data"
CON0_VOL_PATH0="/data"
CON_NAME1="jupyterhub"
CON_CMD1="jupyterhub"
CON_ARGS1="-f /etc/jupyterhub/jupyterhub_config.py"
CON_PORT1="8000"
CON_ENV1="TZ:Asia/Seoul PROXY:http://proxy:3128"
"""
HUB = """\
ENABLE_CD="TRUE"
IMAGE_PATH="registry.example.com/bigdata/build/jupyterhub:v0.1"
POD_NAME="hub"
MUL_DEP="2"
SHM_SIZE="16G"
PVC_CNT="2"
VOL_NAME0="home"
VOL_SIZE0="10G"
VOL_NAME1="config"
VOL_TYPE1="NAS"
VOL_SIZE1="1G"
CON_CNT="1"
CON_NAME0="jupyterhub"
CON_CMD0="jupyterhub"
CON_ARGS0="-f /etc/jupyterhub/jupyterhub_config.py"
CON_PORT0="8000"
CON0_VOL_CNT="2"
CON0_VOL_NAME0="home"
CON0_VOL_PATH0="/home"
CON0_VOL_NAME1="config"
CON0_VOL_PATH1="/srv/config"
"""
TANGO = """\
build:
  architecture: linux/amd64
  accelerator: cpu
  os: ubuntu20.04
  image_uri: registry.example.com/tango/detector:v1
  components:
    engine: pytorch
    custom_packages: {atp: [vim], papi: [flask==2.0.0]}
deploy:
  type: docker
  service_name: detector
  workdir: /workspace
  pre_exec:
    - [pip, list]
    - [echo, it's ready, 1]
  entrypoint: [python, server.py]
  network:
    service_host_ip: 10.0.0.9
    service_host_port: 8901
    service_container_port: 80
  k8s: {nfs_ip: 10.0.0.9, nfs_path: /tango}
  resources: {cpu: 2, memory: 4096, gpu: 1}
  replicas: 2
optional:
  weight_file: yolov7.pt
"""
COMPOSE = """\
name: shop
services:
  web:
    image: registry.example.com/shop/web:1.2
    command: serve --port 8000 --title "my shop"
    environment:
      - MODE=production
      - PRICE=5$$
    env_file: web.env
    ports: ["8000", "30010:22", "8443:443/tcp"]
    expose: ["9000"]
    volumes: [data:/srv/data]
    secrets: [db-password]
    shm_size: 512m
    stop_grace_period: 1m30s
    restart: unless-stopped
    healthcheck: {test: [CMD, /check], interval: 5s, timeout: 2s, retries: 4, start_period: 1m}
    deploy:
      replicas: 3
      resources:
        limits: {cpus: "1.5", memory: 2G}
        reservations:
          devices: [{driver: nvidia, count: 1, capabilities: [gpu]}]
      placement:
        constraints: ["node.labels.zone == a", "node.hostname==c02"]
      update_config: {order: start-first, monitor: 20s}
  cache:
    image: registry.example.com/shop/cache:7
    entrypoint: [cached]
    environment: {SIZE: 64, ON: true}
    deploy: {replicas: 3}
volumes:
  data: {x-skp-size: 20g}
secrets:
  db-password: {external: true}
"""
OWN = """\
name: model-server
project: vision
replicas: 2
shm: 2g
placement: gpu-type=V100;org=public
stop-time: 30
volumes:
  weights: {kind: data}
  scratch: {kind: nas, size: 10g}
update: {order: start-first, monitor: 15}
containers:
  server:
    image: registry.example.com/vision/server:2.0
    command: [server]
    args: ["--port", "8000"]
    workdir: /srv
    env: {LEVEL: info}
    secrets: [api-key]
    ports:
      - {port: 8000}
      - {port: 9000, publish: inside}
      - {port: 8080, door: {host: vision, login: false, upload: 100m, timeout: 60}}
    resources: {cpus: 2, memory: 4g, gpus: 1, gpu-type: V100}
    volumes: {weights: /weights, scratch: /scratch}
    health: {port: 8000, path: /health, interval: 5, timeout: 2, retries: 3, start: 30}
"""
