#!/bin/bash
# The runner calls this before every job; an exit above zero refuses the job. It is installed as root
# outside the runner's folder, because the workflow file of a pull request comes from the pull request:
# this list, and not an `if:` in a workflow, is what keeps strangers' code from the GPU.
set -u
PATH=/usr/bin:/bin

repository=$(/usr/bin/head -n 1 "${SCHOOLHOUSE_ALLOWED:-/etc/schoolhouse/repository}") || exit 1
workflow=${GITHUB_WORKFLOW_REF:-}
event=${GITHUB_EVENT_NAME:-}
files=$repository/.github/workflows
main=refs/heads/main

refuse() {
  # Of what is shown, only letters, digits and a few signs are left, so that a log obeys none of it.
  printf '::error::this runner refuses %s from %s\n' "${event//[^A-Za-z0-9_]/?}" "${workflow//[^A-Za-z0-9_.\/@-]/?}"
  exit 1
}

[[ $repository =~ ^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$ ]] || refuse
[[ ${GITHUB_REPOSITORY:-} == "$repository" ]] || refuse
case $event:$workflow in
  merge_group:"$files/gate.yml@refs/heads/gh-readonly-queue/main/"?*) ;;
  workflow_dispatch:"$files/gate.yml@$main") ;;
  push:"$files/release.yml@$main" | workflow_dispatch:"$files/release.yml@$main") ;;
  schedule:"$files/nightly.yml@$main" | workflow_dispatch:"$files/nightly.yml@$main") ;;
  *) refuse ;;
esac
