import { describeWith } from "../tools/programs";
import { Fleet } from "./fleet";
import { anyRunner, fleetRequirements } from "./requirements";
import { endOf } from "./gitlab";

jest.setTimeout(300_000);

describeWith("A job", fleetRequirements, () => {
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = await Fleet.start({ runners: [{ name: "default", ...anyRunner }] });
  });

  afterAll(async () => {
    await fleet.stop();
  });

  it("runs in a container on a machine that came by itself, and its log arrives", async () => {
    const job = fleet.gitlab.queue({ script: ["echo hello from $(cat /etc/hostname)"] });

    const end = await fleet.gitlab.end(job, 60);
    console.log(fleet.bastion.log().slice(-6000), job.trace, JSON.stringify(job.reports));
    expect(end).toBe("success");
    expect(endOf(job)?.failureReason).toBeUndefined();
  });
});
