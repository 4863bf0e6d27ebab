import * as http from "http";
import type { AddressInfo } from "net";

/** An HTTP server on this machine's loopback. */
export interface HttpServer {
  /** E.g. "http://127.0.0.1:34567". */
  url: string;
  stop: () => Promise<void>;
}

/** Starts an HTTP server on a free port, or on the one named. */
export async function startHttpServer(answer: http.RequestListener, port = 0): Promise<HttpServer> {
  const server = http.createServer(answer);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  server.unref();
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}`,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
