import { ListObjectsV2Command } from "@aws-sdk/client-s3";
import { AttachedPolicies } from "../engine/policy-simulator";
import { accessRequests, type CallScope } from "../engine/worker-calls";
import { describeWith } from "../tools/programs";
import { Fleet } from "./fleet";
import { eventually, machineOf } from "./gitlab";
import { anyRunner, fleetRequirements } from "./requirements";

jest.setTimeout(240_000);

describeWith("Images, caches and permissions", fleetRequirements, () => {
  let fleet: Fleet;
  let policies: AttachedPolicies;
  let scope: CallScope;

  const accessKey = () => fleet.stack.idOf("aws:iam/accessKey:AccessKey", "cache-access-key");
  const bucket = () => fleet.stack.outputOf("aws:s3/bucket:Bucket", "cache-bucket", "bucket");
  const cache = { key: "dependencies", paths: ["modules/"] };

  beforeAll(async () => {
    const runner = { ...anyRunner, cache: { shared: true }, machine: { idleTime: 600, maxBuilds: 1 } };
    const onDemand = { instanceType: "c6i.large", spot: null };
    fleet = await Fleet.start({
      runners: [
        { ...runner, name: "on-demand", workers: onDemand },
        { ...runner, name: "spot", workers: { spot: {} } },
      ],
    });
    const userArn = fleet.stack.outputOf("aws:iam/user:User", "cache-user", "arn");
    policies = await AttachedPolicies.ofUser(fleet.account, userArn);
    const profile = fleet.stack.outputOf(
      "aws:iam/instanceProfile:InstanceProfile",
      "workers-profile",
      "name",
    );
    const roleArn = fleet.stack.outputOf("aws:iam/role:Role", "workers-role", "arn");
    scope = {
      region: "eu-west-1",
      accountId: "123456789012",
      roleArns: { [profile]: roleArn },
      profileArns: {},
    };
  });

  afterAll(async () => {
    await fleet.stop();
  });

  it("the job's image comes through the mirror, and its cache goes into the bucket", async () => {
    const script = ["mkdir modules", "echo from the first job >modules/file"];
    const job = fleet.gitlab.queue({ script, cache, token: "glrt-on-demand-token" });

    expect(await fleet.gitlab.end(job)).toBe("success");
    expect(fleet.mirror.upstreamRequests()).toContainEqual(
      expect.stringMatching(/^GET registry-1\.docker\.io\/v2\/library\/alpine\/manifests\/3\.22$/),
    );
    const { Contents = [] } = await fleet.account.s3.send(new ListObjectsV2Command({ Bucket: bucket() }));
    expect(Contents.map(({ Key }) => Key)).toEqual([expect.stringMatching(/^project\/1\/.*dependencies/)]);
  });

  it("a job on another machine, of another runner, finds it; the image is in the mirror", async () => {
    const job = fleet.gitlab.queue({ script: ["cat modules/file"], cache, token: "glrt-spot-token" });

    expect(await fleet.gitlab.end(job)).toBe("success");
    expect(job.trace).toContain("from the first job");
    expect(new Set(fleet.gitlab.jobs.map(machineOf)).size).toBe(2);
    expect(fleet.mirror.upstreamRequests().filter((request) => request.includes("/blobs/"))).toEqual([]);
  });

  it("every call was made with the fleet's access key, or for parameters with the bastion's role", async () => {
    await eventually(() => fleet.aws.callsOf("ec2:TerminateInstances").length === 2, 60);
    await eventually(() => fleet.aws.callsOf("ec2:DeleteKeyPair").length === 2, 60);

    const callers = new Set(
      fleet.aws.calls.map((call) => `${call.action.split(":")[0] ?? ""} ${call.accessKey}`),
    );
    expect([...callers].sort()).toEqual([
      `ec2 ${accessKey()}`,
      `s3 ${accessKey()}`,
      expect.stringMatching(/^ssm ASIA/),
    ]);
  });

  it("every call is allowed, and everything that is allowed was needed", async () => {
    const { calls } = fleet.aws;
    const profileArn = fleet.stack.outputOf(
      "aws:iam/instanceProfile:InstanceProfile",
      "workers-profile",
      "arn",
    );
    for (const { instance } of fleet.workers.all) scope.profileArns[instance.id] = profileArn;
    const requests = [
      ...calls
        .filter(({ action }) => action.startsWith("ec2:"))
        .flatMap((call) => accessRequests(call, scope)),
      ...calls
        .filter(({ action }) => action.startsWith("s3:"))
        .map(({ request }) => {
          const [method = "", path = ""] = request.split(" ");
          const action = method === "PUT" ? "s3:PutObject" : "s3:GetObject";
          return { action, resource: `arn:aws:s3:::${bucket()}${path}` };
        }),
    ];
    const decided = await Promise.all(
      requests.map(async (request) => ({ request, by: await policies.decide(request) })),
    );

    expect(decided.filter(({ by }) => by.length === 0).map(({ request }) => request)).toEqual([]);
    const needed = new Set(decided.flatMap(({ request, by }) => by.map((sid) => `${sid} ${request.action}`)));
    const allowed = new Set(policies.permissions.map(({ sid, action }) => `${sid} ${action}`));
    process.stdout.write(`\nCalls: ${[...new Set(calls.map(({ action }) => action))].sort().join(", ")}\n`);
    process.stdout.write(`Allowed and needed: ${[...needed].sort().join(", ")}\n`);
    expect([...allowed].filter((permission) => !needed.has(permission)).sort()).toEqual([
      // Makes a missing object a 404 instead of a 403: the emulator does not ask for it.
      "CacheMisses s3:ListBucket",
      // On the first spot request of an account only.
      "FirstSpotRequest iam:CreateServiceLinkedRole",
    ]);
  });
});
