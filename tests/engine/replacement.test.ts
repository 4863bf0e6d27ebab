import {
  DescribeVolumesCommand,
  paginateDescribeImages,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import { ListResourceRecordSetsCommand } from "@aws-sdk/client-route-53";
import { registry } from "../../components/versions";
import { Emulator } from "../tools/emulator";
import { describeWith, program } from "../tools/programs";
import { Account, all } from "./account";
import { FaultProxy } from "./fault-proxy";
import { ProgramCopy } from "./program-copy";
import { EngineStack } from "./project";

describeWith("a replaced instance", [program("pulumi"), program("moto_server")], () => {
  let emulator: Emulator;
  let proxy: FaultProxy;
  let account: Account;
  let stack: EngineStack;

  /** What jobs and other stacks would lose. */
  const precious = async () => {
    const names = /::(cache-bucket|cache-user|registry-mirror-data|registry-mirror-zone)$/;
    const held = (await stack.state())
      .filter(({ urn }) => names.test(urn))
      .map(({ urn, id }) => [urn, id] as const);
    expect(held).toHaveLength(4);
    return new Map(held);
  };
  const attachmentOf = async (volumeId: string) =>
    (await account.ec2.send(new DescribeVolumesCommand({ VolumeIds: [volumeId] }))).Volumes?.map(
      ({ Attachments }) => Attachments?.map(({ InstanceId }) => InstanceId),
    );
  const addressesOf = async (host: string) => {
    const zone = (await account.inventory())["zones"];
    expect(zone).toEqual(["dev.gitlab-runner-fleet.internal."]);
    const HostedZoneId = await stack.idOf("registry-mirror-zone");
    const { ResourceRecordSets = [] } = await account.route53.send(
      new ListResourceRecordSetsCommand({ HostedZoneId }),
    );
    return ResourceRecordSets.filter(({ Name, Type }) => Name === `${host}.` && Type === "A").flatMap(
      ({ ResourceRecords = [] }) => ResourceRecords.map(({ Value }) => Value),
    );
  };
  const instance = async (id: string) =>
    (await account.instances()).find(({ InstanceId }) => InstanceId === id);

  /** The bastion that runs. */
  const bastion = async () => {
    const [only, ...others] = await account.instancesOf(await stack.idOf("bastion-group"));
    expect(others).toEqual([]);
    return only;
  };
  const bastionId = async () => (await bastion())?.InstanceId;
  const replacedBastion = [
    "update bastion-launch-template",
    "create-replacement bastion-group",
    "replace bastion-group",
    ...[1, 2, 3, 4, 5, 6].map((step) => `update sweep-handover-${step}`),
    "delete-replaced bastion-group",
  ];
  /** Alarms follow what they watch, at any time after it. */
  const appliedButAlarms = async () =>
    (await stack.applied()).filter((change) => !change.startsWith("update observability-"));

  beforeAll(async () => {
    emulator = await Emulator.start();
    proxy = await FaultProxy.start(emulator.url);
    account = new Account(emulator.url, "eu-west-1");
    stack = await EngineStack.init("dev", { emulator: proxy.url }, { default: "glrt-default" });
    await stack.up();
  });

  afterAll(async () => {
    stack.remove();
    await proxy.stop();
    await emulator.stop();
  });

  it("comes first when the bastion's boot changes: the former goes when the new one runs, and nothing else is touched", async () => {
    const [kept, former] = [await precious(), await stack.idOf("bastion-group")];
    await stack.must("config", "set", "--path", "bastion.swapSize", "2");
    proxy.calls.length = 0;
    const both: (string | undefined)[][] = [];
    proxy.before({ action: "autoscaling DeleteAutoScalingGroup" }, async () => {
      const { groups = [] } = await account.inventory();
      const running = await Promise.all(groups.map((group) => account.instancesOf(group)));
      both.push(
        groups,
        running.map((instances) => instances.map(({ State }) => State?.Name).join()),
      );
    });
    expect(await appliedButAlarms()).toEqual(replacedBastion);
    proxy.heal();
    const present = await stack.idOf("bastion-group");
    const [groups = [], states = []] = both;
    // The sweep has let the former one drain and emptied its group, once the new one was there.
    expect(Object.fromEntries(groups.map((group, i) => [group, states[i]]))).toEqual({
      [former]: "",
      [present]: "running",
    });
    expect((await account.inventory())["groups"]).toEqual([present]);
    expect(await account.instancesOf(former)).toEqual([]);
    expect(await bastionId()).toBe((await stack.outputs())["bastionInstanceId"]);
    expect(await precious()).toEqual(kept);
  });

  it("leaves no bastion that is at work to Pulumi's deletion when an up failed on the way, and the next one makes another", async () => {
    await stack.must("config", "set", "--path", "bastion.swapSize", "3");
    proxy.answerAlways([
      {
        action: "lambda Invoke",
        fault: { status: 400, code: "InvalidRequestContentException", message: "Not today." },
      },
    ]);
    const { code, stdout } = await stack.run("up", "--yes", "--skip-preview");
    expect(code).not.toBe(0);
    expect(stdout).toContain("sweep-handover-1");
    const { groups: formers = [] } = await account.inventory();
    expect(formers).toHaveLength(2);

    await stack.must("config", "set", "--path", "bastion.swapSize", "4");
    const atWork: string[] = [];
    proxy.before({ action: "autoscaling DeleteAutoScalingGroup" }, async () => {
      for (const group of formers) {
        if ((await account.instancesOf(group)).length > 0) atWork.push(group);
      }
    });
    const applied = await appliedButAlarms();
    proxy.heal();
    expect(applied.filter((change) => change === "delete-replaced bastion-group")).toHaveLength(2);
    expect(atWork).toEqual([]);
    expect((await account.inventory())["groups"]).toEqual([await stack.idOf("bastion-group")]);
  });

  it("comes by itself when the bastion is terminated, and Pulumi has nothing to do but to name it", async () => {
    const [former = "", group] = [await bastionId(), await stack.idOf("bastion-group")];
    await account.ec2.send(new TerminateInstancesCommand({ InstanceIds: [former] }));
    expect(await bastionId()).not.toBe(former);
    expect((await bastion())?.Tags).toEqual(expect.arrayContaining([{ Key: "Name", Value: "bastion" }]));
    expect(await stack.applied()).toEqual([]);
    expect(await stack.idOf("bastion-group")).toBe(group);
    expect((await stack.outputs())["bastionInstanceId"]).toBe(await bastionId());
    await stack.must("preview", "--expect-no-changes");
  });

  it("is not made for a new Ubuntu release, but for an image that the stack file names", async () => {
    const images = await all(
      paginateDescribeImages({ client: account.ec2 }, { Owners: ["099720109477"] }),
      ({ Images }) => Images,
    );
    const former = await bastion();
    const image = images.find(
      ({ ImageId, Architecture }) => ImageId !== former?.ImageId && Architecture === "x86_64",
    )?.ImageId;
    expect(image).toBeDefined();
    await stack.must("config", "set", "--path", "bastion.image.id", image ?? "");
    await stack.must("config", "set", "--path", "bastion.image.architecture", "amd64");
    expect(await appliedButAlarms()).toEqual(replacedBastion);
    expect((await bastion())?.ImageId).toBe(image);
  });

  it("takes over the registry mirror's data and name when the registry's version changes", async () => {
    const [kept, former] = [await precious(), await stack.idOf("registry-mirror-instance")];
    const volumeId = await stack.idOf("registry-mirror-data");
    const next = new ProgramCopy();
    try {
      next.replace("components/versions.ts", `version: "${registry.version}"`, 'version: "99.0.0"');
      stack.useProgram(next.folder);
      const applied = await appliedButAlarms();
      // The name moves at the same time as the volume.
      expect(applied.filter((change) => change !== "update registry-mirror-name")).toEqual([
        "create-replacement registry-mirror-instance",
        "replace registry-mirror-instance",
        "delete-replaced registry-mirror-data-attachment",
        "replace registry-mirror-data-attachment",
        "create-replacement registry-mirror-data-attachment",
        "delete-replaced registry-mirror-instance",
      ]);
      expect(applied).toContain("update registry-mirror-name");
      expect(applied.at(-1)).toBe("delete-replaced registry-mirror-instance");
    } finally {
      stack.useProgram();
      next.remove();
    }
    const present = await stack.idOf("registry-mirror-instance");
    expect(present).not.toBe(former);
    expect(await instance(former)).toBeUndefined();
    expect(await precious()).toEqual(kept);
    expect(await attachmentOf(volumeId)).toEqual([[present]]);
    expect(await addressesOf("registry-mirror.dev.gitlab-runner-fleet.internal")).toEqual([
      (await instance(present))?.PrivateIpAddress,
    ]);
  });

  it("leaves one bastion, one registry mirror and one data volume, and the stack has nothing left to do", async () => {
    stack.useProgram();
    await stack.up();
    const { instances, volumes } = await account.inventory();
    expect(instances).toHaveLength(2);
    expect(volumes).toHaveLength(3);
    await stack.must("preview", "--expect-no-changes");
  });
});
