import { startService, type Service } from "./service";
import type { ThrowawayMachine } from "./throwaway-machine";

/** Runs on the machine: `port target method path`; it ends when a request comes that is the second of its kind. */
const proxy = `
const http = require("http");
const [port, target, method, path] = process.argv.slice(2);
let fatal = 0;
http.createServer((request, response) => {
  if (request.method === method && new RegExp(path).test(request.url) && ++fatal === 2) process.exit();
  const { url, headers } = request;
  const onward = http.request({ host: "127.0.0.1", port: target, path: url, method: request.method, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  onward.on("error", () => response.destroy());
  request.pipe(onward);
}).listen(port);
`;

/** Stands before a server, and is gone as soon as a second request with a certain method and path comes. */
export async function startFragileProxy(
  machine: ThrowawayMachine,
  port: number,
  target: number,
  fatal: { method: string; path: RegExp },
): Promise<Service> {
  machine.write("/tmp/fragile-proxy.js", proxy);
  const words = [port.toString(), target.toString(), fatal.method, fatal.path.source];
  return startService(
    machine,
    [process.execPath, "/tmp/fragile-proxy.js", ...words],
    `curl http://127.0.0.1:${port}/`,
  );
}
