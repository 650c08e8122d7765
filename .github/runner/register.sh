#!/bin/bash
# Run as root before every job: a fresh copy of the runner's program, and a registration for one job.
# The token that may register runners stays in a file of root's; the job's user never sees it.
set -euo pipefail
PATH=/usr/sbin:/usr/bin:/sbin:/bin

home=/var/lib/schoolhouse-runner
repository=$(head -n 1 "$(dirname "$0")/repository")

# What the job before left, its program files included, is gone: nothing of it reaches the next.
rm -rf "${home:?}/job"
install -d -o gpu-runner -g gpu-runner -m 0700 "$home/job"
cp -a /opt/schoolhouse/actions-runner "$home/job/runner"
chown -R gpu-runner:gpu-runner "$home/job/runner"

jq -n --arg name "gpu-$(hostname)-$(date +%s)" \
  '{name: $name, runner_group_id: 1, labels: ["self-hosted", "linux", "gpu-trainer"]}' |
  curl --fail --silent --show-error --max-time 60 --data @- \
    --header @/etc/schoolhouse/authorization --header "Accept: application/vnd.github+json" \
    "https://api.github.com/repos/$repository/actions/runners/generate-jitconfig" |
  jq --exit-status --raw-output .encoded_jit_config |
  install -o gpu-runner -g gpu-runner -m 0400 /dev/stdin "$home/job/registration"
