#!/bin/bash
# Makes this machine the registry mirror and the layer cache. It runs at each boot and after a failure, so every step can
# be repeated.
set -euo pipefail
# shellcheck source=/dev/null
. /etc/fleet/registry-mirror.env
# shellcheck source=userdata/common/library.sh
. /opt/fleet/library.sh
export AWS_REGION
readonly data=/var/lib/fleet-registry

# Nitro instances name a volume by its id, Xen ones by the name it was attached with, /dev/sdf.
data_volume() {
  local device
  for device in "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${VOLUME_ID/-/}" /dev/xvdf; do
    if [[ -e "$device" ]]; then
      echo "$device"
      return
    fi
  done
  echo "fleet: the volume ${VOLUME_ID} is not attached" >&2
  return 1
}

# The volume outlives the instance, so it usually has data. blkid says 2 of a volume that is blank, but also of one that it
# cannot read.
make_filesystem_if_blank() {
  local found status=0
  head --bytes 1M "$1" >/dev/null
  found="$(blkid --probe --output export "$1")" || status=$?
  if ((status == 2)); then
    mkfs.ext4 -q -L fleet-registry "$1"
  elif [[ $'\n'"$found"$'\n' != *$'\nTYPE=ext4\n'* ]]; then
    fail "the volume ${VOLUME_ID} holds something else than an ext4 filesystem: ${found}"
  fi
}

# environment_file <file> <jq's object of variables>: for EnvironmentFile=. The registry reads each value as YAML, so it is
# written as a JSON string, and that again as a string of systemd's.
environment_file() {
  (umask 077 && jq --raw-output "$2"' | to_entries[] | "\(.key)=\(.value | tojson | tojson)"' <<<"$parameters" >"$1")
}

step "packages of the distribution"
install_packages ca-certificates curl jq

step "registry"
install_program registry "$REGISTRY_VERSION" "$REGISTRY_URL" "$REGISTRY_SHA256"
# A fixed number, because the files on the volume outlive this machine's list of users.
id fleet-registry >/dev/null 2>&1 ||
  useradd --uid 6000 --user-group --no-create-home --home-dir "$data" --shell /usr/sbin/nologin fleet-registry

step "data volume"
volume="$(attempt data_volume)"
make_filesystem_if_blank "$volume"
mkdir --parents "$data"
sed --in-place "\\# ${data} #d" /etc/fstab
echo "UUID=$(blkid --probe --match-tag UUID --output value "$volume") ${data} ext4 defaults,nofail,nodev,nosuid,noexec 0 2" \
  >>/etc/fstab
systemctl daemon-reload
mountpoint --quiet "$data" || mount "$data"
# "nofail" makes mount succeed even when it has not mounted.
mountpoint --quiet "$data" || fail "the volume ${VOLUME_ID} is not mounted"
# The volume may have been made larger.
resize2fs "$volume"
install --directory --owner fleet-registry --group fleet-registry --mode 0750 "${data}/mirror" "${data}/layer-cache"

step "secrets"
parameters="$(attempt /opt/fleet/read-parameters.sh "$PARAMETER_PATH")"
install --directory --mode 0755 /run/fleet
environment_file /run/fleet/layer-cache.env '{REGISTRY_HTTP_SECRET: .["http-secret"]}'
environment_file /run/fleet/registry-mirror.env 'if has("docker-hub-password")
  then {REGISTRY_PROXY_USERNAME: .["docker-hub-username"], REGISTRY_PROXY_PASSWORD: .["docker-hub-password"]} else {} end'

step "services"
systemctl restart registry-mirror.service layer-cache.service
systemctl enable --now fleet-bound-size.timer

step "done"
