#!/bin/bash
# Removes machines from docker-machine's store that GitLab Runner has lost. It looks after those that are named as its runners are, so
# these are left: a machine of a runner whose token was rotated, one whose creation was killed, and one that EC2 has terminated.
# Each must have been found like that, and without a job, for ten minutes.
set -euo pipefail

readonly store="${MACHINE_STORAGE_PATH:-${HOME}/.docker/machine}/machines" seen=/run/fleet/lost asked=/run/fleet/asked
readonly grace=600 most=3
# Seconds since the boot: the time of day may be set.
now="$(cut --delimiter . --fields 1 /proc/uptime)"
mkdir --parents "$seen" "$asked"

# owners: how the names of the runners' machines begin, one a line.
owners() {
  curl --silent --fail --max-time 5 http://127.0.0.1:9252/metrics |
    sed --quiet --regexp-extended 's/^gitlab_runner_limit\{.*runner="([^"]+)",runner_name=.*/\L\1/p' |
    sed --regexp-extended 's/[^-a-z0-9]//g; s/^-+//; s/.*/runner-&-/'
}

# of_machine <jq's filter>: of its config.json; nothing when there is none.
of_machine() {
  jq --raw-output "$1 // empty" "${store}/${name}/config.json" 2>/dev/null || true
}

# is_young <file>: what it says was noted less than ten minutes ago.
is_young() {
  [[ -s "$1" ]] && ((now - $(<"$1") < grace))
}

# is_handled: docker-machine works on it now.
is_handled() {
  pgrep --full "docker-machine .* ${name}\$" >/dev/null
}

# has_job: the runner is connected to its Docker engine, as it is for as long as a job runs there.
has_job() {
  local address addresses
  addresses="$(of_machine '.Driver | [.PrivateIPAddress, .IPAddress, (.URL // "" | sub("^tcp://"; "") | sub(":[0-9]+$"; ""))]
    | map(select(. != null and . != ""))[]')"
  for address in $addresses; do
    [[ -z "$(ss --no-header --numeric --tcp state established dst "${address}:2376")" ]] || return 0
  done
  return 1
}

# is_terminated: docker-machine says Error then; when it cannot ask EC2, it fails. Asking costs a t2.micro half a second of processor
# time, so a machine is asked for every ten minutes.
is_terminated() {
  if [[ ! -e "${seen}/${name}" ]]; then
    if is_young "${asked}/${name}"; then return 1; fi
    echo "$now" >"${asked}/${name}"
  fi
  [[ "$(timeout 30 docker-machine status "$name" 2>/dev/null)" == Error ]]
}

# why_lost: says why, or nothing.
why_lost() {
  local owner
  if [[ -z "$(of_machine .DriverName)" ]] || [[ "$(of_machine .DriverName)" == amazonec2 && -z "$(of_machine .Driver.InstanceId)" ]]; then
    echo "its creation was killed"
    return
  fi
  for owner in "${owned[@]}"; do
    if [[ "$name" == "$owner"* ]]; then
      if is_terminated; then
        echo "EC2 has terminated it"
      fi
      return
    fi
  done
  echo "no runner is called like it"
}

if [[ -e /run/fleet/draining && "$(systemctl is-active gitlab-runner.service)" =~ ^(inactive|failed)$ ]]; then
  owned=()
else
  mapfile -t owned < <(owners)
  if ((${#owned[@]} == 0)); then
    echo "fleet-tidy: the runner does not say whose machines are its own"
    exit
  fi
fi

removed=0
for folder in "$store"/*/; do
  [[ -d "$folder" ]] || continue
  name="$(basename "$folder")"
  why=""
  if ! is_handled && ! has_job; then
    why="$(why_lost)"
  fi
  if [[ -z "$why" ]]; then
    rm --force "${seen}/${name}"
  elif [[ ! -s "${seen}/${name}" ]]; then
    echo "$now" >"${seen}/${name}"
  elif ((removed < most)) && ! is_young "${seen}/${name}"; then
    removed=$((removed + 1))
    # What is still to be terminated is forgotten only when that has worked.
    [[ "$why" == no* ]] && force=() || force=(--force)
    echo "fleet-tidy: removes ${name}: ${why}"
    if timeout 120 docker-machine rm "${force[@]}" -y "$name" </dev/null; then
      rm --force "${seen}/${name}"
    else
      echo "fleet-tidy: could not remove ${name}" >&2
    fi
  fi
done
for file in "$seen"/* "$asked"/*; do
  [[ -d "${store}/${file##*/}" ]] || rm --force "$file"
done
