#!/bin/bash
# tests/tools/install.sh: what the readers, engine and fleet tests need beside Node, on a Debian or Ubuntu machine, as root.
# What cannot be had here is named at the end; the tests that need it fail in CI and are skipped elsewhere, both saying so.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# Outside of the project, so that a clean clone does not download it all again. tests/tools/programs.ts looks here, too.
readonly cache="${XDG_CACHE_HOME:-$HOME/.cache}/gitlab-runner-fleet"
mkdir -p "${cache}/bin"
PATH="${cache}/bin:${cache}/venv/bin:${PATH}"

readonly packages=(
  apt-utils buildah busybox-static ca-certificates cloud-init containerd curl debootstrap dnsmasq-base docker.io e2fsprogs gcc gnupg
  git gzip iproute2 iptables jq libc6-dev nginx-light openssh-client openssh-server openssl passwd procps python3-venv rootlesskit runc
  shellcheck skopeo sudo systemd systemd-journal-remote
  uidmap util-linux
)
if ! dpkg-query --show "${packages[@]}" >/dev/null 2>&1; then
  apt-get update --quiet=2
  DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends "${packages[@]}" >/dev/null
fi

if ! "${cache}/venv/bin/python3" -c "" 2>/dev/null; then
  python3 -m venv --clear "${cache}/venv"
fi
"${cache}/venv/bin/python3" -m pip install --quiet --disable-pip-version-check --requirement cli/local/requirements.txt

# The very files that the fleet's machines install.
pinned() {
  node --require ts-node/register --print "require('./components/versions').$1"
}

fetch() {
  curl --fail --silent --location --connect-timeout 10 --max-time 600 "$1"
}

program() {
  [[ -n "$(type -P "$1")" ]]
}

executable() {
  chmod +x "$1" && mv "$1" "${cache}/bin"
}

case "$(dpkg --print-architecture)" in
  arm64) architecture=arm64 machine=aarch64 ;;
  *) architecture=amd64 machine=x86_64 ;;
esac
work="$(mktemp --directory)"
trap 'rm --recursive --force "$work"' EXIT

# download <program> <url>: a file
download() {
  program "$1" || { fetch "$2" >"${work}/$1" && executable "${work}/$1"; } || true
}

# unpack <program> <url> <member of the .tar.gz>
unpack() {
  program "$1" || { fetch "$2" | tar --extract --gzip --to-stdout "$3" >"${work}/$1" && executable "${work}/$1"; } 2>/dev/null || true
}

download gitlab-runner \
  "https://gitlab-runner-downloads.s3.amazonaws.com/v$(pinned gitlabRunner.version)/binaries/gitlab-runner-linux-${architecture}"
download docker-machine "$(pinned "dockerMachine.downloads.${architecture}.url")"
unpack registry "$(pinned "registry.downloads.${architecture}.url")" registry
buildkit="https://github.com/moby/buildkit/releases/download/v0.34.2/buildkit-v0.34.2.linux-${architecture}.tar.gz"
unpack buildkitd "$buildkit" bin/buildkitd
unpack buildctl "$buildkit" bin/buildctl
# from_go <module>@<version> <option>…: where a program's own site is out of reach, a Go proxy may do.
from_go() {
  program go && GOBIN="${cache}/bin" go install "${@:2}" "$1" 2>/dev/null
}

download buildx "https://github.com/docker/buildx/releases/download/v0.38.2/buildx-v0.38.2.linux-${architecture}"
program buildx || from_go github.com/docker/buildx/cmd/buildx@v0.38.2 || true
# Distributions have engines that cannot validate, and runc without time namespaces, which today's engine asks for.
if [[ "$(dockerd --help 2>/dev/null)" != *--validate* || "$(runc features 2>/dev/null)" != *'"time"'* ]]; then
  fetch "https://download.docker.com/linux/static/stable/${machine}/docker-$(pinned docker.version).tgz" |
    tar --extract --gzip --strip-components 1 --directory "${cache}/bin" 2>/dev/null || {
    apt-get install --quiet=2 --yes --no-install-recommends gcc libc6-dev libseccomp-dev pkg-config >/dev/null
    from_go github.com/moby/moby/v2/cmd/dockerd@v2.0.0-beta.24
    from_go github.com/opencontainers/runc@v1.4.0 -tags seccomp
  } || true
fi

for name in shellcheck cloud-init systemd-analyze jq moto_server gitlab-runner docker-machine registry buildkitd buildctl buildx dockerd runc; do
  program "$name" || echo "tests/tools/install.sh: ${name} could not be installed" >&2
done
