import { join } from "node:path";
import { RunError } from "@pulumi/pulumi";
import { planFiles, planFleet } from "../../cli/fleet-plan";
import { UserProblem } from "../../cli/problem";
import { ofType } from "../../cli/resources";
import { readStackConfiguration } from "../../cli/stack-file";
import { jsonSummary, textSummary } from "../../cli/summary";
import { fixtureConfiguration, planFixture } from "./helpers/plan";

describe("the plan of a program", () => {
  it("shows what only AWS knows by its name", async () => {
    const { resources, artefacts } = await planFixture();
    const [template] = ofType(resources, "aws:ec2/launchTemplate:LaunchTemplate");
    expect(template).toMatchObject({
      parent: "fleet:index:Bastion::bastion",
      inputs: {
        imageId: "<ubuntu-24.04-amd64>",
        networkInterfaces: [{ securityGroups: ["<bastion-security-group.id>"] }],
      },
    });
    const [group] = ofType(resources, "aws:autoscaling/group:Group");
    expect(group?.inputs).toMatchObject({
      vpcZoneIdentifiers: ["<network-vpc-private-1.subnetId>"],
      launchTemplate: { id: "<bastion-launch-template.id>" },
    });
    expect(artefacts.runnerConfig).toContain('"amazonec2-security-group=<workers-security-group.name>"');
  });

  it("has no secret in any of its files and summaries", async () => {
    const plan = await planFixture();
    const written = { folder: "plan/test", files: [] };
    const texts = [...planFiles(plan).values(), textSummary(plan, written), jsonSummary(plan, written)];
    expect(texts.filter((text) => text.includes("planted"))).toEqual([]);
    const parameters = ofType(plan.resources, "aws:ssm/parameter:Parameter");
    expect(parameters).toContainEqual(
      expect.objectContaining({
        name: "bastion-runner-token-default",
        inputs: expect.objectContaining({ value: "<secret>" }) as unknown,
      }),
    );
  });

  it("has none of the fleet's own secrets either", async () => {
    const dev = readStackConfiguration(join(__dirname, "..", ".."), "dev");
    const tokens = { "gitlab-runner-fleet:runnerTokens": '{"default":"glrt-planted"}' };
    const dockerHub = { "gitlab-runner-fleet:dockerHub": '{"username":"someone","password":"planted"}' };
    const secrets = { ...tokens, ...dockerHub };
    const plan = await planFleet(
      { ...dev, values: { ...dev.values, ...secrets }, secretKeys: Object.keys(secrets) },
      () => import("../../index"),
    );
    const files = planFiles(plan);
    expect(files.get("resources.json")).toContain("someone");
    expect([...files].filter(([, text]) => text.includes("planted"))).toEqual([]);
  });

  it("shows as secret what the provider makes secret, wherever the program puts it", async () => {
    const { resources } = await planFixture();
    const password = resources.find(({ name }) => name === "password");
    expect(password?.inputs).toMatchObject({ insecureValue: "<secret>" });
  });

  it("is the same to the byte every time", async () => {
    const first = planFiles(await planFixture());
    const second = planFiles(await planFixture());
    expect([...second]).toEqual([...first]);
  });

  it("repeats what the program warned of, and what the stack file did, once", async () => {
    const { warnings } = await planFixture({ warnings: ["The stack file warns.", "The fixture warns."] });
    expect(warnings).toEqual(["The stack file warns.", "The fixture warns."]);
  });

  it("writes these files", async () => {
    expect([...planFiles(await planFixture()).keys()].sort()).toEqual([
      "config.toml",
      "index.html",
      "network.svg",
      "policies/bastion-fleet-policy.json",
      "policies/bastion-role.json",
      "policies/network-s3.json",
      "resources.json",
      "user-data/bastion/cloud-config.yaml",
      "user-data/bastion/files/etc/fleet/bastion.env",
      "user-data/bastion/files/opt/fleet/sync",
      "user-data/bastion/modes.txt",
      "user-data/worker/cloud-config.yaml",
    ]);
  });

  it("is summed up for people", async () => {
    const plan = await planFixture({ missingSecrets: ["runnerTokens.default"] });
    expect(textSummary(plan, { folder: "plan/test", files: ["a", "b", "index.html"] })).toMatchSnapshot();
  });

  it("is summed up for programs", async () => {
    const plan = await planFixture();
    const summary: unknown = JSON.parse(jsonSummary(plan, { folder: "plan/test", files: ["index.html"] }));
    expect(summary).toMatchObject({
      project: "gitlab-runner-fleet",
      stack: "test",
      region: "eu-west-1",
      resources: { total: 40, byType: { "aws:autoscaling:Group": 1, "aws:ec2:Subnet": 4 } },
      ports: [
        { from: "bastion", to: "workers", port: "22", rule: "both" },
        { from: "workers", to: "anywhere", port: "all", rule: "out" },
      ],
      runners: [{ name: "default", limit: 10, instanceType: "m5.large", idleHoursPerWeek: 100 }],
      cost: { region: "eu-west-1", monthly: 100.34, unknown: [] },
      warnings: ["The fixture warns."],
      missingSecrets: [],
      folder: "plan/test",
      files: ["index.html"],
    });
  });

  describe("fails", () => {
    const failing = (error: Error) =>
      planFleet({ ...fixtureConfiguration, values: {} }, () => {
        throw error;
      });

    it("with the program's own error", async () => {
      await expect(failing(new TypeError("the program is wrong"))).rejects.toThrow(
        new TypeError("the program is wrong"),
      );
    });

    it("with nothing but the message when the program says that the configuration is wrong", async () => {
      await expect(failing(new RunError("the stack file is wrong"))).rejects.toThrow(
        new UserProblem("the stack file is wrong"),
      );
    });
  });
});
