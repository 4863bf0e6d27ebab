import { execFileSync, spawn } from "child_process";
import type { Server } from "net";
import { ThrowawayMachine } from "./throwaway-machine";

/** Makes a socket in the network that it is started in, and hands it over. */
const socketMaker = `
const [host, port] = process.argv.slice(1);
const server = require("net").createServer({ pauseOnConnect: true });
server.listen({ host, port: Number(port), backlog: 511 }, () => {
  process.send("listening", server, () => process.exit());
});
`;

let links = 0;

/**
 * A network of throwaway machines that have one of their own: an AWS VPC with its name server, at which this process may listen. Nothing
 * of it is to be seen on the machine that the tests run on.
 */
export class MachineNetwork {
  /** Router and name server. */
  static readonly router = "10.0.0.2";
  /** Where instances find their metadata. */
  static readonly metadata = "169.254.169.254";

  private constructor(private readonly machine: ThrowawayMachine) {}

  /** @param names which address a domain is at, with all below it, e.g. `{ "amazonaws.com": "10.0.0.2" }` */
  static async start(names: Record<string, string>): Promise<MachineNetwork> {
    const machine = await ThrowawayMachine.start("own");
    const addresses = Object.entries(names).map(([name, address]) => `--address=/${name}/${address}`);
    const script = `
set -e
# Of its own: else the bridge takes the lowest of its members', and nobody finds it for a while when it has got another one.
ip link add bridge address 02:00:0a:00:00:02 type bridge
ip address add ${MachineNetwork.router}/16 dev bridge
ip address add ${MachineNetwork.metadata}/32 dev bridge
ip link set bridge up
exec dnsmasq --no-resolv --no-hosts --bind-interfaces --listen-address=${MachineNetwork.router} "$@"`;
    const { status, stderr } = await machine.run(["bash", "-c", script, "bash", ...addresses]);
    if (status !== 0) throw new Error(`The network does not start: ${stderr}`);
    return new MachineNetwork(machine);
  }

  /** Connects a machine, which then finds everything by its name. */
  async connect(machine: ThrowawayMachine, address: string): Promise<void> {
    const link = `link${(links += 1)}`;
    const here = this.machine.processId.toString();
    const there = ["peer", "name", "eth0", "netns", machine.processId.toString()];
    execFileSync("ip", ["link", "add", link, "netns", here, "type", "veth", ...there]);
    await this.machine.run(["ip", "link", "set", link, "master", "bridge", "up"]);
    // An address that another machine had before is asked for in vain when it has moved to another card.
    const card = [
      "02",
      "00",
      ...address.split(".").map((part) => Number(part).toString(16).padStart(2, "0")),
    ];
    const script = `
ip link set eth0 address ${card.join(":")} && ip address add ${address}/16 dev eth0 && ip link set eth0 up && ip route add default via ${MachineNetwork.router}`;
    const { status, stderr } = await machine.run(["sh", "-c", script]);
    if (status !== 0) throw new Error(`${address} is not connected: ${stderr}`);
    machine.write("/etc/resolv.conf", `nameserver ${MachineNetwork.router}\n`);
  }

  /** Lets a server of this process listen in the network. */
  async listen(server: Server, host: string, port: number): Promise<void> {
    const network = `--net=/proc/${this.machine.processId}/ns/net`;
    const maker = spawn("nsenter", [network, process.execPath, "-e", socketMaker, host, port.toString()], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    await new Promise<void>((resolve, reject) => {
      maker.once("message", (_, socket) => server.listen(socket, resolve));
      maker.once("exit", (code) => {
        reject(new Error(`${host}:${port} cannot be listened at: ${String(code)}`));
      });
    });
    server.unref();
  }

  stop(): Promise<void> {
    return this.machine.stop();
  }
}
