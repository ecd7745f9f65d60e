#!/bin/sh
# The conventions of the public image registry:2: a configuration file alone is served,
# the registry's own verbs (serve, garbage-collect) may stand bare, the rest is a command.
set -e
case ${1:-} in
  *.yml | *.yaml) set -- registry serve "$@" ;;
  serve | garbage-collect | help | -*) set -- registry "$@" ;;
esac
exec "$@"
