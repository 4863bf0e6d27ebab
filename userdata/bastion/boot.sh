#!/bin/bash
# Makes this machine the fleet's bastion. It runs at each boot and after a failure, so every step can be repeated.
set -euo pipefail
# shellcheck source=/dev/null
. /etc/fleet/bastion.env
# shellcheck source=userdata/common/library.sh
. /opt/fleet/library.sh
# docker-machine keeps its certificates and machines below HOME, which a unit has not.
export HOME=/root

step "swap file"
if ((SWAP_SIZE > 0)) && ! swapon --noheadings --show=NAME | grep --quiet --line-regexp /swapfile; then
  rm --force /swapfile
  (umask 077 && fallocate --length "${SWAP_SIZE}GiB" /swapfile)
  mkswap /swapfile >/dev/null
  swapon /swapfile
  grep --quiet "^/swapfile " /etc/fstab || echo "/swapfile none swap sw 0 0" >>/etc/fstab
fi

step "packages of the distribution"
install_packages ca-certificates curl gnupg jq

# From here on a boot that fails is seen in CloudWatch, too.
step "reports"
systemctl enable --now fleet-journal.timer fleet-report.timer

# The package starts the service at once, but its drop-in waits for the first config.toml, the last thing to come.
step "gitlab-runner"
read -r -a packages <<<"$GITLAB_RUNNER_PACKAGES"
if ! are_installed "${packages[@]}"; then
  add_package_repository gitlab-runner "$GITLAB_RUNNER_REPOSITORY_URL" "$GITLAB_RUNNER_REPOSITORY_COMPONENT" \
    "$GITLAB_RUNNER_KEY_URL" "$GITLAB_RUNNER_KEY_FINGERPRINT"
fi
install_packages "${packages[@]}"

step "docker-machine"
install_program docker-machine "$DOCKER_MACHINE_VERSION" "$DOCKER_MACHINE_URL" "$DOCKER_MACHINE_SHA256"

# docker-machine makes its certificates when it is first used, and spoils them when that is several times at once.
step "certificates of docker-machine"
docker-machine rm --force -y first-use >/dev/null 2>&1 || true
docker-machine create --driver none --url tcp://localhost:2376 first-use
docker-machine rm --force -y first-use

step "config.toml"
attempt /opt/fleet/sync-config.sh

# gitlab-runner is ordered after this unit, so waiting for it here would wait for ever.
step "services"
systemctl enable --now fleet-sync.timer fleet-tidy.timer
systemctl enable gitlab-runner.service
systemctl start --no-block gitlab-runner.service

step "done"
