#!/bin/bash
# Brings what is published in SSM onto the bastion: AWS credentials, the workers' user data, and config.toml, the last.
# A bad config.toml never replaces a good one. gitlab-runner notices by itself that there is a new one.
set -euo pipefail
umask 077
# shellcheck source=/dev/null
. /etc/fleet/bastion.env
export AWS_REGION

readonly draining=/run/fleet/draining
readonly installed=/etc/gitlab-runner work=/run/fleet/sync
install --directory --mode 0755 /run/fleet
exec {lock}>/run/fleet/sync.lock
flock --timeout 45 "$lock" || {
  echo "fleet-sync: another one is still running" >&2
  exit 1
}

# What a killed predecessor left behind.
rm --recursive --force "$work"
mkdir "$work"
install --directory --mode 0700 "$installed"

reason="a command failed"
result=""
finish() {
  rm --recursive --force "$work"
  if [[ -z "$result" ]]; then
    result="failed: ${reason}"
    echo "fleet-sync: ${result}" >&2
  fi
  (umask 022 && echo "$result" >/run/fleet/.sync-status)
  mv --force /run/fleet/.sync-status /run/fleet/sync-status
}
trap finish EXIT

fail() {
  reason="$*"
  exit 1
}

# text_of <parameter> <file>: a long text is published as base64 of gzip.
text_of() {
  jq --exit-status --join-output --arg name "$1" '.[$name] // empty' "${work}/parameters" >"${work}/value" ||
    fail "there is no parameter ${PARAMETER_PATH}/$1"
  if [[ "$(head --bytes 4 "${work}/value")" == H4sI ]]; then
    base64 --decode "${work}/value" | gunzip >"$2" || fail "${PARAMETER_PATH}/$1 is not gzip in base64"
  else
    mv "${work}/value" "$2"
  fi
}

# put <file> <name>: the new file takes the old one's place at once or not at all, and only when it differs.
put() {
  if ! cmp --silent "$1" "${installed}/$2"; then
    install --mode 0600 "$1" "${installed}/.$2.new"
    # GitLab Runner reads a newer file only, also after the clock was set back.
    [[ "${installed}/.$2.new" -nt "${installed}/$2" ]] ||
      touch --date "@$(($(stat --format %Y "${installed}/$2") + 1))" "${installed}/.$2.new"
    sync "${installed}/.$2.new"
    mv --force "${installed}/.$2.new" "${installed}/$2"
    sync "$installed"
    echo "fleet-sync: new $2"
  fi
}

# credentials_file: which file it is, if there is one; a new one has another number.
credentials_file() {
  stat --format %i "${installed}/aws-credentials" 2>/dev/null || true
}

# Any text as the inside of a TOML string, for which jq's JSON escapes will do. An "@" is escaped, too, so that no value looks like a
# placeholder.
readonly in_toml='def in_toml: tojson[1:-1] | gsub("@"; "\\u0040");'

# without_secrets <file>: its text, without colours, too. Secrets may be escaped in it; a long one goes first, for a short one may be a
# part of it.
without_secrets() {
  jq --raw-output --rawfile text "$1" "${in_toml}"'
    del(.["config.toml"], .["worker-user-data"], .drain)
    | [.[] | ., tojson[1:-1], in_toml] | unique | sort_by(-length)
    | reduce .[] as $secret ($text; split($secret) | join("<secret>"))
    | gsub("\u001b\\[[0-9;]*m"; "")' "${work}/parameters"
}

/opt/fleet/read-parameters.sh "$PARAMETER_PATH" >"${work}/parameters" 2>"${work}/errors" ||
  fail "$(paste --serial --delimiters " " "${work}/errors")"
instance_id="$(cat /var/lib/cloud/data/instance-id 2>"${work}/errors")" || fail "$(cat "${work}/errors")"

# A bastion that shall drain is named in a parameter: "<id>" by the operator, "leaving:<id>" when it goes for good. Its runner stops
# asking for jobs, and removes its machines when the running jobs are done. The unit does not start while the mark is there, not even
# after a reboot: it starts after this script.
if jq --exit-status --arg id "$instance_id" '.drain // "" | split(" ") | any(IN($id, "leaving:\($id)"))' \
  "${work}/parameters" >/dev/null; then
  if [[ ! -e "$draining" ]]; then
    systemctl --no-block stop gitlab-runner.service
    (umask 022 && touch "$draining")
    echo "fleet-sync: takes no more jobs"
  fi
elif [[ -e "$draining" ]]; then
  rm --force "$draining"
  systemctl --no-block start gitlab-runner.service
  echo "fleet-sync: takes jobs again"
fi

text_of config.toml "${work}/published"

# Rotated credentials are put in place whatever config.toml is like.
before="$(credentials_file)"
if jq --exit-status 'has("aws-credentials")' "${work}/parameters" >/dev/null; then
  text_of aws-credentials "${work}/aws-credentials"
  put "${work}/aws-credentials" aws-credentials
else
  rm --force "${installed}/aws-credentials"
fi
# gitlab-runner keeps the S3 client that it has made with the old ones. Restarting it drains: running jobs come to their end.
if [[ "$(credentials_file)" != "$before" ]]; then
  systemctl --no-block try-restart gitlab-runner.service
fi

# A secret is written "@@<parameter>@@", and this machine's id "@@instance-id@@". A token may have no character that means something in TOML, and no "$", for gitlab-runner
# replaces variables in tokens and addresses. The secrets of a cache may have any.
jq --join-output --rawfile text "${work}/published" --arg id "$instance_id" "${in_toml}"'
  def token:
    if test("\\A[A-Za-z0-9._=+/:-]+\\z") then . else error("a secret has a character that no token has") end;
  . + {"instance-id": $id} | . as $parameters
  | $text
  | gsub("@@(?<name>[^@\\s]+)@@";
      .name as $name
      | $parameters[$name] // error("there is no parameter for @@\($name)@@")
      | if $name | startswith("cache-credentials/") then in_toml else token end)
  | if contains("@@") then error("a placeholder is left over") else . end
' "${work}/parameters" >"${work}/config.toml" 2>"${work}/errors" ||
  fail "config.toml: $(sed 's/^jq: error ([^)]*): //' "${work}/errors")"

if ! cmp --silent "${work}/config.toml" "${installed}/config.toml" && gitlab-runner lint --help >/dev/null 2>&1; then
  # Keys that no longer have an effect are warnings.
  if ! gitlab-runner lint --config "${work}/config.toml" >"${work}/lint" 2>&1 || grep --quiet WARNING "${work}/lint"; then
    fail "gitlab-runner rejects config.toml: $(without_secrets "${work}/lint")"
  fi
fi

# EC2 takes 16 KiB of user data, and cloud-init unpacks it.
text_of worker-user-data "${work}/text"
gzip --no-name --stdout "${work}/text" >"${work}/worker-user-data"
put "${work}/worker-user-data" worker-user-data
put "${work}/config.toml" config.toml
result="ok $(sha256sum <"${work}/published" | cut --delimiter " " --fields 1)"
