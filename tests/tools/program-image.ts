import * as fs from "fs";
import { imageOfLayer, type MadeImage } from "./images";
import type { ThrowawayMachine } from "./throwaway-machine";

/** What an image is made of. */
export interface ImageContent {
  /** Programs of this machine, by their paths; they come into /usr/bin, with the libraries that they load. */
  programs: string[];

  /** Further names of the first program. */
  links?: string[];

  /** Other files, by their paths in the machine and in the image. */
  files?: string[];

  /** E.g. `{ Entrypoint: ["buildkitd"] }`. */
  configuration?: Record<string, unknown>;
}

/** Puts the file system of an image together in the folder `$1`, and writes it to `$1.tar`. */
const assemble = `
set -euo pipefail
root="$1" programs="$2" links="$3" files="$4"
mkdir --parents "$root"/{bin,usr/bin,etc,root,run,tmp}
for program in $programs; do
  cp --dereference "$program" "$root/usr/bin"
  for library in $(ldd "$program" 2>/dev/null | grep --only-matching '/[^ ]*' || true); do
    cp --parents --dereference "$library" "$root"
  done
done
for link in $links; do ln --symbolic "/usr/bin/$(basename "\${programs%% *}")" "$root/bin/$link"; done
for file in $files; do cp --parents --dereference "$file" "$root"; done
tar --create --directory "$root" --file "$root.tar" .
`;

let images = 0;

/** Makes an image of programs that are on the machine. */
export async function makeProgramImage(machine: ThrowawayMachine, content: ImageContent): Promise<MadeImage> {
  const { programs, links = [], files = [], configuration = {} } = content;
  const folder = `/tmp/image-${(images += 1)}`;
  const words = [programs, links, files].map((list) => list.join(" "));
  const assembled = await machine.run(["bash", "-c", assemble, "bash", folder, ...words]);
  if (assembled.status !== 0) {
    throw new Error(`The image is not put together: ${assembled.stderr}`);
  }
  const layer = fs.readFileSync(machine.outside(`${folder}.tar`));
  return imageOfLayer(layer, { Env: ["PATH=/usr/bin:/bin"], ...configuration });
}
