import { request, type IncomingHttpHeaders, type IncomingMessage } from "http";
import { startHttpServer, type HttpServer } from "../tools/http-server";

/** What is answered to a call of AWS's API. */
export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** Starts a server in front of an emulator of AWS. Where `answer` fails, the connection ends. */
export function startRelay(
  answer: (asked: IncomingMessage, body: Buffer) => Promise<Answer>,
): Promise<HttpServer> {
  return startHttpServer((asked, reply) => {
    bytesOf(asked)
      .then((body) => answer(asked, body))
      .then(
        ({ status, headers, body }) => reply.writeHead(status, headers).end(body),
        () => reply.destroy(),
      );
  });
}

/** Asks the emulator. The host is as it was signed. */
export function passOn(emulator: string, asked: IncomingMessage, body: Buffer): Promise<Answer> {
  const { method, url = "", headers } = asked;
  return new Promise((done, failed) => {
    const passed = request(`${emulator}${url}`, { method, headers }, (answer) => {
      bytesOf(answer).then((body) => {
        done({ status: answer.statusCode ?? 500, headers: answer.headers, body });
      }, failed);
    });
    passed.on("error", failed).end(body);
  });
}

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
