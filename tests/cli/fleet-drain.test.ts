import { drainState } from "../../cli/fleet/drain";
import { UserProblem } from "../../cli/problem";
import { ago, bastionReport, now } from "./fixtures/fleet-status";

const since = ago(90);

describe("a draining bastion", () => {
  it("is drained when it says so", () => {
    expect(drainState("i-1", bastionReport({ state: "drained" }), since, now)).toBe("drained");
  });

  it("is not drained because it was once before", () => {
    const earlier = bastionReport({ state: "drained" }, 100);
    expect(drainState("i-1", earlier, since, now)).toBe("waiting for its next report");
  });

  it("says how many of its machines have a job", () => {
    const machines = [
      { name: "runner-1", job: 11 },
      { name: "runner-2", job: null },
    ];
    expect(drainState("i-1", bastionReport({ state: "draining", machines }), since, now)).toBe(
      "draining, 1 of 2 machines with a job",
    );
  });

  it("is given up when it is silent for more than five minutes", () => {
    const silent = () => drainState("i-1", bastionReport({}, 301), since, now);
    expect(silent).toThrow(UserProblem);
    expect(silent).toThrow("i-1 has not reported for 5 min: whether it drains is not known.");
    expect(drainState("i-1", undefined, since, now)).toBe("waiting for its next report");
    expect(() => drainState("i-1", undefined, ago(301), now)).toThrow("i-1 has not reported for 5 min");
  });
});
