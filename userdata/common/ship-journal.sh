#!/bin/bash
# Copies what this machine's units have said since the last time from the journal to CloudWatch Logs. Where it has come to is
# kept across boots, so nothing is lost while AWS is out of reach. Not CloudWatch's agent: it takes a tenth of a t2.micro's memory.
set -euo pipefail
for file in /etc/fleet/bastion.env /etc/fleet/registry-mirror.env; do
  # shellcheck source=/dev/null
  [[ ! -e "$file" ]] || . "$file"
done
# shellcheck source=userdata/common/aws-library.sh
. /opt/fleet/aws-library.sh

readonly cursor=/var/lib/fleet/journal-cursor
readonly units=('fleet-*' 'gitlab-runner*' 'registry-*' 'layer-cache*')
work="$(mktemp --directory)"
trap 'rm --recursive --force "$work"' EXIT
install --directory --mode 0755 /var/lib/fleet

# entries: what is left, oldest first. jq ends before journalctl when there is more than one call may take.
entries() {
  local from=()
  [[ ! -s "$cursor" ]] || from=(--after-cursor "$(<"$cursor")")
  journalctl --quiet --no-pager --all --output json --output-fields MESSAGE,PRIORITY,_SYSTEMD_UNIT,UNIT \
    "${units[@]/#/--unit=}" "${from[@]}" || [[ $? == 141 ]]
}

# One call takes 10,000 events, 1 MiB with 26 bytes for each event, 256 KiB for one of them, and 24 hours, in the order of time.
# journalctl gives a text with colours as a list of bytes.
# shellcheck disable=SC2016 # jq's variables
readonly batch='
  def utf8:
    reduce .[] as $byte ([];
      if $byte < 128 then . + [$byte]
      elif $byte < 192 then .[-1] |= . * 64 + $byte - 128
      elif $byte < 224 then . + [$byte - 192]
      elif $byte < 240 then . + [$byte - 224]
      else . + [$byte - 240] end)
    | implode;
  def text: if type == "array" then (try utf8 catch "(not a text)") else . // "" end;
  # Each run of a unit with a timer is several lines of systemd.
  def is_noise: ._SYSTEMD_UNIT == "init.scope" and .PRIORITY >= "6" and (.UNIT // "" | test("^fleet-(?!boot)"));
  [label $full
    | foreach inputs as $entry ({count: 0, bytes: 0};
        ($entry | .UNIT // ._SYSTEMD_UNIT // "" | sub("\\.service$"; "")) as $unit
        | ($entry.MESSAGE | text | gsub("\u001b\\[[0-9;]*m"; "")) as $said
        | .event = {timestamp: ($entry.__REALTIME_TIMESTAMP | tonumber / 1000 | floor), message: "\($unit): \($said)"[:60000]}
        | .noise = ($entry | is_noise)
        | .cursor = $entry.__CURSOR
        | .count += 1
        | .bytes += (.event.message | utf8bytelength) + 26
        | .first = ([.first // infinite, .event.timestamp] | min)
        | .last = ([.last // 0, .event.timestamp] | max);
        if .count > 10000 or .bytes > 1000000 or .last - .first > 86000000 then break $full else {event, noise, cursor} end)]
  | {cursor: (last | .cursor // empty), events: (map(select(.noise | not).event) | sort_by(.timestamp))}'

for _ in {1..20}; do
  entries | jq --null-input --compact-output "$batch" >"${work}/batch"
  [[ -s "${work}/batch" ]] || break
  if jq --exit-status --compact-output '.events | select(. != [])' "${work}/batch" >"${work}/events"; then
    [[ -n "$signer" ]] || sign_in
    put_events "$(instance_id)" "${work}/events"
  fi
  jq --raw-output .cursor "${work}/batch" >"${cursor}.new"
  mv --force "${cursor}.new" "$cursor"
done
