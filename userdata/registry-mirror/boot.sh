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

# serve_mirror <port> <registry's host> <its address>: a registry of its own for each upstream, with a folder of its own.
serve_mirror() {
  local port="$1" folder="${data}/mirror/$2" variables
  # shellcheck disable=SC2016 # jq's variables
  variables='{
    REGISTRY_PROXY_REMOTEURL: $address, REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: $folder }'
  if [[ "$2" == docker.io ]]; then
    variables+=' + if has("docker-hub-password") then
      {REGISTRY_PROXY_USERNAME: .["docker-hub-username"], REGISTRY_PROXY_PASSWORD: .["docker-hub-password"]} else {} end'
  fi
  install --directory --owner fleet-registry --group fleet-registry --mode 0750 "$folder"
  ln --symbolic --force --no-dereference "${folder}/docker/registry/v2/blobs" "/run/fleet/images/${port}"
  environment_file "/run/fleet/registry-mirror-${port}.env" "$variables" --arg address "$3" --arg folder "$folder"
  listen mirrors "$port"
}

# environment_file <file> <jq's object of variables> [<jq's options>…]: for EnvironmentFile=. The registry reads each value
# as YAML, so it is written as a JSON string, and that again as a string of systemd's.
environment_file() {
  (umask 077 && jq --raw-output "${@:3}" "$2"' | to_entries[] | "\(.key)=\(.value | tojson | tojson)"' \
    <<<"$parameters" >"$1")
}

# listen <server> <port>
listen() {
  echo "listen $2$([[ -z "$TLS" ]] || echo " ssl");" >>"/run/fleet/nginx/listen-$1.conf"
}

# secret_file <parameter> <file>
secret_file() {
  (umask 077 && jq --raw-output --join-output --arg name "$1" '.[$name]' <<<"$parameters" >"$2")
}

step "packages of the distribution"
install_packages ca-certificates curl jq nginx openssl python3
# The package starts one of its own.
systemctl disable --now nginx.service

# From here on a boot that fails is seen in CloudWatch, too.
step "reports"
systemctl enable --now fleet-journal.timer fleet-report.timer

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
# What was used longest ago is evicted, so the time of each use counts; it is kept in memory, and written with other things.
options=nofail,nodev,nosuid,noexec,strictatime,lazytime
echo "UUID=$(blkid --probe --match-tag UUID --output value "$volume") ${data} ext4 ${options} 0 2" >>/etc/fstab
systemctl daemon-reload
mountpoint --quiet "$data" || mount "$data"
# "nofail" makes mount succeed even when it has not mounted.
mountpoint --quiet "$data" || fail "the volume ${VOLUME_ID} is not mounted"
# The volume may have been made larger.
resize2fs "$volume"
# Where version 0.1.0 kept Docker Hub's images.
if [[ -d "${data}/mirror/docker" ]]; then
  mkdir --parents "${data}/mirror/docker.io"
  mv "${data}/mirror/docker" "${data}/mirror/docker.io"
fi
install --directory --owner fleet-registry --group fleet-registry --mode 0750 "${data}/mirror" "${data}/layer-cache" \
  "${data}/in-flight"

step "secrets and settings"
parameters="$(attempt /opt/fleet/read-parameters.sh "$PARAMETER_PATH")"
rm --recursive --force /run/fleet/nginx /run/fleet/images
install --directory --mode 0755 /run/fleet /run/fleet/nginx /run/fleet/images
install --directory --owner fleet-registry --mode 0755 /run/fleet/state
environment_file /run/fleet/layer-cache.env '{REGISTRY_HTTP_SECRET: .["http-secret"]}'
listen layer-cache 5000
mirrors=()
read -r -a upstreams <<<"$MIRRORED"
for i in "${!upstreams[@]}"; do
  serve_mirror "$((6000 + i))" "${upstreams[i]%%=*}" "${upstreams[i]#*=}"
  mirrors+=("registry-mirror@$((6000 + i)).service")
done
if [[ -n "$TLS" ]]; then
  secret_file certificate /run/fleet/certificate.pem
  secret_file private-key /run/fleet/private-key.pem
  cp /etc/fleet/tls.conf /run/fleet/nginx
fi
if [[ -n "$PROTECTED" ]]; then
  password="$(jq --raw-output '.["layer-cache-password"]' <<<"$parameters" | openssl passwd -6 -stdin)"
  install --owner fleet-registry --mode 0400 /dev/stdin /run/fleet/layer-cache-passwords <<<"fleet:${password}"
  cp /etc/fleet/protected.conf /run/fleet/nginx
fi

step "services"
systemctl restart "${mirrors[@]}" layer-cache.service registry-front.service
systemctl enable --now fleet-evict.timer

step "done"
