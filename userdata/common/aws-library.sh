# shellcheck shell=bash
# Sourced by the scripts beside it: calls of AWS, signed with the instance's role.
#
# curl signs the requests: the AWS CLI is no package of Ubuntu's, takes 250 MB of disk, and each start of it costs a t2.micro
# about a second of processor time. Secrets go through pipes only, never through arguments.

: "${AWS_REGION:?is not set}"
readonly metadata="${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}/latest"
role=""
signer=""

fail() {
  echo "$(basename "$0" .sh): $*" >&2
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

# sign_in: everything below needs it.
sign_in() {
  local token credentials
  token="$(request --request PUT --header "X-aws-ec2-metadata-token-ttl-seconds: 60" "${metadata}/api/token" </dev/null)" ||
    fail "the instance metadata service gives no token"
  role="$(instance_metadata iam/security-credentials/)" || fail "the instance has no role"
  credentials="$(instance_metadata "iam/security-credentials/${role}")" || fail "the role ${role} has no credentials"
  signer="$(jq --raw-output '
    "user = \("\(.AccessKeyId):\(.SecretAccessKey)" | @json)",
    "header = \("X-Amz-Security-Token: \(.Token)" | @json)"' <<<"$credentials")"
}

# aws_request <service> <curl's arguments…>: the AWS SDKs know the variables with addresses, too.
aws_request() {
  local domain=amazonaws.com own
  [[ "$AWS_REGION" != cn-* ]] || domain=amazonaws.com.cn
  case "$1" in
    ssm) own="${AWS_ENDPOINT_URL_SSM:-}" ;;
    logs) own="${AWS_ENDPOINT_URL_CLOUDWATCH_LOGS:-}" ;;
    monitoring) own="${AWS_ENDPOINT_URL_CLOUDWATCH:-}" ;;
  esac
  request "${own:-${AWS_ENDPOINT_URL:-https://$1.${AWS_REGION}.${domain}}}" --aws-sigv4 "aws:amz:${AWS_REGION}:$1" "${@:2}" \
    <<<"$signer"
}

# aws_call <service> <X-Amz-Target> <curl's --data-binary>
aws_call() {
  aws_request "$1" --header "X-Amz-Target: $2" --header "Content-Type: application/x-amz-json-1.1" --data-binary "$3"
}

# put_events <log stream> <file with a JSON array of events>: into the log group that is called as this machine's parameters are.
put_events() {
  local request answer stream
  request="$(mktemp)"
  jq --arg group "$PARAMETER_PATH" --arg stream "$1" '{logGroupName: $group, logStreamName: $stream, logEvents: .}' \
    "$2" >"$request"
  if ! answer="$(aws_call logs Logs_20140328.PutLogEvents "@${request}" 2>&1)"; then
    [[ "$answer" == *ResourceNotFoundException* ]] || fail "cannot write to ${PARAMETER_PATH} as ${role}: ${answer}"
    stream="$(jq 'del(.logEvents)' "$request")"
    answer="$(aws_call logs Logs_20140328.CreateLogStream "$stream" 2>&1)" ||
      fail "cannot make ${PARAMETER_PATH} $1 as ${role}: ${answer}"
    answer="$(aws_call logs Logs_20140328.PutLogEvents "@${request}" 2>&1)" ||
      fail "cannot write to ${PARAMETER_PATH} as ${role}: ${answer}"
  fi
  rm "$request"
}

# put_metrics, a JSON object of numbers on stdin: what is null is left out.
put_metrics() {
  local fleet="${PARAMETER_PATH#/}" form answer
  form="$(jq --raw-output --arg fleet "${fleet%/*}" '
    to_entries | map(select(.value != null)) | to_entries
    | map("MetricData.member.\(.key + 1)." as $metric
      | "\($metric)MetricName=\(.value.key)", "\($metric)Value=\(.value.value)",
        "\($metric)Dimensions.member.1.Name=Fleet", "\($metric)Dimensions.member.1.Value=\($fleet | @uri)")
    | ["Action=PutMetricData", "Version=2010-08-01", "Namespace=GitLabRunnerFleet"] + . | join("&")')"
  answer="$(aws_request monitoring --data-binary "$form" 2>&1)" || fail "cannot put metrics as ${role}: ${answer}"
}

# instance_id: this machine's.
instance_id() {
  cat /var/lib/cloud/data/instance-id
}
