#!/bin/bash
# read-parameters.sh <path>: prints {"<name below the path>": "<value>", …} of all SSM parameters below it, decrypted.
#
# curl signs the requests with the instance's role: the AWS CLI is no package of Ubuntu's, takes 250 MB of disk, and each
# start of it costs a t2.micro about a second of processor time. Secrets go through pipes only, never through arguments.
set -euo pipefail

readonly path="$1"
: "${AWS_REGION:?is not set}"
case "$AWS_REGION" in
  cn-*) domain=amazonaws.com.cn ;;
  *) domain=amazonaws.com ;;
esac
# The variables that the AWS SDKs know, too.
readonly ssm="${AWS_ENDPOINT_URL_SSM:-${AWS_ENDPOINT_URL:-https://ssm.${AWS_REGION}.${domain}}}"
readonly metadata="${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}/latest"

fail() {
  echo "read-parameters: $*" >&2
  exit 1
}

# request <curl's arguments…>, further ones on stdin
request() {
  curl --silent --show-error --fail-with-body --connect-timeout 3 --max-time 10 --retry 2 --retry-connrefused \
    --config - "$@"
}

# instance_metadata <path>
instance_metadata() {
  request "${metadata}/meta-data/$1" <<<"header = \"X-aws-ec2-metadata-token: ${token}\""
}

token="$(request --request PUT --header "X-aws-ec2-metadata-token-ttl-seconds: 60" "${metadata}/api/token" </dev/null)" ||
  fail "the instance metadata service gives no token"
role="$(instance_metadata iam/security-credentials/)" || fail "the instance has no role"
credentials="$(instance_metadata "iam/security-credentials/${role}")" || fail "the role ${role} has no credentials"
signer="$(jq --raw-output '
  "user = \("\(.AccessKeyId):\(.SecretAccessKey)" | @json)",
  "header = \("X-Amz-Security-Token: \(.Token)" | @json)"' <<<"$credentials")"

pages=""
next=""
while :; do
  query="$(jq --null-input --compact-output --arg path "$path" --arg next "$next" '
    {Path: $path, Recursive: true, WithDecryption: true} + if $next == "" then {} else {NextToken: $next} end')"
  page="$(request "$ssm" --aws-sigv4 "aws:amz:${AWS_REGION}:ssm" --header "X-Amz-Target: AmazonSSM.GetParametersByPath" \
    --header "Content-Type: application/x-amz-json-1.1" --data-binary "$query" <<<"$signer")" ||
    fail "cannot read ${path} as ${role}: ${page}"
  pages+="$page"
  next="$(jq --raw-output '.NextToken // ""' <<<"$page")"
  [[ -n "$next" ]] || break
done

jq --slurp --arg path "${path%/}/" 'map(.Parameters[] | {key: .Name[($path | length):], value: .Value}) | from_entries' \
  <<<"$pages"
