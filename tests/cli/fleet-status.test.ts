import { statusText } from "../../cli/fleet/status-text";
import { workerJobs } from "../../cli/fleet/worker-jobs";
import { ago, bastionReport, machine, publishedSha256, sampleStatus } from "./fixtures/fleet-status";

/** What a worker with these tags does, by the reports of two bastions. */
const jobOf = (keyName: string, tags: Record<string, string>) => {
  const report = (name: string, job: number | null) => bastionReport({ machines: [{ name, job }] });
  const bastions = [
    { machine: machine("i-old"), reported: report("runner-1", 11) },
    { machine: machine("i-new"), reported: report("runner-2", null) },
    { machine: machine("i-silent"), reported: undefined },
  ];
  const [found] = workerJobs([machine("i-worker", { keyName, tags })], bastions);
  return { occupation: found?.occupation, job: found?.job };
};

describe("a worker's job", () => {
  it("is in the report of any bastion, whatever the tags say", () => {
    expect(jobOf("runner-1", { "fleet-bastion": "i-old" })).toEqual({ occupation: "job", job: 11 });
    expect(jobOf("runner-2", {})).toEqual({ occupation: "idle", job: undefined });
  });

  it.each([
    { tags: { "fleet-bastion": "i-new" }, occupation: "unknown to its bastion" },
    { tags: {}, occupation: "unknown to its bastion" },
    { tags: { "fleet-bastion": "i-terminated" }, occupation: "its bastion is gone" },
    { tags: { "fleet-bastion": "i-silent" }, occupation: "no report" },
  ])("is $occupation for a machine that no report names, with the tags $tags", ({ tags, occupation }) => {
    expect(jobOf("runner-3", tags)).toEqual({ occupation, job: undefined });
  });

  it("is not known when there is no bastion at all", () => {
    expect(workerJobs([machine("i-worker")], [])).toMatchObject([{ occupation: "its bastion is gone" }]);
  });

  it("is shown, too, when its machine has no instance", () => {
    const reported = bastionReport({ machines: [{ name: "runner-1", job: null }] });
    expect(workerJobs([], [{ machine: machine("i-bastion"), reported }])).toEqual([
      { name: "runner-1", machine: undefined, occupation: "idle", job: undefined },
    ]);
  });
});

describe("the status", () => {
  // README.md shows the whole, and its test compares.
  it("shows each worker with its age and its job, and counts them", () => {
    const [, workers] = /\n\n(Workers[^]*?)\n\n/.exec(statusText(sampleStatus)) ?? [];
    const row = (start: string, rest: string) => `  runner-t1zkq8x-9c27ae41-worker-${start}  ${rest}`;
    expect(workers?.split("\n")).toEqual([
      "Workers: 1 with a job, 1 idle, 1 left by a bastion that is gone",
      `  MACHINE${" ".repeat(44)} INSTANCE             TYPE       PRICE  ZONE        STATE    AGE     JOB`,
      row(
        "1795771140-c04be8d7",
        "i-0f84d2671c9ab3e05  m6i.large  spot   eu-west-1a  running  25 h    its bastion is gone",
      ),
      row(
        "1795857000-7d1e0b2c",
        "i-06b1e93d50f7c2a48  m6i.large  spot   eu-west-1a  running  25 min  job 8142377",
      ),
      row("1795858080-51c9a3fe", "i-02c7a8f4e61d9b053  m6i.large  spot   eu-west-1b  running  7 min   idle"),
    ]);
  });

  it("says so where there is nothing", () => {
    const text = statusText({ ...sampleStatus, bastions: [], workers: [], mirrors: undefined });
    expect(text).toContain("Bastion: there is none\n\nWorkers: none\n\nRegistry mirror: switched off\n");
    expect(statusText({ ...sampleStatus, mirrors: [] })).toContain("Registry mirror: none has reported\n");
  });

  it("tells a bastion that is silent from one that never reported", () => {
    const bastions = [
      { machine: machine("i-silent"), reported: bastionReport({ state: "draining" }, 400) },
      { machine: machine("i-new", { launched: ago(30) }), reported: undefined },
    ];
    expect(statusText({ ...sampleStatus, bastions })).toContain(
      [
        "  INSTANCE  STATE    AGE     RUNNER    REPORTED            CONFIGURATION 14",
        "  i-silent  running  60 min  draining  6 min ago (silent)  in force",
        "  i-new     running  30 s    unknown   never               unknown",
        "",
      ].join("\n"),
    );
  });

  it("says why a configuration was rejected, and tells it from one that has not arrived", () => {
    const of = (configuration: string) =>
      statusText({
        ...sampleStatus,
        bastions: [
          {
            machine: machine("i-bastion"),
            reported: bastionReport({ configuration, configurationSha256: "0" }),
          },
        ],
      });
    const rejected = of("failed: gitlab-runner rejects config.toml: unknown key");
    expect(rejected).toMatch(/i-bastion .* rejected\n/);
    expect(rejected).toContain(
      "  i-bastion failed to take what is published: gitlab-runner rejects config.toml: unknown key\n",
    );
    expect(of(`ok ${publishedSha256}`)).toMatch(/i-bastion .* not yet in force\n\n/);
  });

  it("names the mirror's services that are not active", () => {
    const services = { "registry-front": "active", "layer-cache": "failed" };
    const mirrors = sampleStatus.mirrors?.map(({ machine, reported }) => ({
      machine,
      reported: reported && { ...reported, report: { ...reported.report, services } },
    }));
    expect(statusText({ ...sampleStatus, mirrors })).toMatch(/41\.2 % used {2}layer-cache failed\n/);
  });

  it("shows the rest when the sweep does not answer", () => {
    const text = statusText({ ...sampleStatus, nextSweep: { unknown: "The sweep failed: no memory." } });
    expect(text).toMatch(/^Stack dev/);
    expect(text).toMatch(/\nWhat the next sweep removes is unknown: The sweep failed: no memory\.\n$/);
  });
});
