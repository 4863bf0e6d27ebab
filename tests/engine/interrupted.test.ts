import {
  DeleteAutoScalingGroupCommand,
  paginateDescribeAutoScalingGroups,
} from "@aws-sdk/client-auto-scaling";
import { DeleteBucketCommand } from "@aws-sdk/client-s3";
import { DeleteParameterCommand } from "@aws-sdk/client-ssm";
import type { ChildProcess } from "child_process";
import { once } from "events";
import { setTimeout } from "timers/promises";
import { Emulator } from "../tools/emulator";
import { describeWith, program } from "../tools/programs";
import { Account, all } from "./account";
import { FaultProxy, type Calls } from "./fault-proxy";
import { EngineStack } from "./project";

const up = ["up", "--yes", "--skip-preview"];

describeWith("an interrupted up", [program("pulumi"), program("moto_server")], () => {
  let emulator: Emulator;
  let proxy: FaultProxy;
  let account: Account;
  let stack: EngineStack;

  const counts = async () => {
    const inventory = await account.inventory();
    const kinds = [
      "instances",
      "groups",
      "volumes",
      "vpcEndpoints",
      "buckets",
      "users",
      "parameters",
      "zones",
      "instanceProfiles",
    ];
    return Object.fromEntries(kinds.map((kind) => [kind, inventory[kind]?.length]));
  };
  const complete = {
    instances: 2,
    groups: 1,
    volumes: 3,
    vpcEndpoints: 1,
    buckets: 1,
    users: 1,
    parameters: 7,
    zones: 1,
    instanceProfiles: 3,
  };

  /** What of this fleet is called bastion, by its tags. */
  const calledBastion = async <
    Item extends { Tags?: { Key?: string | undefined; Value?: string | undefined }[] | undefined },
  >(
    items: Item[],
  ) => {
    const fleetId = (await stack.state()).find(({ urn }) => urn.endsWith("::fleet"))?.outputs["hex"];
    return items.filter(({ Tags = [] }) => {
      const isTagged = (key: string, value: unknown) =>
        Tags.some((tag) => tag.Key === key && tag.Value === value);
      return isTagged("Name", "bastion") && isTagged("fleet-id", fleetId);
    });
  };
  const bastions = async () =>
    (await calledBastion(await account.instances())).map(({ InstanceId = "" }) => InstanceId);
  const groups = async () => {
    const pages = paginateDescribeAutoScalingGroups({ client: account.autoScaling }, {});
    const found = await calledBastion(await all(pages, ({ AutoScalingGroups }) => AutoScalingGroups));
    return found.map(({ AutoScalingGroupName = "" }) => AutoScalingGroupName);
  };
  /** The bucket and the parameter that were being created, by their names, in whatever order. */
  const interrupted = async () => {
    const pending = (await stack.pendingCreates()).map(({ inputs }) => inputs);
    const bucket = pending.find((inputs) => inputs.bucket !== undefined);
    const parameter = pending.find(({ name }) => name?.startsWith("/") === true);
    const others = pending.filter((inputs) => inputs !== bucket && inputs !== parameter);
    return { bucket: bucket?.bucket, parameter: parameter?.name, others };
  };
  /** What README.md says to do: removes what Pulumi does not know of, and lets it make it again. */
  const repair = async (remove: () => Promise<unknown>) => {
    await stack.must("cancel", "--yes");
    await remove();
    await stack.must("refresh", "--yes", "--skip-preview", "--clear-pending-creates");
    expect(await stack.pendingCreates()).toEqual([]);
    await stack.up();
    expect(await counts()).toEqual(complete);
    await stack.must("preview", "--expect-no-changes");
  };
  const begin = () => {
    const child = stack.start(...up);
    return { child, ended: once(child, "exit").then(([code]: unknown[]) => code) };
  };
  const printed = (child: ChildProcess, text: RegExp) =>
    new Promise<void>((found, failed) => {
      let sofar = "";
      child.stdout?.on("data", (more: Buffer) => {
        sofar += more.toString();
        if (text.test(sofar)) found();
      });
      child.once("exit", () => {
        failed(new Error(`the up ended too early:\n${sofar}`));
      });
    });
  /** Waits until nothing else is under way any more. */
  const onlyPending = async (count: number) => {
    let quiet = 0;
    while (quiet < 3) {
      await setTimeout(3000);
      quiet = (await stack.pendingCreates()).length === count ? quiet + 1 : 0;
    }
  };
  /** Kills an `up` that waits for answers to these calls only, which AWS has done. */
  const killWithout = async (...answers: Calls[]) => {
    const kept = proxy.holdAnswer(...answers);
    const { child, ended } = begin();
    await Promise.race([
      kept.then(() => onlyPending(answers.length)),
      ended.then(() => Promise.reject(new Error("the up ended too early"))),
    ]);
    process.kill(-(child.pid ?? NaN), "SIGKILL");
    await ended;
    proxy.heal();
  };

  beforeAll(async () => {
    emulator = await Emulator.start();
    proxy = await FaultProxy.start(emulator.url);
    account = new Account(emulator.url, "eu-west-1");
    stack = await EngineStack.init("dev", { emulator: proxy.url }, { default: "glrt-default" });
  });

  afterAll(async () => {
    stack.remove();
    await proxy.stop();
    await emulator.stop();
  });

  describe("by the death of Pulumi, when AWS had made what Pulumi never heard of", () => {
    it("keeps the stack locked, and its state names what was under way", async () => {
      await killWithout(
        { action: "s3 CreateBucket" },
        { action: "ssm PutParameter", saying: "registry-mirror/http-secret" },
      );
      const { code, stderr } = await stack.run(...up);
      expect(code).not.toBe(0);
      expect(stderr).toContain("the stack is currently locked by 1 lock(s)");
      const { bucket, parameter, others } = await interrupted();
      expect([bucket]).toEqual((await account.inventory())["buckets"]);
      expect(parameter).toBe("/gitlab-runner-fleet/dev/registry-mirror/http-secret");
      expect(others).toEqual([]);
    });

    it("makes one of each, when these are removed", async () => {
      const { bucket, parameter } = await interrupted();
      await repair(async () => {
        await account.s3.send(new DeleteBucketCommand({ Bucket: bucket }));
        await account.ssm.send(new DeleteParameterCommand({ Name: parameter }));
      });
    });

    it("leaves a group with its instance that are found by their tags, and the state does not know", async () => {
      const former = await stack.idOf("bastion-group");
      await stack.must("config", "set", "--path", "bastion.swapSize", "2");
      await killWithout({ action: "autoscaling CreateAutoScalingGroup" });
      const pending = await stack.pendingCreates();
      expect(pending.map(({ urn }) => urn.split("::").at(-1))).toEqual(["bastion-group"]);
      const strays = (await groups()).filter((group) => group !== former);
      expect(strays).toHaveLength(1);
      expect(await bastions()).toHaveLength(2);
      await repair(async () => {
        for (const AutoScalingGroupName of strays) {
          const command = new DeleteAutoScalingGroupCommand({ AutoScalingGroupName, ForceDelete: true });
          await account.autoScaling.send(command);
        }
      });
      expect(await bastions()).toHaveLength(1);
    });
  });

  describe("by Ctrl-C", () => {
    it("ends what is under way, and the next up goes on", async () => {
      const [former] = await bastions();
      await stack.must("config", "set", "--path", "bastion.swapSize", "3");
      const { child, ended } = begin();
      await printed(child, /bastion-group creating/);
      child.kill("SIGINT");
      expect(await ended).not.toBe(0);
      expect(await stack.pendingCreates()).toEqual([]);
      const applied = await stack.applied();
      expect(applied.filter((change) => !change.startsWith("update observability-"))).toEqual([
        ...[1, 2, 3, 4, 5, 6].map((step) => `update sweep-handover-${step}`),
        "delete-replaced bastion-group",
      ]);
      expect(await bastions()).not.toContain(former);
      expect(await counts()).toEqual(complete);
    });

    it("shows what it waits for when AWS does not answer, ends when pressed again, and the next up goes on", async () => {
      await stack.must("config", "set", "--path", "runners[0].limit", "7");
      const held = proxy.hold({ action: "ssm PutParameter" });
      const { child, ended } = begin();
      await Promise.all([held, printed(child, /bastion-config.toml updating/)]);
      child.kill("SIGINT");
      await setTimeout(5000);
      child.kill("SIGINT");
      const pressed = Date.now();
      expect(await ended).not.toBe(0);
      expect(Date.now() - pressed).toBeLessThan(20_000);
      proxy.heal();

      await stack.must("cancel", "--yes");
      expect(await stack.applied()).toEqual(["update bastion-config.toml"]);
      expect(await counts()).toEqual(complete);
      await stack.must("preview", "--expect-no-changes");
    });
  });
});
