#!/bin/bash
# read-parameters.sh <path>: prints {"<name below the path>": "<value>", …} of all SSM parameters below it, decrypted.
set -euo pipefail
# shellcheck source=userdata/common/aws-library.sh
. "${BASH_SOURCE[0]%/*}/aws-library.sh"

readonly path="$1"

sign_in
pages=""
next=""
while :; do
  query="$(jq --null-input --compact-output --arg path "$path" --arg next "$next" '
    {Path: $path, Recursive: true, WithDecryption: true} + if $next == "" then {} else {NextToken: $next} end')"
  page="$(aws_call ssm AmazonSSM.GetParametersByPath "$query")" ||
    fail "cannot read ${path} as ${role}: ${page}"
  pages+="$page"
  next="$(jq --raw-output '.NextToken // ""' <<<"$page")"
  [[ -n "$next" ]] || break
done

jq --slurp --arg path "${path%/}/" 'map(.Parameters[] | {key: .Name[($path | length):], value: .Value}) | from_entries' \
  <<<"$pages"
