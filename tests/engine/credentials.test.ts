import { Emulator } from "../tools/emulator";
import { describeWith, program } from "../tools/programs";
import { Account } from "./account";
import { EngineStack } from "./project";

const userParts = [
  "cache-access-key",
  "cache-credentials",
  "cache-user",
  "cache-user-policy",
  "bastion-user-fleet-policy",
];
const roleParts = ["bastion-role-cache-policy", "bastion-role-fleet-policy"];
const every = (operation: string, names: string[]) => names.map((name) => `${operation} ${name}`);

describeWith("the credentials of the runner manager", [program("pulumi"), program("moto_server")], () => {
  let emulator: Emulator;
  let account: Account;
  let stack: EngineStack;

  const state = async () => {
    const { users, accessKeys, instances, parameters } = await account.inventory();
    return {
      users: users?.length,
      accessKeys: accessKeys?.length,
      instances,
      published: parameters?.includes("/gitlab-runner-fleet/prod/bastion/aws-credentials"),
    };
  };
  let instances: string[] | undefined;

  beforeAll(async () => {
    emulator = await Emulator.start();
    account = new Account(emulator.url, "eu-central-1");
    stack = await EngineStack.init(
      "prod",
      { emulator: emulator.url },
      { build: "glrt-build", test: "glrt-test" },
    );
    stack.configure({ "gitlab-runner-fleet:registryMirror": { enabled: false } });
  });

  afterAll(async () => {
    stack.remove();
    await emulator.stop();
  });

  it("are the bastion's own role with instance-profile: no user, no key", async () => {
    await stack.up();
    instances = (await account.inventory())["instances"];
    expect(instances).toHaveLength(1);
    expect(await state()).toEqual({ users: 0, accessKeys: 0, instances, published: false });
  });

  it("become an IAM user's key: its permissions are there before the role loses its own", async () => {
    await stack.must("config", "set", "credentials", "iam-user");
    const applied = await stack.applied();
    expect([...applied].sort()).toEqual(
      [...every("create", userParts), ...every("delete", roleParts)].sort(),
    );
    expect(applied.slice(-2).sort()).toEqual(every("delete", roleParts));
    expect(await state()).toEqual({ users: 1, accessKeys: 1, instances, published: true });
  });

  it("go back to the role, and leave no user behind", async () => {
    await stack.must("config", "set", "credentials", "instance-profile");
    const applied = await stack.applied();
    expect([...applied].sort()).toEqual(
      [...every("create", roleParts), ...every("delete", userParts)].sort(),
    );
    expect(applied.slice(0, 2).sort()).toEqual(every("create", roleParts));
    expect(await state()).toEqual({ users: 0, accessKeys: 0, instances, published: false });
  });
});
