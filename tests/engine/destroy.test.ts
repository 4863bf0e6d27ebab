import { TerminateInstancesCommand } from "@aws-sdk/client-ec2";
import { CreateInstanceProfileCommand } from "@aws-sdk/client-iam";
import { handoverSteps } from "../../components/sweep";
import { Emulator } from "../tools/emulator";
import { describeWith, program } from "../tools/programs";
import { Account, type Inventory } from "./account";
import { makeMachine } from "./machines";
import { EngineStack } from "./project";

const handovers = Array.from({ length: handoverSteps(3600) }, (_, i) => `sweep-handover-${i + 1}`);

describeWith("a fleet with workers at work", [program("pulumi"), program("moto_server")], () => {
  let emulator: Emulator;
  let account: Account;
  let stack: EngineStack;
  /** All that there is besides the fleet. */
  let others: Inventory;
  let machines = 0;

  const bastion = async () => String((await stack.outputs())["bastionInstanceId"]);
  const fleetId = async () => Buffer.from(await stack.idOf("fleet"), "base64url").toString("hex");
  const subnetOf = async (id: string) =>
    (await account.instances()).find(({ InstanceId }) => InstanceId === id)?.SubnetId ?? "";
  /** Makes a worker of the bastion, and one with a spot machine's missing tags. */
  const putToWork = async () => {
    const [id, fleet, profile] = [await bastion(), await fleetId(), await stack.idOf("workers-profile")];
    const subnetId = await subnetOf(id);
    const make = async (tags: Record<string, string>) => {
      const name = `runner-abc-${fleet}-worker-${++machines}`;
      return { name, id: await makeMachine(account, { name, profile, subnetId, tags }) };
    };
    const tagged = await make({ "fleet-bastion": id });
    const untagged = await make({});
    return { tagged: tagged.id, untagged: untagged.id, keyPair: tagged.name };
  };

  beforeAll(async () => {
    emulator = await Emulator.start();
    account = new Account(emulator.url, "eu-west-1");
    await account.iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: "workers-profile-0" }));
    await makeMachine(account, {
      name: "runner-abc-00000000-worker-1-a",
      profile: "workers-profile-0",
      subnetId: (await account.defaultSubnets())[0] ?? "",
      tags: { "fleet-id": "00000000", "fleet-bastion": "i-0123456789abcdef0" },
    });
    others = await account.inventory();
    stack = await EngineStack.init("dev", { emulator: emulator.url }, { default: "glrt-default" });
    await stack.up();
  });

  afterAll(async () => {
    stack.remove();
    await emulator.stop();
  });

  it("loses a replaced bastion's workers when the new bastion is there, and before the old one's group goes", async () => {
    const { tagged, untagged, keyPair } = await putToWork();
    const former = await bastion();
    await stack.must("config", "set", "--path", "bastion.swapSize", "2");
    const applied = await stack.applied();
    const order = [
      "create-replacement bastion-group",
      ...handovers.map((name) => `update ${name}`),
      "delete-replaced bastion-group",
    ];
    expect(applied.filter((change) => order.includes(change))).toEqual(order);
    const { instances, keyPairs } = await account.inventory();
    expect(instances).not.toContain(former);
    expect(instances).not.toContain(tagged);
    expect(keyPairs).not.toContain(keyPair);
    // Nobody says whose it is: the sweep finds out, when it is old.
    expect(instances).toContain(untagged);
    expect(instances).toContain(await bastion());
  });

  it("stays when the time for jobs to finish changes: a step that is no longer needed ends nothing", async () => {
    const { tagged } = await putToWork();
    await stack.must("config", "set", "--path", "bastion.drainTimeout", "0");
    const applied = await stack.applied();
    expect(applied).toContain(`delete ${handovers.at(-1) ?? ""}`);
    const { instances } = await account.inventory();
    expect(instances).toEqual(expect.arrayContaining([await bastion(), tagged]));
    await stack.must("config", "rm", "--path", "bastion.drainTimeout");
    await stack.up();
  });

  it("goes in one command while its bastion lives and says nothing: its workers first, then the bastion, then the rest", async () => {
    await putToWork();
    const destroyed = await stack.destroyed();
    expect(await account.inventory()).toEqual(others);
    const last = destroyed.indexOf(`delete ${handovers[0] ?? ""}`);
    // What watches may go at any time.
    const before = destroyed
      .slice(0, last + 1)
      .filter((change) => !change.startsWith("delete observability-"))
      .sort();
    expect(before).toEqual(
      [...handovers, "sweep-schedule", "sweep-schedule-permission", "sweep-schedule-target"].map(
        (name) => `delete ${name}`,
      ),
    );
  });

  it("goes in one command when its bastion is dead", async () => {
    await stack.up();
    await putToWork();
    await account.ec2.send(new TerminateInstancesCommand({ InstanceIds: [await bastion()] }));
    await stack.destroy();
    expect(await account.inventory()).toEqual(others);
  });
});
