import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { Emulator } from "../../tools/emulator";
import { twoStages } from "./applications";
import type { BuildDaemon, DaemonOptions } from "./build-daemon";
import { makeCertificates } from "./certificates";
import { contest, type Contestant } from "./contest";
import type { Comparison } from "./figures";
import type { Site } from "./site";

const without = "New worker, no cache";
const zstd = "mode=max, zstd";
const inMemory = `${zstd}, root in memory`;
const costsMemory = "memory on the worker for all that is unpacked";
const shared = "One BuildKit daemon for the fleet";

const max = (compression: string) => `,mode=max,force-compression=true,compression=${compression}`;

/** The hard case: the stage whose result is copied has to be there, because something in it changed. */
export async function twoStagesChanged(site: Site, runs: number, everything: boolean): Promise<Comparison> {
  const emulator = await Emulator.start();
  try {
    await site.buildOnNewWorker({
      context: site.checkout(twoStages, 0),
      cacheTo: site.cache("gzip", ",mode=max"),
    });
    const ways = [
      layerCache(site, zstd, "zstd", max("zstd"), "workers and registries that read zstd"),
      layerCache(site, inMemory, "zstd", max("zstd"), costsMemory, { root: "memory" }),
      sharedDaemon(site),
      ...(everything ? await others(site, emulator) : []),
    ];
    return await contest(
      "Two stages, COPY --from; one source file changed",
      [
        {
          name: without,
          costs: "nothing",
          measure: (change) => site.buildOnNewWorker({ context: site.checkout(twoStages, change) }),
        },
        ...ways,
      ],
      [
        { way: inMemory, than: without, timesFaster: 3 },
        { way: shared, than: without, timesFaster: 3 },
      ],
      runs,
    );
  } finally {
    await emulator.stop();
  }
}

async function others(site: Site, emulator: Emulator): Promise<Contestant[]> {
  return [
    layerCache(site, "mode=min, gzip", "min", ",mode=min", "the least space: the result's layers only"),
    layerCache(site, "mode=max, gzip", "gzip", ",mode=max", "space for every stage"),
    layerCache(site, "mode=max, gzip, root in memory", "gzip", ",mode=max", costsMemory, { root: "memory" }),
    layerCache(
      site,
      `${zstd} level 1`,
      "zstd-1",
      `${max("zstd")},compression-level=1`,
      "a little more space",
    ),
    layerCache(
      site,
      `${zstd} level 9`,
      "zstd-9",
      `${max("zstd")},compression-level=9`,
      "more time when a layer is new",
    ),
    layerCache(site, "mode=max, uncompressed", "tar", max("uncompressed"), "the most space and traffic"),
    layerCache(
      site,
      "mode=max, estargz, lazy",
      "estargz",
      max("estargz"),
      "FUSE on the worker; the most time when a layer is new",
      {
        snapshotter: "stargz",
      },
    ),
    await s3Cache(site, emulator),
  ];
}

/** A new worker with the layer cache that another worker wrote in the same form. */
function layerCache(
  site: Site,
  name: string,
  tag: string,
  options: string,
  costs: string,
  daemon: DaemonOptions = {},
): Contestant {
  return newWorker(site, name, costs, (suffix) => site.cache(`${tag}${suffix}`), options, daemon);
}

/** BuildKit's own cache in S3, against an emulator, whose speed is not S3's. */
async function s3Cache(site: Site, emulator: Emulator): Promise<Contestant> {
  const region = "eu-central-1";
  const credentials = { accessKeyId: "key", secretAccessKey: "secret" };
  const client = new S3Client({ region, endpoint: emulator.url, forcePathStyle: true, credentials });
  await client.send(
    new CreateBucketCommand({ Bucket: "layers", CreateBucketConfiguration: { LocationConstraint: region } }),
  );
  const cache = (suffix: string) =>
    [
      `type=s3,region=${region},bucket=layers,name=application${suffix}`,
      `endpoint_url=${emulator.url},use_path_style=true,access_key_id=key,secret_access_key=secret`,
    ].join(",");
  return newWorker(
    site,
    `${zstd}, S3 (emulated)`,
    "S3 requests and storage, keys in jobs",
    cache,
    max("zstd"),
  );
}

function newWorker(
  site: Site,
  name: string,
  costs: string,
  cache: (suffix: string) => string,
  options: string,
  daemon: DaemonOptions = {},
): Contestant {
  return {
    name,
    costs,
    prepare: () =>
      site.buildOnNewWorker({
        context: site.checkout(twoStages, 0),
        cacheFrom: site.cache("gzip"),
        cacheTo: `${cache("")}${options}`,
      }),
    measure: (change) =>
      site.buildOnNewWorker(
        {
          context: site.checkout(twoStages, change),
          cacheFrom: cache(""),
          // Not over what the next run reads.
          cacheTo: `${cache("-next")}${options}`,
        },
        daemon,
      ),
  };
}

/** A daemon on the mirror instance that stays, and that workers connect to by mutual TLS. */
function sharedDaemon(site: Site): Contestant {
  let daemon: BuildDaemon | undefined;
  return {
    name: shared,
    costs: "a bigger instance; who may build runs code there and sees what others built",
    prepare: async () => {
      daemon = await site.daemon({ certificates: makeCertificates(site.folder) });
      // Without the layer cache: what BuildKit imports, it takes for one build only.
      await site.build(daemon, { context: site.checkout(twoStages, 0) });
    },
    measure: async (change) => {
      if (daemon === undefined) throw new Error("The daemon was not prepared");
      return await site.build(daemon, { context: site.checkout(twoStages, change) });
    },
    stop: async () => daemon?.stop(),
  };
}
