# shellcheck shell=bash
# Sourced by the scripts beside it: installing exactly what is pinned, and saying what failed.

current_step="start"

# step <what>: what is being done from here on.
step() {
  current_step="$1"
  echo "fleet: $1"
}

# The console log of the instance shows this line without a login.
say_what_failed() {
  local status=$?
  ((status == 0)) || echo "fleet: FAILED with status ${status}: ${current_step}" >&2
}
trap say_what_failed EXIT

fail() {
  echo "fleet: $*" >&2
  exit 1
}

# attempt <command…>: again with growing pauses, because package mirrors and networks fail at boot.
attempt() {
  local pause
  for pause in 2 4 8 16 32; do
    "$@" && return
    echo "fleet: again in ${pause} s: $*" >&2
    sleep "$pause"
  done
  "$@"
}

# download <url> <file>
download() {
  attempt curl --fail --silent --show-error --location --proto-redir =https \
    --connect-timeout 10 --max-time 900 --output "$2" "$1"
}

# install_program <name> <version> <url> <sha256>: into /usr/local/bin, from a file or a member of a .tar.gz.
# Without a published checksum (empty) HTTPS and the version that the program says it has must do.
install_program() {
  local name="$1" version="$2" url="$3" sha256="$4" work
  if says_version "/usr/local/bin/${name}" "$version"; then
    return
  fi
  work="$(mktemp --directory)"
  download "$url" "${work}/download"
  if [[ -n "$sha256" ]]; then
    sha256sum --check --quiet <<<"${sha256}  ${work}/download" || fail "${url} does not have the checksum ${sha256}"
  fi
  case "$url" in
    *.tar.gz) tar --extract --gzip --file "${work}/download" --directory "$work" "$name" ;;
    *) mv "${work}/download" "${work}/${name}" ;;
  esac
  chmod 0755 "${work}/${name}"
  says_version "${work}/${name}" "$version" || fail "${url} is not ${name} ${version}"
  install --mode 0755 "${work}/${name}" /usr/local/bin
  rm --recursive "$work"
}

# says_version <program> <version>
says_version() {
  [[ "$("$1" --version 2>/dev/null)" =~ [\ v]"$2"([^0-9.]|$) ]]
}

# add_package_repository <name> <url> <component> <key url> <key fingerprint>
# Only the key with that fingerprint is trusted, whatever else the file at the key's address holds.
add_package_repository() {
  local name="$1" url="$2" component="$3" key_url="$4" fingerprint="$5" work
  work="$(mktemp --directory)"
  download "$key_url" "${work}/key"
  gpg --homedir "$work" --batch --quiet --import "${work}/key"
  gpg --homedir "$work" --batch --quiet --output "${work}/keyring" --export "$fingerprint"
  [[ -s "${work}/keyring" ]] || fail "${key_url} does not hold the key ${fingerprint}"
  install -D --mode 0644 "${work}/keyring" "/etc/apt/keyrings/${name}.gpg"
  cat >"/etc/apt/sources.list.d/${name}.sources" <<SOURCES
Types: deb
URIs: ${url}
Suites: ${UBUNTU_CODENAME}
Components: ${component}
Signed-By: /etc/apt/keyrings/${name}.gpg
SOURCES
  rm --recursive "$work"
}

# install_packages <package[=version]…>: those with a version are then held, so that no upgrade changes them.
install_packages() {
  local package pinned=()
  for package in "$@"; do
    [[ "$package" != *=* ]] || pinned+=("${package%%=*}")
  done
  if ! are_installed "$@"; then
    attempt apt_install "$@"
  fi
  ((${#pinned[@]} == 0)) || apt-mark hold "${pinned[@]}" >/dev/null
}

are_installed() {
  local package found
  for package in "$@"; do
    # shellcheck disable=SC2016 # dpkg-query's own fields
    found="$(dpkg-query --show --showformat '${db:Status-Status} ${Version}' "${package%%=*}" 2>/dev/null)" || return 1
    case "$package" in
      *=*) [[ "$found" == "installed ${package#*=}" ]] || return 1 ;;
      *) [[ "$found" == "installed "* ]] || return 1 ;;
    esac
  done
}

apt_install() {
  apt-get update --quiet && DEBIAN_FRONTEND=noninteractive NO_DOCKER_PRUNE=1 apt-get install --quiet --yes \
    --no-install-recommends --allow-downgrades --allow-change-held-packages --option DPkg::Lock::Timeout=300 "$@"
}
