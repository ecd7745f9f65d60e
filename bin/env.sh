# Settings of SKP, plain shell: export KEY="value". Variables may use each other.
# "" switches an option off. A password that is "" or absent is generated and kept in
# etc/secrets.env (readable by you alone). Every key and its default: docs/settings.md.
# As shipped, these values fit the practice cluster (./skp.py lab.up).
# shellcheck shell=bash

# Cluster
export SKP_USER="skp"                       # the SSH user on every node: sudo rights, group docker
export SKP_SSH_CONFIG=".lab/ssh_config"     # "" for your own ~/.ssh/config
export SKP_HOME="/home/skp/skp"             # the same path on every node; shared between them
export SKP_PLATFORM="$SKP_HOME/platform"     # shared too: the platform's own data, no user's
export SKP_ETC="etc"                        # here: next to this file's folder
export SKP_HOSTS="$SKP_ETC/hosts.json"      # which node does what
export SKP_DFS="/mnt/dfs"                   # a shared file system, seen as /root/mnt/dfs; "" if none
export SKP_PRI_ETH="eth0"                   # private network interface of the nodes
export SKP_PUB_ETH="eth0"                   # public network interface of the master

# Docker
export SKP_NET="net-skp"                    # overlay network
export SKP_NET_SUBNET="10.90.0.0/16"        # its addresses
export SKP_NET_OTHERS="10.91.0.0/16"        # those of the networks beside it
export SKP_BIND=""                          # ports listen on each node's ipv4; "0.0.0.0": on all it has
export SKP_DOMAIN=""                        # "skp.example.com" if *.skp.example.com is the front door
export SKP_DOOR_ONLY="FALSE"                # "TRUE": pages publish no ports beside the front door

# Registry
export REGISTRY_NAME="registry-skp"
export REGISTRY_VOLUME="$SKP_PLATFORM/registry"
export REGISTRY_IMAGE="skp/docker-registry" # "registry" and TAG "2" for the public image
export REGISTRY_TAG="latest"

# Data volumes: /root/mnt/sshfs, s3, blob; all "" if not used
export SSHFS_ID=""                          # the user on the SSH server
export SSHFS_HOST=""
export SSHFS_VOLUME=""                      # the folder there

export S3_ACCOUNT=""                        # the bucket
export S3_ACCESS_ID=""
export S3_ACCESS_KEY=""
export S3_URL=""                            # "" for AWS, else a compatible server

export BLOB_ACCOUNT_NAME=""
export BLOB_ACCOUNT_KEY=""
export BLOB_CONTAINER_NAME=""
export BLOB_URL=""                          # "" for Azure, else a compatible server

# Jupyter
export JUPYTER_NAME="jupyter-skp"           # Container Name
export JUPYTER_PORT="8010"                  # Jupyter Port
export JUPYTER_VOLUME="$SKP_HOME/volume"    # Jupyter Volume Path
export JUPYTER_PASSWORD=""                  # "": generated, see etc/secrets.env

export JUPYTER_BASEURL="jupyter-skp"        # http://MASTER:8010/jupyter-skp
export JUPYTER_RESTAPIPORT="8020"           # Jupyter Kernel Gateway Port
export JUPYTER_IMAGE="skp/docker-ds"
export JUPYTER_TAG="latest"
export JUPYTER_GPU_IMAGE="skp/docker-ds-gpu"
export JUPYTER_GPU_TAG="latest"
export JUPYTER_GPU="FALSE"

# Spark
export SPARK_MNAME="spark-skp-master"
export SPARK_WNAME="spark-skp-worker"       # containers: spark-skp-worker-1, ...
export SPARK_MPORT="8030"                   # Spark Web Service Port
export SPARK_VOLUME="$SKP_HOME/volume"
export SPARK_URL="spark://$SPARK_MNAME:7077"
export SPARK_IMAGE="skp/docker-ds"
export SPARK_TAG="latest"
export SPARK_GPU_IMAGE="skp/docker-ds-gpu"
export SPARK_GPU_TAG="latest"
export SPARK_GPU="FALSE"

# MySQL
export MYSQL_NAME="mysql-skp"               # Container Name
export MYSQL_PORT="3306"
export MYSQL_VOLUME="$SKP_PLATFORM/mysql"
export MYSQL_ROOT_PASSWORD=""               # "": generated, see etc/secrets.env
export MYSQL_IMAGE="skp/docker-mysql"       # "mysql" and TAG "8.4" for the public image
export MYSQL_TAG="latest"

# Airflow
export AIRFLOW_NAME="airflow-skp"           # Container Name
export AIRFLOW_PORT="8040"                  # its UI
export AIRFLOW_VOLUME="$SKP_HOME/volume"    # DAGs: var/airflow/dags in there
export AIRFLOW_DB="airflow"
export AIRFLOW_DB_USER="airflow"
export AIRFLOW_DB_PASSWORD=""               # "": generated, see etc/secrets.env
export AIRFLOW__CORE__SQL_ALCHEMY_CONN=""   # "": our MySQL; else mysql+mysqldb://USER:PASSWORD@HOST:3306/DATABASE
export AIRFLOW_WEB_USER="admin"             # the account that docker.airflow-web-passwd-init makes
export AIRFLOW_WEB_PASSWORD=""              # "": generated
export AIRFLOW_IMAGE="skp/docker-ds"
export AIRFLOW_TAG="latest"
export AIRFLOW_GPU_IMAGE="skp/docker-ds-gpu"
export AIRFLOW_GPU_TAG="latest"
export AIRFLOW_GPU="FALSE"

# Flask: accounts and tokens
export FLASK_NAME="flask-skp"               # Container Name
export FLASK_PORT="8060"
export FLASK_VOLUME="$SKP_HOME/volume"
export FLASK_DB="flask"
export FLASK_DB_USER="flask"
export FLASK_DB_PASSWORD=""                 # "": generated, see etc/secrets.env
export FLASK_SECRET=""                      # "": generated
export FLASK_ADMIN_PASSWORD=""              # "": generated; of the first account, admin
export FLASK_IMAGE="skp/docker-flask"
export FLASK_TAG="latest"

# Gateway: the front door
export GATEWAY_NAME="gateway-skp"           # Container Name
export GATEWAY_OFFSET="1000"                # its ports: those of the pages, and this
export GATEWAY_HOST=""                      # "": the address of its node
export GATEWAY_ADDRESS=""                   # several doors: an address that is always at one that works
export GATEWAY_IMAGE="skp/docker-gateway"
export GATEWAY_TAG="latest"

# Nginx: the login page
export NGINX_NAME="nginx-skp"               # Container Name
export NGINX_PORT="8070"
export NGINX_VOLUME="$SKP_HOME/volume"
export NGINX_IMAGE="skp/docker-nginx"
export NGINX_TAG="latest"

# Prometheus: monitoring, on the node with the label monitoring
export PROMETHEUS_NAME="prometheus-skp"     # Container Name
export PROMETHEUS_PORT="8090"               # its page
export PROMETHEUS_VOLUME="/var/prometheus"  # on its node's own disk
export PROMETHEUS_RETENTION="15d"
export PROMETHEUS_IMAGE="skp/docker-prometheus"
export PROMETHEUS_TAG="latest"
export ALERT_WEBHOOK=""                     # URL that alerts are sent to; "": nowhere

# Portainer
export PORTAINER_NAME="portainer-skp"       # Container Name
export PORTAINER_PORT="8050"                # Portainer's page
export PORTAINER_IMAGE=""                   # "portainer/portainer-ce", where that can be pulled

# Zookeeper
export ZOOKEEPER_NAME="zookeeper-skp"       # containers: zookeeper-skp-1, zookeeper-skp-2, ...
export ZOOKEEPER_IMAGE="skp/docker-zookeeper"
export ZOOKEEPER_VOLUME="/var/zookeeper"    # on each node's own disk
export ZOOKEEPER_TAG="latest"

# Kafka
export KAFKA_NAME="kafka-skp"               # containers: kafka-skp-1, ...; all of them: kafka-skp
export KAFKA_VOLUME="/var/kafka"            # on each node's own disk
export KAFKA_IMAGE="skp/docker-kafka"
export KAFKA_TAG="latest"
