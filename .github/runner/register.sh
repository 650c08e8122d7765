#!/bin/bash
# Runs as root before every job: makes a fresh copy of the runner's program and a registration for one job.
# The token that may register runners stays in a file of root's; the job's user never sees it.
set -euo pipefail
PATH=/usr/sbin:/usr/bin:/sbin:/bin

home=/var/lib/schoolhouse-runner
here=$(dirname "$0")
repository=$(head -n 1 "$here/repository")
group=$(head -n 1 "$here/group")
# A group belongs to an organisation, where its runner is registered; 1 is the default group.
if [[ $group ]]; then owner=orgs/${repository%%/*}; else owner=repos/$repository group=1; fi

# Nothing of the job before reaches the next, its program files included.
rm -rf "${home:?}/job"
# On a full disk the runner could not start the hook, and would go on without it.
free=$(df --output=avail --block-size=G "$home" | tail -n 1)
((${free//[^0-9]/} >= 20)) || { echo "register.sh: less than 20 GB free, no job is taken" >&2; exit 1; }
install -d -o gpu-runner -g gpu-runner -m 0700 "$home/job"
cp -a /opt/schoolhouse/actions-runner "$home/job/runner"
chown -R gpu-runner:gpu-runner "$home/job/runner"

jq -n --arg name "gpu-$(hostname)-$(date +%s)" --argjson group "$group" \
  '{name: $name, runner_group_id: $group, labels: ["self-hosted", "linux", "gpu-trainer"]}' |
  curl --fail --silent --show-error --max-time 60 --data @- \
    --header @/etc/schoolhouse/authorization --header "Accept: application/vnd.github+json" \
    "https://api.github.com/$owner/actions/runners/generate-jitconfig" |
  jq --exit-status --raw-output .encoded_jit_config |
  install -o gpu-runner -g gpu-runner -m 0400 /dev/stdin "$home/job/registration"
