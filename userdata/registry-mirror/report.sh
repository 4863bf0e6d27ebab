#!/bin/bash
# Tells CloudWatch how this registry mirror is: one event and metrics. A mirror of which a service does not run sends no heartbeat,
# which is what an alarm waits for.
set -euo pipefail
umask 077
# shellcheck source=/dev/null
. /etc/fleet/registry-mirror.env
# shellcheck source=userdata/common/aws-library.sh
. /opt/fleet/aws-library.sh

readonly data=/var/lib/fleet-registry
work="$(mktemp --directory)"
trap 'rm --recursive --force "$work"' EXIT

read -r -a upstreams <<<"$MIRRORED"
services=(registry-front layer-cache)
for i in "${!upstreams[@]}"; do
  services+=("registry-mirror@$((6000 + i))")
done
for service in "${services[@]}"; do
  echo "${service} $(systemctl is-active "${service}.service" || true)"
done >"${work}/services"

# What is not mounted is the root volume, which says nothing of the data.
percent=null
if mountpoint --quiet "$data"; then
  percent="$(df --output=used,avail --block-size 1 "$data" | awk 'NR == 2 { printf "%.1f", 100 * $1 / ($1 + $2) }')"
fi

jq --raw-input --null-input --argjson percent "$percent" '
  [inputs | split(" ") | {key: .[0], value: .[1]}] | {diskUsedPercent: $percent, services: from_entries}' \
  "${work}/services" >"${work}/report"
jq '[{timestamp: (now * 1000 | floor), message: tojson}]' "${work}/report" >"${work}/events"

sign_in
put_events "$(instance_id).report" "${work}/events"
jq '{
  MirrorReports: (if .services | all(. == "active") then 1 else null end),
  MirrorDiskUsedPercent: .diskUsedPercent }' "${work}/report" | put_metrics
