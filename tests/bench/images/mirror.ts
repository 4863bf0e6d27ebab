import { randomBytes } from "crypto";
import { startEngine, type Engine } from "../../tools/engine";
import { RegistryMachine } from "../../tools/registry-machine";
import { contest } from "./contest";
import type { Comparison } from "./figures";

const hub = "registry-1.docker.io";
const megabytes = 150;
/** How far away Docker Hub is: milliseconds before each answer, and megabits a second. */
const distance = { delay: 40, rate: 200 };

/** An engine that has never pulled anything. */
async function onNewWorker(
  registries: RegistryMachine,
  flags: string[],
  use: (engine: Engine) => Promise<number>,
): Promise<number> {
  const engine = await startEngine(registries.machine, "/srv/worker", [
    ...["--bridge", "none", "--iptables=false", "--ip6tables=false"],
    ...flags,
  ]);
  try {
    return await use(engine);
  } finally {
    await engine.stop();
  }
}

async function pull(engine: Engine, image: string): Promise<number> {
  const started = Date.now();
  const { status, stderr } = await engine.docker("pull", "--quiet", image);
  if (status !== 0) throw new Error(`docker pull ${image}: ${stderr}`);
  return (Date.now() - started) / 1000;
}

/** An image of 150 MB, by an engine that goes to Docker Hub, and by engines that go to the mirror. */
export async function imagePulled(runs: number): Promise<Comparison> {
  const registries = await RegistryMachine.start({}, {}, 4096);
  registries.setUpstream(distance);
  const mirror = ["--registry-mirror", `http://${RegistryMachine.host}:6000`];
  let published = 0;
  const newImage = () => {
    published += 1;
    registries.publishImage(`${hub}/library/large`, published.toString(), randomBytes(megabytes * 1_000_000));
    return lastImage();
  };
  const lastImage = () => `large:${published}`;
  const measure = (flags: string[], image: () => string) => () => {
    const name = image();
    return onNewWorker(registries, flags, (engine) => pull(engine, name));
  };
  const title = `Pulling an image of ${megabytes} MB, Docker Hub ${distance.delay} ms and ${distance.rate} Mbit/s away`;
  const direct = "from Docker Hub";
  const first = "through the mirror, the fleet's first pull";
  const next = "through the mirror, every further one";
  try {
    return await contest(
      title,
      [
        { name: direct, costs: "nothing", measure: measure([], newImage) },
        { name: first, costs: "the mirror instance", measure: measure(mirror, newImage) },
        { name: next, costs: "the mirror instance", measure: measure(mirror, lastImage) },
      ],
      [{ way: next, than: first, timesFaster: 3 }],
      runs,
    );
  } finally {
    await registries.stop();
  }
}
