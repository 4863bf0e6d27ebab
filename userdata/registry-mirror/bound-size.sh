#!/bin/bash
# Keeps the data volume from filling up. What the mirror holds expires after a week, the layer cache only grows; all of both
# can be fetched or built again, so when collecting garbage is not enough they start afresh.
set -euo pipefail

readonly data=/var/lib/fleet-registry limit=80

is_full() {
  (($(df --output=pcent "$data" | tail --lines 1 | tr --delete --complement 0-9) >= limit))
}

is_full || exit 0
trap "systemctl start layer-cache.service registry-mirror.service" EXIT

echo "fleet: the data volume is ${limit} % full, collecting the layer cache's garbage"
systemctl stop layer-cache.service
runuser --user fleet-registry -- /usr/local/bin/registry garbage-collect --delete-untagged --quiet /etc/fleet/layer-cache.yml ||
  echo "fleet: the garbage cannot be collected" >&2
if is_full; then
  echo "fleet: the layer cache starts afresh"
  find "${data}/layer-cache" -mindepth 1 -delete
fi
if is_full; then
  echo "fleet: the registry mirror starts afresh"
  systemctl stop registry-mirror.service
  find "${data}/mirror" -mindepth 1 -delete
fi
