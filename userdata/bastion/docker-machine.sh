#!/bin/bash
# Stands before docker-machine in gitlab-runner's PATH. When EC2 has no machine of the kind that a runner wants, it asks for the
# runner's fallbacks, one after the other. When EC2 refuses them all, it waits before it says so, and longer each time in a row,
# because gitlab-runner asks again at once.
set -euo pipefail

# The next one in PATH is the real one.
PATH="${PATH//"${0%/*}:"/}"
[[ " $* " == *" create --driver amazonec2 "* ]] || exec docker-machine "$@"

# What RunInstances says when it has no such machine: it may have another.
readonly refused="Error launching instance: (InsufficientInstanceCapacity|InstanceLimitExceeded|MaxSpotInstanceCountExceeded|SpotMaxPriceTooLow|Unsupported|VcpuLimitExceeded): "
# What every call says when there were too many: asking for another machine would be one more.
readonly overloaded=": (RequestLimitExceeded): "

readonly state=/run/fleet
readonly failures="${state}/creation-failures" errors="${state}/docker-machine.$$"
mkdir --parents "$state"
trap 'rm --force "$errors"' EXIT

# A fallback is an option that docker-machine itself has no use for: the options that differ from those of the first choice.
readonly machine="${!#}"
options=()
choices=("")
for argument in "${@:1:$#-1}"; do
  case "$argument" in
    --swarm-opt=fleet-fallback=*) choices+=("${argument#*fleet-fallback=}") ;;
    *) options+=("$argument") ;;
  esac
done

# One byte for each failure in a row of the whole bastion, until ten minutes without any.
wait_longer_each_time() {
  find "$failures" -mmin +10 -delete 2>/dev/null || true
  printf . >>"$failures"
  local count seconds=60
  count="$(stat --format %s "$failures" 2>/dev/null || echo 1)"
  if ((count < 5)); then seconds=$((5 << (count - 1))); fi
  echo "docker-machine: waiting for ${seconds} s after failure ${count} in a row" >&2
  sleep "$seconds" >/dev/null 2>&1
}

for choice in "${choices[@]}"; do
  read -r -a changes <<<"$choice"
  status=0
  # gitlab-runner kills what takes longer than an hour, which nothing can pass on.
  setpriv --pdeathsig KILL docker-machine "${options[@]}" "${changes[@]/#/--}" "$machine" 2>"$errors" || status=$?
  cat "$errors" >&2
  if ((status == 0)); then
    rm --force "$failures"
    exit
  fi
  said="$(<"$errors")"
  [[ "$said" =~ $overloaded ]] && break
  [[ "$said" =~ $refused ]] || exit "$status"
  # The machine's name is taken until then. If its key pair stays, so does what is known of it, for gitlab-runner to try again.
  docker-machine rm -y "$machine" >/dev/null || exit "$status"
done
wait_longer_each_time
exit "$status"
