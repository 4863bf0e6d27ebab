import { cpSync, mkdirSync, writeFileSync } from "fs";
import { join } from "path";
import { requireProgram } from "../../tools/programs";
import type { BaseImages } from "./applications";
import { BuildDaemon } from "./build-daemon";
import type { Materials } from "./materials";

/** Makes the base images from files, since what is measured needs nothing from Docker Hub. */
export async function pushBaseImages(
  folder: string,
  materials: Materials,
  registry: string,
): Promise<BaseImages> {
  const busybox = join(folder, "busybox");
  mkdirSync(join(busybox, "bin"), { recursive: true });
  cpSync(requireProgram("busybox"), join(busybox, "bin/busybox"), { dereference: true });
  writeFileSync(
    join(busybox, "Dockerfile"),
    'FROM scratch\nCOPY bin bin\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n',
  );
  const node = join(folder, "node");
  mkdirSync(node);
  cpSync(materials.debianBase, join(node, "debian.tar"));
  // What Debian's own images have: a package that is installed does not stay in the layer as an archive, too.
  writeFileSync(
    join(node, "docker-clean"),
    'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin"; };\n',
  );
  writeFileSync(
    join(node, "Dockerfile"),
    "FROM scratch\nADD debian.tar /\nCOPY docker-clean /etc/apt/apt.conf.d/\n",
  );

  const images = { busybox: `${registry}/busybox:1`, node: `${registry}/node:1` };
  const daemon = await BuildDaemon.start(folder);
  try {
    await daemon.build({ context: busybox, image: images.busybox });
    await daemon.build({ context: node, image: images.node });
  } finally {
    await daemon.stop();
  }
  return images;
}
