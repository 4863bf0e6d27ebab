#!/bin/bash
# Tells CloudWatch how this bastion is: one event with its machines and their jobs, and metrics. A bastion whose runner does not
# work sends no heartbeat, which is what an alarm waits for.
set -euo pipefail
umask 077
# shellcheck source=/dev/null
. /etc/fleet/bastion.env
# shellcheck source=userdata/common/aws-library.sh
. /opt/fleet/aws-library.sh

readonly store=/root/.docker/machine/machines previous=/run/fleet/report.json config=/etc/gitlab-runner/config.toml
readonly wanted="api_request_statuses_total|autoscaling_(actions_total|machine_states)|job_queue_duration_seconds_(sum|count)|jobs|limit"
install --directory --mode 0755 /run/fleet
work="$(mktemp --directory)"
trap 'rm --recursive --force "$work"' EXIT

# state: of the runner, in a word.
state() {
  local unit
  unit="$(systemctl is-active gitlab-runner.service || true)"
  case "${unit}:$([[ -e /run/fleet/draining ]] && echo marked)" in
    active:) echo running ;;
    active:marked | deactivating:* | activating:marked) echo draining ;;
    *:marked) echo drained ;;
    *) echo stopped ;;
  esac
}

# machine_jobs: what the runner has said of machines and jobs since the last time. It tells nobody else which job runs where.
machine_jobs() {
  journalctl --quiet --no-pager --all --output cat --unit gitlab-runner.service --boot --cursor-file /run/fleet/report.cursor 2>/dev/null |
    sed --expression 's/\x1b\[[0-9;]*m//g' |
    grep --extended-regexp '^Starting multi-runner from |docker-machine.* job=[0-9]+.* name=' || true
}

# expiries: when the tokens of the runners expire, as GitLab says, one a line. Asked once an hour.
expiries() {
  local url="" token="" key value system_id
  system_id="$(cat /etc/gitlab-runner/.runner_system_id 2>/dev/null || true)"
  while read -r key value; do
    case "$key" in
      url) url="$value" ;;
      token) token="$value" ;;
    esac
    [[ -n "$url" && -n "$token" ]] || continue
    printf 'url = "%s/api/v4/runners/verify"\ndata-urlencode = "token=%s"\ndata-urlencode = "system_id=%s"\n' \
      "${url%/}" "$token" "$system_id" |
      request | jq --raw-output '.token_expires_at // empty' || true
    url="" token=""
  done < <(sed --quiet --regexp-extended '/^\[\[runners\]\]/,/^\[runners/s/^(url|token) = "(.*)"$/\1 \2/p' "$config")
}

find "$store" -mindepth 1 -maxdepth 1 -type d -not -name '.*' -printf '%f\n' 2>/dev/null | sort >"${work}/machines" || true
machine_jobs >"${work}/jobs"
curl --silent --max-time 5 http://127.0.0.1:9252/metrics |
  grep --extended-regexp "^gitlab_runner_(${wanted})[{ ]" >"${work}/metrics" || true
[[ -s "$previous" ]] || echo '{}' >"$previous"

# Counters begin at 0 again with the runner. GitLab Runner asks no more for an hour when its token was rejected three times, so a
# token is taken for rejected until a request is answered well.
# shellcheck disable=SC2016 # jq's variables
jq --null-input --slurpfile before "$previous" --rawfile metrics "${work}/metrics" --rawfile machines "${work}/machines" \
  --rawfile jobs "${work}/jobs" --rawfile status <(cat /run/fleet/sync-status 2>/dev/null || echo "not yet") \
  --rawfile expiries <(cat /run/fleet/token-expiries 2>/dev/null || true) --arg state "$(state)" '
  def lines: split("\n") | map(select(. != ""));
  def total(f): map(select(f).value) | add // 0;
  def since($last): if . < ($last // 0) then . else . - ($last // 0) end;
  $before[0] as $before
  | ($metrics | lines | map(capture("^gitlab_runner_(?<name>[a-z_]+)(\\{(?<labels>.*)\\})? (?<value>[-+.0-9e]+)$")
      | .value |= tonumber
      | .labels |= ([(. // "") | scan("([a-z_]+)=\"((?:[^\"\\\\]|\\\\.)*)\"") | {key: .[0], value: .[1]}] | from_entries))) as $all
  | ($all != []) as $answers
  | def machines_in($states): $all | total(.name == "autoscaling_machine_states" and (.labels.state | IN($states[])));
    def actions($action): $all | total(.name == "autoscaling_actions_total" and .labels.action == $action);
    def requests(f): $all | map(select(.name == "api_request_statuses_total" and .labels.endpoint == "request_job" and (.labels.status | f)))
      | group_by(.labels.runner) | map({key: .[0].labels.runner, value: (map(.value) | add)}) | from_entries;
    {
      created: actions("created"),
      failed: actions("creation-failed"),
      waited: ($all | total(.name == "job_queue_duration_seconds_sum")),
      begun: ($all | total(.name == "job_queue_duration_seconds_count")),
      rejections: requests(test("^4(01|03|10)$")),
      answers: requests(test("^2"))
    } as $counters
  | ($before.counters // {}) as $last
  | ($all | map(select(.name == "limit").labels.runner) | unique) as $runners
  | (if $answers then [$runners[] | . as $runner
        | select(if ($counters.rejections[$runner] // 0 | since($last.rejections[$runner])) > 0 then true
            elif ($counters.answers[$runner] // 0 | since($last.answers[$runner])) > 0 then false
            else $before.rejected // [] | index($runner) != null end)] else $before.rejected // [] end) as $rejected
  | (reduce ($jobs | lines[]) as $line ($before.jobs // {};
      if $line | startswith("Starting multi-runner") then {}
      else ($line | capture(" job=(?<job>[0-9]+)").job | tonumber) as $job
        | ($line | capture(" name=(?<name>[^ ]+)").name) as $name
        | if $line | startswith("Cleaned up") then del(.[$name]) else .[$name] = $job end end)) as $running
  | ($status | lines[0] // "not yet") as $configuration
  | ($configuration | capture("^ok (?<sha256>[0-9a-f]{64})$").sha256 // null) as $sha256
  | ($counters.begun | since($last.begun)) as $began
  | ([$expiries | lines[] | sub("\\.[0-9]+"; "") | try fromdateiso8601 catch empty] | min) as $expiry
  | {
      BastionReports: (if $state == "stopped" then null else 1 end),
      ConfigurationRejected: (if $configuration | test("^failed: (?!.*read-parameters: )") then 1 else 0 end),
      TokensRejected: ($rejected | length),
      TokenDaysLeft: (if $expiry then ($expiry - now) / 864 | floor / 100 else null end)
    } + if $answers then {
      MachinesIdle: machines_in(["idle", "acquired"]),
      MachinesUsed: machines_in(["used"]),
      MachinesCreating: machines_in(["creating"]),
      MachinesRemoving: machines_in(["removing", "stuck-on-removing"]),
      MachinesCreated: ($counters.created | since($last.created)),
      MachineCreationFailures: ($counters.failed | since($last.failed)),
      RunningJobs: ($all | total(.name == "jobs" and .labels.state != "idle")),
      JobWaitSeconds: (if $began > 0 then ($counters.waited | since($last.waited)) / $began else null end)
    } else {} end
  | with_entries(select(.value != null)) as $figures
  | {
      report: {
        state: $state,
        configuration: $configuration,
        configurationSha256: ($sha256 // $before.sha256),
        machines: ($machines | lines | map({name: ., job: (if $answers then $running[.] else null end)})),
        runner: $figures
      },
      next: {
        counters: (if $answers then $counters else $last end),
        rejected: $rejected,
        jobs: $running,
        sha256: ($sha256 // $before.sha256)
      }
    }' >"${work}/all"
jq '[{timestamp: (now * 1000 | floor), message: (.report | tojson)}]' "${work}/all" >"${work}/events"
jq .next "${work}/all" >"${previous}.new"
mv --force "${previous}.new" "$previous"

sign_in
put_events "$(instance_id).report" "${work}/events"
jq .report.runner "${work}/all" | put_metrics

# For the next report: a GitLab that does not answer keeps nobody waiting.
if [[ -r "$config" && -z "$(find /run/fleet/token-expiries -newer "$config" -mmin -60 2>/dev/null)" ]]; then
  expiries >/run/fleet/token-expiries 2>/dev/null
fi
