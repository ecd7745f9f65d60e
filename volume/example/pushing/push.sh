#!/bin/sh
# A step of CI: deploys the commit that is checked out, or only plans it.
#
#   push.sh [plan]
#
# DEPLOY_URL is what deploy.git-init printed, DEPLOY_KEY a file with the private key of an account,
# DEPLOY_KNOWN_HOSTS one with the line that deploy.git-init printed. A plan goes to plan.jsonl, and
# is no failure.
set -eu
chmod 600 "$DEPLOY_KEY"
export GIT_SSH_COMMAND="ssh -i $DEPLOY_KEY -o IdentitiesOnly=yes -o UserKnownHostsFile=$DEPLOY_KNOWN_HOSTS"
if [ "${1:-}" != plan ]; then
  exec git push "$DEPLOY_URL" HEAD:refs/heads/main
fi
git push -o plan -o json "$DEPLOY_URL" HEAD:refs/heads/main 2>push.log || true
sed -n 's/^remote: \({.*}\) *$/\1/p' push.log >plan.jsonl
cat push.log
grep -q 'planned, nothing changed' push.log
