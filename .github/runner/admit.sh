#!/bin/bash
# Returns zero for a job on the list below. For any other, and in doubt, it says why and ends the runner's
# worker, which is the process that would run the job's steps.
#
#   EVENT=… WORKFLOW=… REPOSITORY=… admit.sh WORKER
#
# It is installed as root outside the runner's folder, because the workflow file of a pull request comes
# from the pull request: this list, and not an `if:` in a workflow, keeps strangers' code from the GPU.
set -uf
PATH=/usr/bin:/bin
trap '' HUP INT QUIT TERM PIPE # no signal short of a kill gets a job past this
worker=${1-}

allowed() {
  local ours files main=refs/heads/main
  IFS= read -r ours <"${0%/*}/repository" || return 1
  [[ $ours =~ ^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$ && $REPOSITORY == "$ours" ]] || return 1
  files=$ours/.github/workflows
  case $EVENT:$WORKFLOW in
    merge_group:"$files/gate.yml@refs/heads/gh-readonly-queue/main/"?*) ;;
    workflow_dispatch:"$files/gate.yml@$main") ;;
    push:"$files/release.yml@$main" | workflow_dispatch:"$files/release.yml@$main") ;;
    schedule:"$files/nightly.yml@$main" | workflow_dispatch:"$files/nightly.yml@$main") ;;
    *) return 1 ;;
  esac
}

say() {
  # Only letters, digits and a few signs are shown, so that no command reaches the log.
  local event=${EVENT//[^A-Za-z0-9_]/?} workflow=${WORKFLOW//[^A-Za-z0-9_.\/@-]/?}
  local said="this runner refuses ${event:0:60} from ${workflow:0:300}"
  printf '::error::%s, and ends the job\n' "$said"
  logger --tag schoolhouse-runner --priority auth.warning -- "$said"
}

# Prints a field of a living process, counted from its state on; nothing once it is dead.
field() {
  local line fields
  { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 0
  fields=(${line##*) }) # a process's name, which stands before, may hold anything
  [[ ${fields[0]} == [ZX] ]] || printf %s "${fields[$2]}"
}
parent() { field "$1" 1; }
began() { field "$1" 19; } # tells a process from a later one with the same id

# Ends the worker and then, once the listener above it has had time to tell GitHub, all that is left of
# this runner. Where the worker cannot be killed this goes on for ever: a hook has no time limit, and
# once the job's own has passed, the listener ends the worker.
end() {
  local listener since tries
  listener=$(parent "$worker")
  since=$(began "$worker")
  while [[ $(began "$worker") == "$since" ]]; do
    kill -KILL "$worker"
    sleep 0.5
  done
  for ((tries = 0; tries < 60; tries++)); do
    [[ $(began "$listener") ]] || break
    sleep 0.5
  done
  kill -KILL 0
}

allowed && exit 0
say
sleep 2 # the worker sends what was said twice a second
end
exit 1
