#!/bin/bash
# The runner calls this before every job, and it returns only for a job that admit.sh lets in. It never
# returns for another: an exit above zero would fail this step alone, and each later step decides by its
# own condition, so that `always()`, `failure()` and what an action does before and after would still run.
#
# It uses the shell's own words and absolute paths alone, so that no function or PATH of the environment gets
# in between; admit.sh gets a clean environment.
until /usr/bin/env -i "EVENT=${GITHUB_EVENT_NAME-}" "WORKFLOW=${GITHUB_WORKFLOW_REF-}" \
  "REPOSITORY=${GITHUB_REPOSITORY-}" /bin/bash -p "${0%/*}/admit.sh" "$PPID"; do
  /bin/sleep 1
done
