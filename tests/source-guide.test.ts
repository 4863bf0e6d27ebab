import { parse } from "smol-toml";
import { parseFleetConfig } from "../components/config";
import { configToml } from "../components/config-toml";
import { renderMachineOptions } from "../components/machine-options";

// GitLab's guide of 2017, "Autoscaling GitLab Runner on AWS": the full example and the spot options, in this project's stack file.
const stackFile = {
  concurrent: "10", // concurrent = 10
  // check_interval = 0 meant the default, 3 seconds
  cache: {}, // the bucket, its name and its region are made here
  workers: {
    instanceType: "m4.2xlarge", // amazonec2-instance-type
    tags: {
      "runner-manager-name": "gitlab-aws-autoscaler",
      gitlab: "true",
      "gitlab-runner-autoscale": "true",
    }, // amazonec2-tags
    spot: { maxPrice: "0.03" }, // amazonec2-request-spot-instance, amazonec2-spot-price
    // amazonec2-block-duration-minutes: AWS ended it
  },
  runners: [
    {
      name: "gitlab-aws-autoscaler",
      limit: 20, // limit = 20
      docker: { image: "alpine", privileged: true }, // disable_cache = true is what this project always says
      cache: { shared: true }, // Shared = true
      machine: {
        name: "docker-machine-%s", // MachineName, but for "gitlab-": the fleet's id stands before it, and a host name has an end
        idleCount: 1, // IdleCount
        idleTime: 1800, // IdleTime
        maxBuilds: 100, // MaxBuilds
      },
      autoscaling: [
        {
          periods: ["* * 0-9,18-23 * * mon-fri *", "* * * * * sat,sun *"], // OffPeakPeriods
          timezone: "UTC", // OffPeakTimezone was the bastion's own, which is UTC
          idleCount: 0, // OffPeakIdleCount
          idleTime: 1200, // OffPeakIdleTime
        },
      ],
    },
  ],
  runnerTokens: { "gitlab-aws-autoscaler": "glrt-token" }, // token: an authentication token now
};

const values = {
  "aws:region": "us-east-1", // BucketLocation; the guide's us-central-1 is no region of AWS
  ...Object.fromEntries(
    Object.entries(stackFile).map(([key, value]) => [
      `gitlab-runner-fleet:${key}`,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  ),
};

describe("the source guide's full example", () => {
  const { config } = parseFleetConfig("gitlab-runner-fleet", values, ["gitlab-runner-fleet:runnerTokens"]);
  const [runner] = config.runners;
  if (!runner) throw new Error("the guide has a runner");

  it("means the same in today's config.toml", () => {
    const text = configToml(config, {
      fleetId: "0a1b2c3d",
      machineOptions: [["amazonec2-region=us-east-1"]],
      cacheBucketName: "the-bucket",
    });
    expect(parse(text)).toMatchObject({
      concurrent: 10,
      check_interval: 3,
      runners: [
        {
          name: "gitlab-aws-autoscaler",
          url: "https://gitlab.com",
          token: "@@runner-token/gitlab-aws-autoscaler@@",
          executor: "docker+machine",
          limit: 20,
          docker: { image: "alpine", privileged: true, disable_cache: true },
          // AccessKey and SecretKey are gone: the AWS SDK finds the credentials that the bastion has.
          cache: {
            Type: "s3",
            Shared: true,
            s3: {
              BucketName: "the-bucket",
              BucketLocation: "us-east-1",
              AuthenticationType: "iam",
              DualStack: false,
            },
          },
          machine: {
            IdleCount: 1,
            IdleTime: 1800,
            MaxBuilds: 100,
            MachineDriver: "amazonec2",
            MachineName: "0a1b2c3d-docker-machine-%s",
            MachineOptions: ["amazonec2-region=us-east-1"],
            autoscaling: [
              {
                Periods: ["* * 0-9,18-23 * * mon-fri *", "* * * * * sat,sun *"],
                Timezone: "UTC",
                IdleCount: 0,
                IdleTime: 1200,
              },
            ],
          },
        },
      ],
    });
  });

  it("makes the same machines", () => {
    const options = renderMachineOptions({
      region: config.region,
      vpcId: "vpc-xxxxx",
      subnetId: "subnet-xxxxx",
      availabilityZone: "us-east-1a",
      securityGroupName: "docker-machine-scaler",
      instanceProfileName: "workers",
      imageId: "ami-xxxxx",
      privateAddressOnly: false,
      userDataFile: "/etc/gitlab-runner/worker-user-data",
      engineInstallUrl: "file:///opt/fleet/install-docker.sh",
      ...runner.workers,
    });
    expect(options).toEqual(
      expect.arrayContaining([
        "amazonec2-region=us-east-1",
        "amazonec2-vpc-id=vpc-xxxxx",
        "amazonec2-subnet-id=subnet-xxxxx",
        "amazonec2-use-private-address=true",
        "amazonec2-tags=gitlab,true,gitlab-runner-autoscale,true,runner-manager-name,gitlab-aws-autoscaler",
        "amazonec2-security-group=docker-machine-scaler",
        "amazonec2-instance-type=m4.2xlarge",
        "amazonec2-request-spot-instance=true",
        "amazonec2-spot-price=0.03",
      ]),
    );
    // AWS credentials are neither in config.toml nor in a process's arguments.
    expect(options.filter((option) => /access-key|secret-key|block-duration/.test(option))).toEqual([]);
  });
});
