import { join } from "path";
import { freeAddress } from "../../../cli/local/emulator";
import { projectFolder } from "../../../cli/local/workspace";
import { requireProgram } from "../../tools/programs";
import { startServer, type Server } from "./processes";

/** A registry of the bench's own. */
export interface Registry extends Server {
  /** Host and port. */
  address: string;
}

/**
 * Starts the layer cache's server from the file that the fleet's mirror instance has, on another address.
 * @param folder where it keeps its data
 */
export async function startRegistry(folder: string, name: string): Promise<Registry> {
  const url = await freeAddress();
  const debug = await freeAddress();
  const server = await startServer(
    [requireProgram("registry"), "serve", join(projectFolder, "userdata/registry-mirror/layer-cache.yml")],
    {
      environment: {
        REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: join(folder, name),
        REGISTRY_HTTP_ADDR: new URL(url).host,
        REGISTRY_HTTP_DEBUG_ADDR: new URL(debug).host,
      },
      log: join(folder, `${name}.log`),
      answers: async () => (await fetch(`${url}/v2/`)).ok,
    },
  );
  return { ...server, address: new URL(url).host };
}
