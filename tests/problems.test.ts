import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { DistributedCache } from "../components/distributed-cache";
import { Network } from "../components/network";
import { pathText } from "../components/path-text";
import { checkArgs, input } from "../components/problems";
import { days } from "../components/schemas";
import { cacheArgs, networkArgs } from "./helpers/fleet";

describe("a component's arguments", () => {
  it("that cannot be are all named in one error, before anything is made", () => {
    const make = () =>
      new Network("network", {
        region: "mars",
        cidrBlock: "10.0.0.0/33",
        existing: { vpcId: "vpc", subnetIds: [] },
      });
    expect(make).toThrow(pulumi.InputPropertiesError);
    expect(make).toThrow(
      [
        'cidrBlock: "10.0.0.0/33": must be an IPv4 block from /16 to /24, e.g. 10.0.0.0/16',
        'existing.vpcId: "vpc": must be the id of a VPC, e.g. vpc-0123456789abcdef0',
        "existing.subnetIds: []: must have at least one subnet",
        'cidrBlock: "10.0.0.0/33": belongs to a new VPC; remove it, or remove existing',
      ].join("; "),
    );
    expect(make).toThrow(/^Network: region: "mars": must be a region/);
  });

  it("of an existing VPC exclude those of a new one", () => {
    const existing = { vpcId: "vpc-0a1b2c3d", subnetIds: ["subnet-0a1b2c3d"] };
    expect(() => new Network("network", { ...networkArgs, natGateways: "single", existing })).toThrow(
      'natGateways: "single": belongs to a new VPC; remove it, or remove existing',
    );
  });

  it("are checked where they are known", () => {
    expect(() => new DistributedCache("cache", { ...cacheArgs, expirationDays: 0 })).toThrow(
      "expirationDays: 0: must be a whole number of days from 1 to 3650",
    );
  });

  it("may be outputs and promises, which are not known yet", () => {
    const schema = z.object({ days: input(days) });
    for (const value of [pulumi.output(0), Promise.resolve(0), 5]) {
      expect(() => {
        checkArgs("Subject", schema, { days: value });
      }).not.toThrow();
    }
  });
});

describe("a path", () => {
  it("is written as in TypeScript", () => {
    expect(pathText(["runners", 1, "autoscaling", 0, "periods", 0])).toBe(
      "runners[1].autoscaling[0].periods[0]",
    );
    expect(pathText(["runnerTokens", "a.b"])).toBe('runnerTokens["a.b"]');
  });
});
