#!/usr/bin/env bash
# ZooKeeper's own client; by default of the server in this container.
exec java -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=error \
  -cp "/opt/zookeeper/lib/*" org.apache.zookeeper.ZooKeeperMain "$@"
