#!/bin/bash
# docker-machine runs `curl -sSL file:///opt/fleet/install-docker.sh | sh -` as the user ubuntu: start over as root, with bash.
[ "$0" = /opt/fleet/install-docker.sh ] || exec sudo /bin/bash /opt/fleet/install-docker.sh </dev/null
set -euo pipefail
# shellcheck source=/dev/null
. /etc/fleet/worker.env
# shellcheck source=userdata/common/library.sh
. /opt/fleet/library.sh

step "Docker"
read -r -a packages <<<"$DOCKER_PACKAGES"
if ! are_installed "${packages[@]}"; then
  add_package_repository docker "$DOCKER_REPOSITORY_URL" "$DOCKER_REPOSITORY_COMPONENT" "$DOCKER_KEY_URL" \
    "$DOCKER_KEY_FINGERPRINT"
fi
# pigz: images are unpacked on all processors.
install_packages pigz "${packages[@]}"
