#!/bin/sh
# A step of CI: deploys folders by the API, one after another, or only plans them.
#
#   deploy.sh [plan] FOLDER...
#
# API_URL is the API's address, API_PROJECT the project, API_TOKEN a file with the token of an
# account (account.token-add), API_CA a file with the door's certificate (gateway.ca), where it is no
# public one. A folder has the name of its deployment. Plans go to plan-NAME.json. It ends with 0 when
# all of it works, or was planned.
set -eu
limit=2700 # seconds for each deployment
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(umask 077 && printf 'Authorization: Bearer %s\n' "$(cat "$API_TOKEN")" >"$work/token")

# ask: what curl says of the API; a server that is away for a moment is asked again.
ask() {
  curl -sS --fail-with-body --connect-timeout 10 --max-time 120 --retry 8 --retry-max-time 240 --retry-connrefused \
    ${API_CA:+--cacert "$API_CA"} -H "@$work/token" "$@"
}

# follow: shows an operation's log to its end, and goes on where a connection was lost.
follow() {
  end=$(($(date +%s) + limit))
  : >"$work/log"
  until grep -q '^event: end$' "$work/log"; do
    [ "$(date +%s)" -lt "$end" ] || { echo "$1 goes on for $limit s" >&2; return 1; }
    last=$(sed -n 's/^id: //p' "$work/log" | tail -n 1)
    ask -N --max-time "$limit" -H "Last-Event-ID: ${last:-0}" "$API_URL$1/log" |
      tee -a "$work/log" | sed -n '/^event: line$/{n;s/^data: /  /p;}' || true
    # (Where the token counts no more, or there is no such operation, nothing is waited for.)
    ask -o "$work/answer" "$API_URL$1" || { cat "$work/answer" >&2; return 1; }
  done
  now=$(sed -n 's/.*"state": *"\([a-z]*\)".*/\1/p' "$work/answer")
  echo "$1: $now"
  [ "$now" = succeeded ] || { cat "$work/answer"; return 1; }
}

verb=apply
[ "$1" != plan ] || { verb=plan; shift; }
for folder; do
  name=$(basename "$folder")
  tar -cf "$work/files.tar" -C "$folder" .
  if [ "$verb" = plan ]; then
    ask -X POST -T "$work/files.tar" -o "plan-$name.json" \
      "$API_URL/v1/projects/$API_PROJECT/plans" || { cat "plan-$name.json" >&2; exit 1; }
    cat "plan-$name.json"
    echo
    continue
  fi
  # (The same key with each try: however often it is sent, it is done once.)
  key=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  ask -T "$work/files.tar" -H "Idempotency-Key: $key" -D "$work/head" -o "$work/answer" \
    "$API_URL/v1/projects/$API_PROJECT/deployments/$name" || { cat "$work/answer" >&2; exit 1; }
  follow "$(sed -n 's/^[Ll]ocation: *\([^[:space:]]*\).*/\1/p' "$work/head" | tail -n 1)"
done
